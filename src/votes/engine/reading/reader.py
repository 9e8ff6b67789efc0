"""Reads use the replica while it is live, else read models folded from the log, marked stale.

A read may name a `min_position`: its source is at or after that, or `NotYet` is raised.
"""

import asyncio

from msgspec import Struct

from votes.engine.log import Position
from votes.engine.ports import EventStore
from votes.engine.projecting.projector import belongs_to_log, fold_log
from votes.engine.projection import Projections
from votes.engine.read_models import ReadModels
from votes.engine.reading.replica import Replica

WAIT_S = 3.0
LOG_WAIT_S = 0.5
"""How long a read waits for a log that does not respond, where older read models are known."""
NOTICED_S = 0.01
LOG_FRESH_S = 0.1
"""How long read models folded from the log are used without looking for new events."""


class NotYet(Exception):
    """The read models did not reach the position in time."""


class ReadSource(Struct, frozen=True):
    """The read models that a read uses; `stale` when this process folded them from the log."""

    models: ReadModels
    stale: bool


class Reader:
    """Gives each read its source: the replica, or the log."""

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
        """The read models folded from the log here, and the task that folds on."""

    async def models(self, min_position: Position = 0) -> ReadSource:
        """The read models at or after the position.

        Raises `NotYet` at the deadline, `Unavailable` when neither Redis nor Postgres responds and
        no older read models are known.
        """
        live = self.live()
        if live is not None and live.position >= min_position:
            return ReadSource(live, stale=False)
        try:
            async with asyncio.timeout(self._wait_s):
                return await self._wait(min_position)
        except TimeoutError:
            raise NotYet(f"position {min_position} is not projected yet") from None

    @property
    def latest(self) -> ReadModels | None:
        """The read models known here, however old; None where there are none."""
        return self.replica.models or self._last

    def live(self) -> ReadModels | None:
        """The live read models, unless the log was folded here beyond their position."""
        live, folded = self.replica.fresh(), self._folded
        if live is None or folded is None:
            return live
        if live.epoch == folded.epoch and live.position < folded.position:
            return None
        self._folded = None
        return live

    async def _wait(self, min_position: Position) -> ReadSource:
        while self.replica.models is not None and self.replica.fresh() is None:  # noqa: ASYNC110
            await asyncio.sleep(NOTICED_S)  # the subscription is about to update or to lose them
        if self.live() is not None:
            await self.replica.reached(min_position)
            live = self.live()
            if live is not None and live.position >= min_position:
                return ReadSource(live, stale=False)
        while True:
            models, live = await self._from_log(), self.live()
            if live is not None and live.position >= min_position:  # they came back meanwhile
                return ReadSource(live, stale=False)
            if models is not None and models.position >= min_position:
                return ReadSource(models, stale=True)
            await asyncio.sleep(LOG_FRESH_S)

    async def _from_log(self) -> ReadModels | None:
        """The read models at the head of the log; the last known ones when it responds too late."""
        reading = self._read_on()
        since_s = asyncio.get_running_loop().time() - self._reading_since
        wait_s = self._wait_s if self._last is None else max(LOG_WAIT_S - since_s, 0)
        await asyncio.wait({reading}, timeout=wait_s)
        if self._last is None and reading.done():
            reading.result()
        return self._last

    @property
    def _last(self) -> ReadModels | None:
        """The last live read models, or those folded from the log, whichever are further."""
        lost, folded = self.replica.lost, self._folded
        if lost is None or folded is None:
            return lost or folded
        return lost if lost.epoch == folded.epoch and lost.position > folded.position else folded

    def _read_on(self) -> "asyncio.Task[None]":
        """The task that folds the log: the running one, one just done, or a new one."""
        now_s = asyncio.get_running_loop().time()
        reading = self._reading
        if reading is None or (reading.done() and now_s - self._reading_since >= LOG_FRESH_S):
            reading = self._reading = asyncio.create_task(self._fold_on(), name="reading the log")
            reading.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._reading_since = now_s
        return reading

    async def _fold_on(self) -> None:
        """Fold the last known read models on to the head of the log; all of a changed log."""
        models = self._last
        if models is None or not await belongs_to_log(self.store, models):
            models = ReadModels(self._projections, await self.store.epoch())
        elif models is not self._folded:
            models = models.copy()  # the subscription keeps these up to date, lost or live again
        await fold_log(self.store, models)
        self._folded, self.replica.lost = models, None

    async def close(self) -> None:
        """Cancel the folding of the log."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
