"""Profiles: each tool's catalogue entry and panel reviews.

They are apart from the tallies because votes move those a thousand times as often.
"""

import zlib
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import astuple, replace

from votes.domain.review import (
    Opinion,
    ReviewPublished,
    ReviewRevised,
    ReviewWithdrawn,
    persona_of,
)
from votes.domain.terms import PersonaSlug, ToolSlug, checked_slug
from votes.domain.tool import (
    Entry,
    ToolDelisted,
    ToolListed,
    ToolRenamed,
    ToolRevised,
    lowest_price,
)
from votes.engine.log import Position, Recorded
from votes.engine.projection import Projection


class PanelReview(Struct, frozen=True, gc=False):
    persona: PersonaSlug
    opinion: Opinion
    revised_at: datetime


class Profile(Struct, frozen=True, gc=False):
    """A tool: `position` is that of the last event that changed it.

    What lists are sorted, filtered and searched by is apart: the entry's `name`, `category` and
    `tagline`, and its lowest `price`. The whole entry is `packed`, so that a process holds many.
    `former` are the other slugs that lead to it.
    """

    slug: ToolSlug
    name: str
    category: str
    tagline: str
    price: float | None
    packed: bytes
    listed: bool
    listed_at: datetime
    position: Position
    reviews: tuple[PanelReview, ...] = ()
    former: tuple[ToolSlug, ...] = ()

    @property
    def entry(self) -> Entry:
        return _unpacked(self.packed)

    def __eq__(self, other: object) -> bool:
        """Whether the other says the same: another zlib may pack it to other bytes."""
        if not isinstance(other, Profile):
            return NotImplemented
        if self.packed != other.packed and self.entry == other.entry:
            other = replace(other, packed=self.packed)
        return astuple(self) == astuple(other)

    __hash__ = None  # type: ignore[assignment]


def parts_of(entry: Entry) -> dict[str, Any]:
    """The fields of a profile that its entry gives."""
    return {
        "name": entry.name,
        "category": entry.category,
        "tagline": entry.tagline,
        "price": lowest_price(entry),
        "packed": _packed(entry),
    }


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode
_COMMON = (
    b'"plans":[{"name":"Free","price":0.0,"period":""},{"name":"Pro","price":null,"period":""}],'
    b'{"name":"","category":"","tagline":"","description":"","url":"https://www.","pricing":"",'
    b'"best_for":"","plans":['
)
"""What entries have in common, so that none of them pays for it. Another text could not unpack what
this one has packed."""


def _packed(entry: Entry) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS, zdict=_COMMON)
    return packer.compress(_encode(entry)) + packer.flush()


@lru_cache(maxsize=1_000)
def _unpacked(packed: bytes) -> Entry:
    """The entry. Raises `ValueError` for what is no packed entry."""
    try:
        return _decode(zlib.decompressobj(-zlib.MAX_WBITS, _COMMON).decompress(packed))
    except zlib.error as error:
        raise ValueError("not a packed entry") from error


def evolve(profile: Profile | None, recorded: Recorded, *_: object) -> Profile | None:
    """The profile after the event; the same object where the event changes nothing."""
    event, position = recorded.event, recorded.position
    if isinstance(event, ToolListed):
        checked_slug(recorded.subject)
        return Profile(
            slug=event.slug,
            **parts_of(event.entry),
            listed=True,
            listed_at=recorded.at,
            position=position,
            reviews=profile.reviews if profile else (),
            former=profile.former if profile else (),
        )
    if profile is None:
        return None
    match event:
        case ToolRevised(entry=entry):
            return replace(profile, **parts_of(entry), position=position)
        case ToolRenamed(slug=slug, entry=entry):
            former = (*profile.former, profile.slug)
            changed = parts_of(entry)
            return replace(profile, slug=slug, **changed, former=former, position=position)
        case ToolDelisted():
            return replace(profile, listed=False, position=position)
        case ReviewPublished() | ReviewRevised():
            review = PanelReview(persona_of(recorded.stream), event.opinion, recorded.at)
            return replace(profile, reviews=with_review(profile, review), position=position)
        case ReviewWithdrawn():
            reviews = _without(profile, persona_of(recorded.stream))
            return replace(profile, reviews=reviews, position=position)
        case _:
            return profile


def with_review(profile: Profile, review: PanelReview) -> tuple[PanelReview, ...]:
    """The profile's reviews, and this one: a revised one keeps its place, a new one comes last."""
    return tuple(
        ({old.persona: old for old in profile.reviews} | {review.persona: review}).values()
    )


def _without(profile: Profile, persona: PersonaSlug) -> tuple[PanelReview, ...]:
    return tuple(review for review in profile.reviews if review.persona != persona)


def _tool(recorded: Recorded) -> tuple[str]:
    return (recorded.subject,)


PROFILES = Projection(
    "profiles",
    Profile,
    on=dict.fromkeys(
        (
            *(ToolListed, ToolRevised, ToolRenamed, ToolDelisted),
            *(ReviewPublished, ReviewRevised, ReviewWithdrawn),
        ),
        _tool,
    ),
    evolve=evolve,
)
"""The profile of each tool that was ever listed, by tool."""
