"""The votes on a tool over time: by month and by hour (UTC), and marks.

A vote counts at the time when it was cast, also an imported one. No value grows with the number of
votes: a tool has a key for each day with votes.
"""

from collections.abc import Iterable
from datetime import date

from msgspec import Struct

from votes.domain.vote_events import VOTE_EVENTS
from votes.engine.log import Position, Recorded
from votes.engine.projection import Before, Projection
from votes.projections.tallies import TALLIES, Counts, Tally, moved

MARK_EVERY = 256
"""The number of votes on a tool between two of its marks."""


class Slot(Struct, frozen=True, array_like=True, gc=False):
    """The change of the tally by the late votes of a month or hour, or by the others, and their
    first and last position. The others of an hour are near one another in the log."""

    number: int
    late: bool
    counts: Counts
    first: Position
    last: Position


Slots = tuple[Slot, ...]
"""The slots with votes, in order; that of a month's or hour's late votes comes second."""


def _moved(slots: Slots | None, number: int, recorded: Recorded, before: Before) -> Slots | None:
    """The slots with the vote added, unless it was cast before the listing of the tool: then it
    does not count, as in the tally."""
    if slots is None and before(TALLIES, recorded.subject) is None:
        return None
    position = recorded.position
    change = Slot(number, recorded.late, moved(recorded.event), position, position)
    return added(slots or (), change)


def added(slots: Slots, change: Slot) -> Slots:
    """The slots with these votes added. Theirs is one of the last, unless they were imported."""
    place = len(slots)
    while place and _order(slots[place - 1]) > _order(change):
        place -= 1
    if place and _order(old := slots[place - 1]) == _order(change):
        counts = old.counts + change.counts
        slot = Slot(old.number, old.late, counts, old.first, max(old.last, change.last))
        return (*slots[: place - 1], slot, *slots[place:])
    return (*slots[:place], change, *slots[place:])


def _order(slot: Slot) -> tuple[int, bool]:
    return slot.number, slot.late


def month_number(at: date) -> int:
    return at.year * 12 + at.month - 1


def day_key(tool: str, at: date) -> str:
    """The key of the hours of a day, with the number of the day as in `date.toordinal`."""
    return f"{tool}@{at.toordinal()}"


def mark_key(tool: str, position: Position) -> str:
    return f"{tool}@{position}"


def _by_month(slots: Slots | None, recorded: Recorded, _: str, before: Before) -> Slots | None:
    return _moved(slots, month_number(recorded.at), recorded, before)


def _by_hour(slots: Slots | None, recorded: Recorded, _: str, before: Before) -> Slots | None:
    return _moved(slots, recorded.at.hour, recorded, before)


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
