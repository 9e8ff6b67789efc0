"""The votes on a tool over time: by month and hour (UTC), and a mark every so many votes.

A vote counts at the time at which it was cast, so an imported one lies where it belongs. No value
grows with the votes: a tool has a key for each day on which it was voted on.
"""

from collections.abc import Iterable
from datetime import date, datetime

from msgspec import Struct

from votes.domain.vote import VOTE_EVENTS
from votes.engine.log import Position, Recorded
from votes.engine.projection import Before, Projection
from votes.projections.tallies import TALLIES, Counts, Tally, moved

MARK_EVERY = 256
"""So many votes on a tool lie between two of its marks."""


class Slot(Struct, frozen=True, array_like=True, gc=False):
    """The difference that the late votes of a month or hour, or the others, made, and their
    first and last position. The others of an hour stand near one another in the log."""

    number: int
    late: bool
    counts: Counts
    first: Position
    last: Position


Slots = tuple[Slot, ...]
"""The slots with votes, in order; of a month or hour the late votes come second."""


def _added(slots: Slots | None, number: int, recorded: Recorded, before: Before) -> Slots | None:
    """The slots with the vote in that one, which is one of the last unless the vote was imported.

    A vote before the tool was listed counts for nothing, here as in the tally.
    """
    if slots is None and before(TALLIES, recorded.subject) is None:
        return None
    slots, position = slots or (), recorded.position
    difference = moved(recorded.event)
    place, where = len(slots), (number, recorded.late)
    while place and _where(slots[place - 1]) > where:
        place -= 1
    if place and _where(old := slots[place - 1]) == where:
        slot = Slot(*where, old.counts + difference, old.first, position)
        return (*slots[: place - 1], slot, *slots[place:])
    return (*slots[:place], Slot(*where, difference, position, position), *slots[place:])


def _where(slot: Slot) -> tuple[int, bool]:
    return slot.number, slot.late


def month_number(at: datetime) -> int:
    return at.year * 12 + at.month - 1


def day_key(tool: str, at: date) -> str:
    """Where the hours of a day are; days are counted as Python does, from the year 1."""
    return f"{tool}@{at.toordinal()}"


def mark_key(tool: str, position: Position) -> str:
    return f"{tool}@{position}"


def _by_month(slots: Slots | None, recorded: Recorded, _: str, before: Before) -> Slots | None:
    return _added(slots, month_number(recorded.at), recorded, before)


def _by_hour(slots: Slots | None, recorded: Recorded, _: str, before: Before) -> Slots | None:
    return _added(slots, recorded.at.hour, recorded, before)


def _mark(mark: Tally | None, recorded: Recorded, _: str, before: Before) -> Tally | None:
    """The tally before the vote at this position, if one is due."""
    tally = before(TALLIES, recorded.subject)
    return tally if tally is not None and tally.moves % MARK_EVERY == 0 else mark


def _keys_of_month(recorded: Recorded) -> Iterable[str]:
    return (recorded.subject,)


def _keys_of_day(recorded: Recorded) -> Iterable[str]:
    return (day_key(recorded.subject, recorded.at),)


def _keys_of_mark(recorded: Recorded) -> Iterable[str]:
    return (mark_key(recorded.subject, recorded.position),)


MONTHS = Projection(
    "months",
    Slots,
    on=dict.fromkeys(VOTE_EVENTS, _keys_of_month),
    evolve=_by_month,
    replicated=False,
)
HOURS = Projection(
    "hours", Slots, on=dict.fromkeys(VOTE_EVENTS, _keys_of_day), evolve=_by_hour, replicated=False
)
MARKS = Projection(
    "marks", Tally, on=dict.fromkeys(VOTE_EVENTS, _keys_of_mark), evolve=_mark, replicated=False
)
