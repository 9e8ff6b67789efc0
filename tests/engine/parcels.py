"""A log of parcels, the store of its read models, and a projector."""

import asyncio
from contextlib import asynccontextmanager

from msgspec.structs import replace

from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.engine.no_time import elapse
from tests.engine.watched_store import WatchedStore
from tests.toy import EVENTS, TOY, Move, request
from votes.engine.bulk import submit_all
from votes.engine.projecting.projector import Projector, fold_log
from votes.engine.read_models import ReadModels
from votes.store.codec import Codec

LATENCY_S = 0.125
REBUILDING = "rebuilding the read models from the log"
RELOADING = "the stored read models have changed: loading them again"
CLOCK_AHEAD_S = 1_000.0
"""The projector's clock is not the loop's."""


class FarStore(MemoryEventStore):
    """A log that takes its time to answer."""

    async def head(self):
        await elapse(LATENCY_S)
        return await super().head()

    async def after(self, position, limit):
        await elapse(LATENCY_S)
        async for events in super().after(position, limit):
            yield events


class Scene:
    """A log of parcels, the store of its read models, and a projector."""

    def __init__(self, store=MemoryEventStore):
        self.log = MemoryLog()
        self.near = MemoryEventStore(self.log, Codec(EVENTS))
        self.stored = WatchedStore(TOY)
        self.appended = asyncio.Event()
        self.logged = []
        self.projector = self.projector_on(store(self.log, Codec(EVENTS)))

    def projector_on(self, store):
        clock = asyncio.get_running_loop().time
        return Projector(
            store, self.stored, self.appended, lambda: clock() + CLOCK_AHEAD_S, self.logged.append
        )

    async def send(self, *parcels, town="aalen"):
        """Move the parcels, one event each."""
        await submit_all(self.near, [request(Move(parcel, town)) for parcel in parcels])

    async def folded(self):
        """The read models of the log as it is."""
        models = ReadModels(TOY, await self.near.epoch())
        await fold_log(self.near, models)
        models.fold((), every=True)
        return models

    @asynccontextmanager
    async def running(self, for_s=0.0):
        """The projector runs, and has run for so long."""
        task = asyncio.create_task(self.projector.run())
        await elapse(for_s)
        yield
        assert not task.done(), task
        task.cancel()
        await asyncio.wait([task])

    async def is_right(self):
        """Whether what is stored is what the log says, to the last value and checkpoint."""
        live = self.stored.live
        return live is not None and replace(live, generation=0) == await self.folded()
