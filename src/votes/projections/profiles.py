"""Profiles: each tool's catalogue entry and panel reviews.

They are apart from the tallies because votes move those a thousand times as often.
"""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from votes.domain.review import (
    Opinion,
    ReviewPublished,
    ReviewRevised,
    ReviewWithdrawn,
    persona_of,
)
from votes.domain.terms import PersonaSlug, ToolSlug, checked_slug
from votes.domain.tool import Entry, ToolDelisted, ToolListed, ToolRenamed, ToolRevised
from votes.engine.log import Position, Recorded
from votes.engine.projection import Projection


class PanelReview(Struct, frozen=True, gc=False):
    persona: PersonaSlug
    opinion: Opinion
    revised_at: datetime


class Profile(Struct, frozen=True, gc=False):
    """A tool: `position` is that of the last event that changed it.

    `former` are the other slugs that lead to it.
    """

    slug: ToolSlug
    entry: Entry
    listed: bool
    listed_at: datetime
    position: Position
    reviews: tuple[PanelReview, ...] = ()
    former: tuple[ToolSlug, ...] = ()


def evolve(profile: Profile | None, recorded: Recorded, *_: object) -> Profile | None:
    """The profile after the event; the same object where the event changes nothing."""
    event, position = recorded.event, recorded.position
    if isinstance(event, ToolListed):
        checked_slug(recorded.subject)
        old = (profile.reviews, profile.former) if profile else ()
        return Profile(event.slug, event.entry, True, recorded.at, position, *old)
    if profile is None:
        return None
    match event:
        case ToolRevised(entry=entry):
            return replace(profile, entry=entry, position=position)
        case ToolRenamed(slug=slug, entry=entry):
            former = (*profile.former, profile.slug)
            return replace(profile, slug=slug, entry=entry, former=former, position=position)
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
