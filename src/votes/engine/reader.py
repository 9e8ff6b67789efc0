"""Reads: from memory where it is live, else from the log and marked stale.

A read may ask for a `min_position`: it answers at or after that, or not at all.
"""

import asyncio

from msgspec import Struct

from votes.engine.log import Position
from votes.engine.ports import EventStore
from votes.engine.projection import Projections
from votes.engine.projector import belongs_to_log, fold_log
from votes.engine.read_models import ReadModels
from votes.engine.replica import Replica

WAIT_S = 3.0
LOG_WAIT_S = 0.5
"""How long a read waits for a log that does not answer, where older models are known."""
NOTICED_S = 0.01
LOG_FRESH_S = 0.1
"""How long the models folded from the log are good without looking for new events."""


class NotYet(Exception):
    """The projection did not reach the position in time."""


class ReadSource(Struct, frozen=True):
    """The models to answer from; `stale` when they were folded here, from the log."""

    models: ReadModels
    stale: bool


class Reader:
    """Where reads get their models."""

    def __init__(
        self,
        replica: Replica,
        store: EventStore,
        projections: Projections,
        wait_s: float = WAIT_S,
    ) -> None:
        self.replica = replica
        self.store = store
        self._projections = projections
        self._wait_s = wait_s
        self._folded: ReadModels | None = None
        self._reading: asyncio.Task[None] | None = None
        self._reading_since = 0.0
        """What was folded here from the log, and how that goes on."""

    async def models(self, min_position: Position = 0) -> ReadSource:
        """The models at or after the position.

        Raises `NotYet` at the deadline, `Unavailable` when neither Redis nor Postgres answers and
        nothing is known from before.
        """
        live = self._live()
        if live is not None and live.position >= min_position:
            return ReadSource(live, stale=False)
        try:
            async with asyncio.timeout(self._wait_s):
                return await self._wait(min_position)
        except TimeoutError:
            raise NotYet(f"position {min_position} is not projected yet") from None

    @property
    def latest(self) -> ReadModels | None:
        """What is known without asking anybody, however old; None where nothing is."""
        return self.replica.models or self._known

    def _live(self) -> ReadModels | None:
        """The live models, unless the log was read further than they have come back to."""
        live, folded = self.replica.fresh(), self._folded
        if live is None or folded is None:
            return live
        if live.epoch == folded.epoch and live.position < folded.position:
            return None
        self._folded = None
        return live

    async def _wait(self, min_position: Position) -> ReadSource:
        while self.replica.models is not None and self.replica.fresh() is None:  # noqa: ASYNC110
            await asyncio.sleep(NOTICED_S)  # they are about to be heard of, or lost
        if self._live() is not None:
            await self.replica.reached(min_position)
            live = self._live()
            if live is not None and live.position >= min_position:
                return ReadSource(live, stale=False)
        while True:
            models, live = await self._from_log(), self._live()
            if live is not None and live.position >= min_position:  # they came back meanwhile
                return ReadSource(live, stale=False)
            if models is not None and models.position >= min_position:
                return ReadSource(models, stale=True)
            await asyncio.sleep(LOG_FRESH_S)

    async def _from_log(self) -> ReadModels | None:
        """The models as the log has them; as they are known when it does not answer in time."""
        reading = self._read_on()
        since_s = asyncio.get_running_loop().time() - self._reading_since
        wait_s = self._wait_s if self._known is None else max(LOG_WAIT_S - since_s, 0)
        await asyncio.wait({reading}, timeout=wait_s)
        if self._known is None and reading.done():
            reading.result()
        return self._known

    @property
    def _known(self) -> ReadModels | None:
        """What was live last, or what was folded from the log, whichever is further."""
        lost, folded = self.replica.lost, self._folded
        if lost is None or folded is None:
            return lost or folded
        return lost if lost.epoch == folded.epoch and lost.position > folded.position else folded

    def _read_on(self) -> "asyncio.Task[None]":
        """The reading of the log that is under way, or that has just been."""
        now_s = asyncio.get_running_loop().time()
        reading = self._reading
        if reading is None or (reading.done() and now_s - self._reading_since >= LOG_FRESH_S):
            reading = self._reading = asyncio.create_task(self._fold_on(), name="reading the log")
            reading.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._reading_since = now_s
        return reading

    async def _fold_on(self) -> None:
        """Bring what is known to the head of the log, which may be another log by now, or the same
        as it was before."""
        known = self._known
        if known is None or not await belongs_to_log(self.store, known):
            known = ReadModels(self._projections, await self.store.epoch())
        await fold_log(self.store, known)
        self._folded, self.replica.lost = known, None

    async def close(self) -> None:
        """End what is under way."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
