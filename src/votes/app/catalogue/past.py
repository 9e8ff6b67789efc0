"""The past: a tool's votes over time, and its tally at a position or a time.

The read models hold the votes by month and hour, and a mark (the tally) every `MARK_EVERY` votes.
The votes between a mark, or the start of an hour, and the given moment are read from the log.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from votes.app.catalogue.stored import StoredValues
from votes.app.catalogue.tools import Tool
from votes.app.catalogue.trend import TrendView, Window, before, buckets, changes, keys_of, total
from votes.domain.terms import ToolId
from votes.domain.vote_events import VOTE_EVENTS
from votes.engine.log import Position, Recorded
from votes.engine.ports import CountQuery, EventStore, Unavailable
from votes.engine.read_model_store import ReadModelStore
from votes.engine.reading.reader import Reader, ReadSource
from votes.projections import tallies
from votes.projections.over_time import (
    HOURS,
    MARK_EVERY,
    MARKS,
    MONTHS,
    Slot,
    day_key,
    mark_key,
    month_number,
)
from votes.projections.tallies import TALLIES, Counts, Tally

MORE_WHERE_PARKED = (8 * MARK_EVERY, 64 * MARK_EVERY)
"""How many votes back a mark is searched where votes are parked."""
WITHOUT = ("claims", "previous_claims")
"""What votes say beside their change of the tally: equal ones but for this are counted together."""


class Past:
    """Queries about the past, on their own connections. All methods raise `Unavailable`."""

    def __init__(self, store: EventStore, reader: Reader, read_model_store: ReadModelStore) -> None:
        self._store = store
        self._reader = reader
        self._values = StoredValues(reader, read_model_store).read

    async def tally_at_position(
        self, source: ReadSource, tool: ToolId, position: Position
    ) -> Tally | None:
        """The tally after the event at the position; None where there was no vote yet. For a
        position beyond the head of the log, the current tally.

        Raises `NotYet` where the read models do not reach the position in time.
        """
        if position > source.models.position:
            source = await self._reader.models(min(position, await self._store.head()))
        now = source.models.get(TALLIES, tool)
        if now is not None and now.position <= position:
            return now
        for limit in (MARK_EVERY, *MORE_WHERE_PARKED):
            votes = await self._store.last_about(tool, VOTE_EVENTS, position, limit)
            keys = [(MARKS, mark_key(tool, vote.position)) for vote in votes]
            marks = await self._values(source, keys) if keys else []
            newest = max((place for place, mark in enumerate(marks) if mark), default=None)
            if newest is not None:
                return _folded(marks[newest], votes[newest:], source.models.parked())
            if len(votes) < limit:
                return None
        raise Unavailable("too many of these votes are parked")

    async def tally_at_time(self, source: ReadSource, tool: ToolId, at: datetime) -> Tally | None:
        """The tally of the votes cast up to the time; None where there were none.

        Its `heat` is not counted.
        """
        days = [(HOURS, day_key(tool, at.replace(day=day))) for day in range(1, at.day + 1)]
        months, *earlier, hours = await self._values(source, [(MONTHS, tool), *days])
        parts = [*before(months or (), month_number(at))]
        parts += [slot for slots in earlier for slot in slots or ()]
        for slot in hours or ():
            if slot.number < at.hour:
                parts.append(slot)
            elif slot.number == at.hour:
                parts += await self._of_hour(source, tool, slot, at)
        if not parts:
            return None
        last = max(slot.last for slot in parts)
        for event in await self._store.at([last]):
            return Tally(total(parts).clipped, last, event.at)
        raise Unavailable("the log lacks a projected vote")

    async def _of_hour(
        self, source: ReadSource, tool: ToolId, hour: Slot, at: datetime
    ) -> list[Slot]:
        """The slot's votes up to the time."""
        start = at.replace(minute=0, second=0, microsecond=0)
        range_ = hour.first, hour.last, start, at
        parked = list(source.models.parked())
        query = CountQuery(tool, VOTE_EVENTS, hour.late, *range_, parked, WITHOUT)
        parts = []
        for votes in await self._store.count_events(query):
            counts = tallies.moved(votes.event) * votes.count
            parts.append(Slot(hour.number, hour.late, counts, hour.first, votes.position))
        return parts

    async def trend(self, source: ReadSource, tool: Tool, window: Window) -> TrendView:
        """The votes in the window."""
        values = await self._values(source, keys_of(tool.id, window))
        months = values[0] or ()
        last = max((slot.last for slot in months), default=0)
        return TrendView(tool.slug, window.bucket, buckets(window, values), last)

    async def changes(self, source: ReadSource, tool: ToolId, window: Window) -> list[Counts]:
        """The change of the tally in each bucket of the window."""
        _, by_bucket = changes(window, await self._values(source, keys_of(tool, window)))
        return by_bucket


def _folded(mark: Tally, votes: Sequence[Recorded], without: Collection[Position]) -> Tally | None:
    tally: Tally | None = mark
    for vote in votes:
        if vote.position not in without:
            tally = tallies.evolve(tally, vote)
    return tally
