"""The projector: reads the log, folds it, applies what has changed to the read models.

One at a time leads; who does is decided by the store. Whatever is unclear (a lost connection, a
refused batch, missing models) ends in the same place: forget all, load again, rebuild what is not
whole. So there is one way to start, to recover and to take over.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from votes.engine.log import POSITION_MAX, Position
from votes.engine.ports import EventStore
from votes.engine.projection import PARKED, PARTITIONS, Parked, Projection
from votes.engine.read_model_store import ReadModelStore
from votes.engine.read_models import Changes, ReadModels, checksum_of

PASS_EVENTS_MAX = 500
"""Between one list of events and the next others have their turn: the projector while an audit
counts, requests while an API reads the log itself. With lists of 5,000 an audit makes fresh votes
110 to 170 ms late (p99), with these 30 ms; the log is read 5 % slower."""
HEARTBEAT_INTERVAL_S = 1.0
HEARTBEAT_TIMEOUT_S = 3.0
"""A projector that has not kept the models at the head for so long is hung, or gone. So no model is
shown as fresh 5 s after the log was read for it, also where what was read came late."""
PASS_PAUSE_S = 0.005
"""What comes within it is folded together: a pass costs the same for one event as for many."""
RELOAD_PAUSE_S = 0.1
RELOAD_PAUSE_MAX_S = 5.0
"""While nothing can be applied, as when Redis has no memory left, the pause doubles up to this."""
PARKED_TOLD_MAX = 20
PARKED_TRIED_MAX = 1_000
assert RELOAD_PAUSE_S < RELOAD_PAUSE_MAX_S
assert HEARTBEAT_TIMEOUT_S > 2 * HEARTBEAT_INTERVAL_S

Log = Callable[[str], None]
Clock = Callable[[], float]


async def fold_log(store: EventStore, models: ReadModels) -> None:
    """Bring the models up to the head of the log."""
    async for events in store.after(models.position, PASS_EVENTS_MAX):
        models.fold(events)


async def belongs_to_log(store: EventStore, models: ReadModels) -> bool:
    """Whether the models are of this log as it is: not of another one, nor from beyond its head,
    nor from before it was restored to an earlier moment and went on."""
    if models.epoch != await store.epoch() or models.furthest() > await store.head():
        return False
    if not models.position:
        return True
    return [checksum_of(event) for event in await store.at([models.position])] == [models.mark]


async def refold(store: EventStore, kept: ReadModels) -> ReadModels:
    """The log folded anew, so that each partition ends where the kept one does."""
    ends = [max(kept.position, partition.checkpoint) for partition in kept.partitions]
    counted = ReadModels(kept.projections, kept.epoch)
    async for events in store.after(0, PASS_EVENTS_MAX):
        for end in sorted(set(ends)):
            counted.fold(e for e in events if counted.position < e.position <= end)
            for partition, own_end in zip(counted.partitions, ends, strict=True):
                if own_end <= counted.position:
                    partition.checkpoint = POSITION_MAX  # it has all that it is to have
        if events[-1].position >= max(ends):
            break
    return counted


async def rebuild(
    store: EventStore, read_model_store: ReadModelStore, only: Projection[Any] | None = None
) -> ReadModels:
    """Fold the whole log anew, beside the live models, and make the result live.

    With `only` one of the models, the values of the others stay as they are kept.
    """
    kept = await read_model_store.load()
    if only is not None and kept is not None and await belongs_to_log(store, kept):
        counted = await refold(store, kept)
        for partition, anew in zip(kept.partitions, counted.partitions, strict=True):
            for model in (only, PARKED):
                partition.values.pop(model.name, None)
                partition.values |= {model.name: anew.of(model)} if anew.of(model) else {}
        models = kept
    else:
        models = ReadModels(read_model_store.projections, await store.epoch())
    await fold_log(store, models)
    models.fold((), every=True)
    await read_model_store.replace(models)
    return models


class Projector:
    """Keeps the read models at the head of the log. `bell` rings when something was appended.

    `clock` tells the time in seconds, from whenever.
    """

    def __init__(
        self,
        store: EventStore,
        read_model_store: ReadModelStore,
        bell: asyncio.Event,
        clock: Clock,
        log: Log,
    ) -> None:
        self._store = store
        self._read_model_store = read_model_store
        self._bell = bell
        self._clock = clock
        self._log = log
        self._all_moved_s = 0.0
        self._looked_at = 0
        self._distrusted = False

    async def run(self) -> None:
        """Project until cancelled; raises what it cannot mend by loading again."""
        pause_s = RELOAD_PAUSE_S
        while True:
            models = await self.load()
            kept = await self._heartbeat(models)
            while kept and await self.step(models):
                pause_s = RELOAD_PAUSE_S
            self._log("the read models are not where they were left: loading them again")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, RELOAD_PAUSE_MAX_S)

    async def load(self) -> ReadModels:
        """The models as they are kept, rebuilt where they are missing or of no use."""
        models = await self._read_model_store.load()
        distrusted, self._distrusted = self._distrusted, False
        if models is not None and not distrusted and await self._of_use(models):
            await self._read_model_store.resume(models)
            return models
        self._log("rebuilding the read models from the log")
        models = await rebuild(self._store, self._read_model_store)
        self._tell(models.parked())
        return models

    async def _of_use(self, models: ReadModels) -> bool:
        """Folded from this log, and without events that were left out and are readable by now."""
        if not await belongs_to_log(self._store, models):
            return False
        parked, release = models.parked(), models.projections.release
        events = await self._store.at(sorted(parked)[:PARKED_TRIED_MAX]) if parked else []
        return not any(parked[event.position].worth_another_try(event, release) for event in events)

    def _tell(self, parked: Mapping[Position, Parked]) -> None:
        for position in sorted(parked)[:PARKED_TOLD_MAX]:
            left_out = parked[position]
            self._log(f"event {position} is left out: {left_out.kind}: {left_out.reason}")

    async def step(self, models: ReadModels) -> bool:
        """Project what is new, or wait for it; False where the models have to be loaded again."""
        self._bell.clear()
        moved, read_at = False, self._clock()
        async for events in self._store.after(models.position, PASS_EVENTS_MAX):
            moved = True
            every = self._due()
            changes = models.fold(events, every=every)
            self._tell(changes.parked())
            changes.read_at = read_at if len(events) < PASS_EVENTS_MAX else None
            if not await self._apply(models, changes, every=every):
                return False
            read_at = self._clock()
        if moved:
            await asyncio.sleep(PASS_PAUSE_S)
            return True
        try:
            async with asyncio.timeout(HEARTBEAT_INTERVAL_S):
                await self._bell.wait()
        except TimeoutError:
            return await self._heartbeat(models)
        return True

    async def _heartbeat(self, models: ReadModels) -> bool:
        """Say that the models are at the head of the log, if they are."""
        read_at, head = self._clock(), await self._store.head()
        if head != models.position:
            return head > models.position  # to be read first, or restored: as it was before
        changes = models.fold((), every=True)
        changes.read_at = read_at
        return await self._apply(models, changes, every=True)

    async def _apply(self, models: ReadModels, changes: Changes, *, every: bool) -> bool:
        """Apply. When all parts move, also look at one, in turn, whether it is as it was left."""
        if not await self._read_model_store.apply(changes):
            return False
        if not every:
            return True
        self._looked_at = (self._looked_at + 1) % PARTITIONS
        if await self._read_model_store.holds(self._looked_at, models.partitions[self._looked_at]):
            return True
        self._log(f"partition {self._looked_at} is not as it was left")
        self._distrusted = True
        return False

    def _due(self) -> bool:
        """Whether all partitions are to be looked at: now and then, busy or not."""
        now_s = asyncio.get_running_loop().time()
        due = now_s - self._all_moved_s >= HEARTBEAT_INTERVAL_S
        if due:
            self._all_moved_s = now_s
        return due
