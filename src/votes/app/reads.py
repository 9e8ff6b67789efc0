"""Reads: from memory where it is live, else from the log and marked stale.

A read may ask for a `min_position`: it answers at or after that, or not at all.
"""

import asyncio
from datetime import datetime

from msgspec import Struct

from votes.app.memory import Memory
from votes.app.models import Models
from votes.app.ports import EventStore
from votes.app.project import fold_log
from votes.app.trend import votes_counted
from votes.domain import tally as tallies
from votes.domain.tally import Tally
from votes.domain.terms import Position, ToolSlug

WAIT_S = 3.0
LOG_FRESH_S = 0.1
"""How long the models folded from the log are good without looking for new events."""


class NotYet(Exception):
    """The projection did not reach the position in time."""


class ReadFrom(Struct, frozen=True):
    """The models to answer from; `stale` when they were folded here, from the log."""

    models: Models
    stale: bool


class Reads:
    """Where reads get their models."""

    def __init__(self, memory: Memory, store: EventStore, wait_s: float = WAIT_S) -> None:
        self.memory = memory
        self.store = store
        self._wait_s = wait_s
        self._folded: Models | None = None
        self._folded_at = 0.0
        self._folding = asyncio.Lock()

    async def models(self, min_position: Position = 0) -> ReadFrom:
        """The models at or after the position.

        Raises `NotYet` at the deadline, `Unavailable` when neither Redis nor Postgres answers.
        """
        live = self._live()
        if live is not None and live.position >= min_position:
            return ReadFrom(live, stale=False)
        try:
            async with asyncio.timeout(self._wait_s):
                return await self._wait(min_position)
        except TimeoutError:
            raise NotYet(f"position {min_position} is not projected yet") from None

    def _live(self) -> Models | None:
        """The live models, unless the log was read further than they have come back to."""
        live, folded = self.memory.models, self._folded
        if live is None or folded is None or live.epoch != folded.epoch:
            return live
        return live if live.position >= folded.position else None

    async def _wait(self, min_position: Position) -> ReadFrom:
        if self._live() is not None:
            await self.memory.reached(min_position)
            live = self._live()
            if live is not None and live.position >= min_position:
                return ReadFrom(live, stale=False)
        while True:
            models = await self._from_log()
            if models.position >= min_position:
                return ReadFrom(models, stale=True)
            await asyncio.sleep(LOG_FRESH_S)

    async def _from_log(self) -> Models:
        async with self._folding:
            now = asyncio.get_running_loop().time()
            if self._folded is None:
                self._folded = Models(await self.store.epoch())
                self._folded_at = -LOG_FRESH_S
            if now - self._folded_at >= LOG_FRESH_S:
                await fold_log(self.store, self._folded)
                self._folded_at = now
            return self._folded

    async def tally_at(
        self, tool: ToolSlug, position: Position, at: datetime, listed_at: datetime
    ) -> Tally:
        """The tally as it was at a position and a time, counted anew from the tool's votes.

        Its `heat` is not counted.
        """
        counts = await votes_counted(self.store, tool, position, at)
        if not counts:
            return Tally(0, 0, 0, listed_at)
        moves = [(alike.count, *tallies.moved(alike.event)) for alike in counts]
        last = max(alike.position for alike in counts)
        return Tally(
            ship=sum(count * ship for count, ship, _ in moves),
            skip=sum(count * skip for count, _, skip in moves),
            position=last,
            as_of=await self._time_of(last),
        )

    async def _time_of(self, position: Position) -> datetime:
        async for events in self.store.after(position - 1, 1):
            return events[0].at
        raise LookupError(position)
