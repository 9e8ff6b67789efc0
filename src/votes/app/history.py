"""What once was: tallies of the past and votes over time, counted from a tool's own votes.

To count reads every vote of the tool. So few counts run at a time, one serves all who ask for the
same, and its answer is remembered: in one world, what was counted up to a position never changes.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime
from typing import Any, TypeVar

from msgspec import Struct

from votes.app.trend import TrendView, Window, trend, votes_counted
from votes.domain.terms import ToolSlug
from votes.engine.log import Position
from votes.engine.ports import EventStore, Unavailable
from votes.projections import tallies
from votes.projections.tallies import Tally

COUNTS_MAX = 2
"""How many run at a time; the store has a connection for each."""
WAITING_MAX = 8
REMEMBERED_BUCKETS_MAX = 100_000
"""Some 15 MB: the trends of 3,000 tools."""
FRESH_VOTES_MAX = 2_000
FRESH_S = 60.0
"""How old a remembered count may be for a tool with more votes than that."""

_TIME_MAX = datetime.max.replace(tzinfo=UTC)

Found = TypeVar("Found")


class Overloaded(Unavailable):
    """Too many counts are waiting."""


class Asked(Struct, frozen=True):
    """The tool's tally in the models of now, which stand at `head` of their world and lack the
    events at the positions `parked`.

    The answer is to be as of `min_position` or later.
    """

    tool: ToolSlug
    tally: Tally
    head: Position
    world: str
    min_position: Position = 0
    parked: Collection[Position] = ()


class _Count(Struct):
    """A count of the events up to `position`, done or going on, which fills so many buckets."""

    position: Position
    head: Position
    begun_s: float
    buckets: int
    counting: "asyncio.Task[Any]"


class History:
    """Counts on a store of their own, and remembers."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._turn = asyncio.Semaphore(COUNTS_MAX)
        self._open: set[asyncio.Task[Any]] = set()
        self._known: OrderedDict[Any, _Count] = OrderedDict()
        self._buckets = 0

    async def tally_at_position(self, asked: Asked, position: Position) -> Tally | None:
        """The tally after the event at the position; None where there was no vote yet.

        Raises `Unavailable`.
        """
        if asked.tally.position <= position <= asked.head:
            return asked.tally
        return await self._counted(
            (asked.world, asked.tool, position),
            asked,
            position,
            lambda: tally_at(self._store, asked.tool, position, None, asked.parked),
        )

    async def tally_at_time(self, asked: Asked, at: datetime) -> Tally | None:
        """The tally of the votes cast up to the time; None where there were none.

        Of a tool with many votes perhaps a minute old: votes of the past may still be imported.
        Raises `Unavailable`.
        """
        position = asked.tally.position
        return await self._counted(
            (asked.world, asked.tool, at),
            asked,
            position,
            lambda: tally_at(self._store, asked.tool, position, at, asked.parked),
        )

    async def trend(self, asked: Asked, window: Window) -> TrendView:
        """The votes in the window; of a tool with many votes perhaps a minute old.

        Raises `Unavailable`.
        """
        position = asked.tally.position
        return await self._counted(
            (asked.world, asked.tool, window),
            asked,
            position,
            lambda: trend(self._store, asked.tool, window, position, asked.parked),
            window.count,
        )

    async def close(self) -> None:
        """End what is being counted."""
        for counting in self._open:
            counting.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _counted(
        self,
        key: Any,
        asked: Asked,
        position: Position,
        count: Callable[[], Awaitable[Found]],
        buckets: int = 1,
    ) -> Found:
        """What was counted, or is being counted, under the key up to the position.

        Whoever leaves takes nothing from the others: a count goes on to its end.
        """
        now_s = asyncio.get_running_loop().time()
        known = self._known.get(key)
        if known is None or not _good(known, asked, position, now_s):
            if len(self._open) >= COUNTS_MAX + WAITING_MAX:
                raise Overloaded("too many counts of the past are waiting")
            counting = asyncio.create_task(self._in_turn(count))
            known = _Count(position, asked.head, now_s, buckets, counting)
            self._remember(key, known)
            self._open.add(counting)
            counting.add_done_callback(lambda _: self._ended(key, known, position > asked.head))
        self._known.move_to_end(key)
        found: Found = await asyncio.shield(known.counting)
        return found

    async def _in_turn(self, count: Callable[[], Awaitable[Found]]) -> Found:
        async with self._turn:
            return await count()

    def _remember(self, key: Any, count: _Count) -> None:
        self._forget(key)
        self._known[key] = count
        self._buckets += count.buckets
        while self._buckets > REMEMBERED_BUCKETS_MAX:
            self._forget(next(iter(self._known)))

    def _forget(self, key: Any) -> None:
        count = self._known.pop(key, None)
        self._buckets -= count.buckets if count is not None else 0

    def _ended(self, key: Any, count: _Count, unfinished: bool) -> None:
        """A failure is for those who waited; what is yet to come is counted anew each time."""
        self._open.discard(count.counting)
        failed = count.counting.cancelled() or count.counting.exception() is not None
        if (failed or unfinished) and self._known.get(key) is count:
            self._forget(key)


def _good(count: _Count, asked: Asked, position: Position, now_s: float) -> bool:
    if count.position == position <= asked.head:
        return True
    many = asked.tally.total > FRESH_VOTES_MAX
    same = count.position == position or (many and now_s - count.begun_s < FRESH_S)
    return same and count.head >= asked.min_position


async def tally_at(
    store: EventStore,
    tool: ToolSlug,
    position: Position,
    at: datetime | None,
    without: Collection[Position] = (),
) -> Tally | None:
    """The tally of the votes up to the position, and cast up to the time if there is one.

    None where there are none. Its `heat` is not counted. Raises `Unavailable`. What rows of others
    take back that was never there leaves nothing, and not less.
    """
    counts = await votes_counted(store, tool, position, at or _TIME_MAX, without)
    if not counts:
        return None
    moves = [(alike.count, *tallies.moved(alike.event)) for alike in counts]
    last = max(alike.position for alike in counts)
    return Tally(
        ship=max(sum(count * ship for count, ship, _ in moves), 0),
        skip=max(sum(count * skip for count, _, skip in moves), 0),
        position=last,
        as_of=await _time_of(store, last),
    )


async def _time_of(store: EventStore, position: Position) -> datetime:
    async for events in store.after(position - 1, 1):
        return events[0].at
    raise LookupError(position)
