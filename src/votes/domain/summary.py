"""The read models of one tool: its tally, and its profile (catalogue entry and panel reviews).

Both are folded from the log alone, event by event, so a rebuilt model equals a live one byte
for byte. They are apart because votes move the one a thousand times as often as the other.
"""

from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from votes.domain import tally as tallies
from votes.domain.review import Opinion, ReviewPublished, ReviewRevised, ReviewWithdrawn
from votes.domain.tally import Tally
from votes.domain.terms import PersonaSlug, ToolSlug
from votes.domain.tool import Entry, ToolDelisted, ToolListed, ToolRevised
from votes.engine.log import Position, Recorded


class PanelReview(Struct, frozen=True):
    persona: PersonaSlug
    opinion: Opinion
    revised_at: datetime


class Profile(Struct, frozen=True):
    """A tool as listed: `position` is the last event that changed it; reviews by persona."""

    entry: Entry
    listed: bool
    listed_at: datetime
    position: Position
    reviews: tuple[PanelReview, ...] = ()


def tool_of(event: Any) -> ToolSlug | None:
    """The tool whose read models the event changes, None where it changes none."""
    match event:
        case (
            ToolListed(tool=tool)
            | ToolRevised(tool=tool)
            | ToolDelisted(tool=tool)
            | ReviewPublished(tool=tool)
            | ReviewRevised(tool=tool)
            | ReviewWithdrawn(tool=tool)
        ):
            return tool
        case _:
            return event.tool if tallies.event_of_votes(event) else None


def evolve_tally(tally: Tally | None, recorded: Recorded) -> Tally | None:
    """The tally after the event; a tool's listing starts it at nothing."""
    if tally is not None:
        return tallies.evolve(tally, recorded)
    if isinstance(recorded.event, ToolListed):
        return Tally(0, 0, recorded.position, recorded.at)
    return None


def evolve_profile(profile: Profile | None, recorded: Recorded) -> Profile | None:
    """The profile after the event; the same one where the event does not touch it."""
    event, position = recorded.event, recorded.position
    if isinstance(event, ToolListed):
        reviews = profile.reviews if profile else ()
        return Profile(event.entry, True, recorded.at, position, reviews)
    if profile is None:
        return None
    match event:
        case ToolRevised(entry=entry):
            return replace(profile, entry=entry, position=position)
        case ToolDelisted():
            return replace(profile, listed=False, position=position)
        case ReviewPublished() | ReviewRevised():
            review = PanelReview(event.persona, event.opinion, recorded.at)
            return replace(profile, reviews=_with(profile, review), position=position)
        case ReviewWithdrawn(persona=persona):
            return replace(profile, reviews=_without(profile, persona), position=position)
        case _:
            return profile


def _with(profile: Profile, review: PanelReview) -> tuple[PanelReview, ...]:
    """A revised review keeps its place; a new one comes last."""
    return tuple(
        ({known.persona: known for known in profile.reviews} | {review.persona: review}).values()
    )


def _without(profile: Profile, persona: PersonaSlug) -> tuple[PanelReview, ...]:
    return tuple(review for review in profile.reviews if review.persona != persona)
