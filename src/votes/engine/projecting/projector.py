"""The projector: reads the log, folds it, applies the changes to the store of the read models.

One projector leads at a time, by a lock in the database. Every failure (a lost connection, refused
changes, missing read models) has the same end: load the read models again, and rebuild them where
they are incomplete. So there is one way to start, to recover and to take over.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from votes.engine.log import POSITION_MAX, Position
from votes.engine.ports import EventStore
from votes.engine.projecting.columns import fold_columns
from votes.engine.projection import PARKED, PARTITIONS, Parked, Projection
from votes.engine.read_model_store import ReadModelStore
from votes.engine.read_models import Changes, ReadModels, checksum_of

PASS_EVENTS_MAX = 500
"""At most so many events are applied at once. Between two lists of events other tasks run: the
projector during an audit, requests while an API process folds the log."""
REBUILD_EVENTS_MAX = 20_000
"""While read models are rebuilt nobody waits for a task of the process. Events about one thing are
folded together, so the more at once, the less each costs."""
HEARTBEAT_INTERVAL_S = 1.0
HEARTBEAT_TIMEOUT_S = 3.0
"""A projector without a heartbeat for so long hangs or is gone. So nothing is shown as fresh 5 s
after the log was read for it, even where messages arrive late."""
PASS_PAUSE_S = 0.005
PASS_PAUSE_MAX_S = 0.03
PAUSE_FOR_PASS = 3
"""After a pass there is a pause of so many times as long as it took. Events that arrive meanwhile
are folded together: one event costs nearly as much as many."""
RELOAD_PAUSE_S = 0.1
RELOAD_PAUSE_MAX_S = 5.0
"""While nothing can be applied (Redis has no memory left), the pause doubles up to this."""
PARKED_LOGGED_MAX = 20
PARKED_TRIED_MAX = 1_000
assert RELOAD_PAUSE_S < RELOAD_PAUSE_MAX_S
assert HEARTBEAT_TIMEOUT_S > 2 * HEARTBEAT_INTERVAL_S

Log = Callable[[str], None]
Clock = Callable[[], float]


async def fold_log(store: EventStore, models: ReadModels, at_once: int = PASS_EVENTS_MAX) -> None:
    """Fold the events up to the head of the log into the read models, `at_once` in each step."""
    async for events in store.after(models.position, at_once):
        models.fold(events)


async def belongs_to_log(store: EventStore, models: ReadModels) -> bool:
    """Whether the read models are folded from this log as it is now.

    They are not if the log is another one, if they are ahead of it, or if it was restored to an
    earlier moment and has grown past their position.
    """
    if models.epoch != await store.epoch() or models.furthest() > await store.head():
        return False
    if not models.position:
        return True
    return [checksum_of(event) for event in await store.at([models.position])] == [models.checksum]


async def refold(store: EventStore, stored: ReadModels) -> ReadModels:
    """Fold the log anew, each partition up to where the stored one is."""
    ends = [max(stored.position, partition.checkpoint) for partition in stored.partitions]
    folded = ReadModels(stored.projections, stored.epoch)
    async for events in store.after(0, PASS_EVENTS_MAX):
        for end in sorted(set(ends)):
            folded.fold(e for e in events if folded.position < e.position <= end)
            for partition, own_end in zip(folded.partitions, ends, strict=True):
                if own_end <= folded.position:
                    partition.checkpoint = POSITION_MAX  # it folds nothing more
        if events[-1].position >= max(ends):
            break
    return folded


async def rebuild(
    store: EventStore, read_model_store: ReadModelStore, only: Projection[Any] | None = None
) -> ReadModels:
    """Fold the whole log anew and make the result the live read models.

    With `only`, the values of the other projections stay as they are stored.
    """
    stored = await read_model_store.load()
    if only is not None and stored is not None and await belongs_to_log(store, stored):
        folded = await refold(store, stored)
        for partition, new in zip(stored.partitions, folded.partitions, strict=True):
            for projection in (only, PARKED):
                partition.values.pop(projection.name, None)
                partition.values |= (
                    {projection.name: new.of(projection)} if new.of(projection) else {}
                )
        models = stored
    else:
        models = ReadModels(read_model_store.projections, await store.epoch())
        await fold_columns(store, models, REBUILD_EVENTS_MAX)
    await fold_log(store, models, REBUILD_EVENTS_MAX)
    models.fold((), every=True)
    await read_model_store.replace(models)
    return models


class Projector:
    """Keeps the stored read models at the head of the log.

    `appended` is set when events were appended. `clock` returns seconds since any fixed moment.
    """

    def __init__(
        self,
        store: EventStore,
        read_model_store: ReadModelStore,
        appended: asyncio.Event,
        clock: Clock,
        log: Log,
    ) -> None:
        self._store = store
        self._read_model_store = read_model_store
        self._appended = appended
        self._clock = clock
        self._log = log
        self._all_moved_s = 0.0
        self._compared = 0
        self._corrupt = False

    async def run(self) -> None:
        """Project until cancelled. Raises errors that loading again does not repair."""
        pause_s = RELOAD_PAUSE_S
        while True:
            models = await self.load()
            in_step = await self._heartbeat(models)
            while in_step and await self.step(models):
                pause_s = RELOAD_PAUSE_S
            self._log("the stored read models have changed: loading them again")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, RELOAD_PAUSE_MAX_S)

    async def load(self) -> ReadModels:
        """Load the stored read models; rebuild them where they are missing or unusable."""
        models = await self._read_model_store.load()
        corrupt, self._corrupt = self._corrupt, False
        if models is not None and not corrupt and await self._usable(models):
            await self._read_model_store.resume(models)
            return models
        self._log("rebuilding the read models from the log")
        models = await rebuild(self._store, self._read_model_store)
        self._log_parked(models.parked())
        return models

    async def _usable(self, models: ReadModels) -> bool:
        """Whether they are folded from this log, and park no event that this release might fold."""
        if not await belongs_to_log(self._store, models):
            return False
        parked, release = models.parked(), models.projections.release
        events = await self._store.at(sorted(parked)[:PARKED_TRIED_MAX]) if parked else []
        return not any(parked[event.position].worth_another_try(event, release) for event in events)

    def _log_parked(self, parked: Mapping[Position, Parked]) -> None:
        for position in sorted(parked)[:PARKED_LOGGED_MAX]:
            event = parked[position]
            self._log(f"event {position} is parked: {event.kind}: {event.reason}")

    async def step(self, models: ReadModels) -> bool:
        """Project the new events, or wait for some; False where the store must be loaded again."""
        self._appended.clear()
        any_new, began_s = False, _loop_s()
        read_at: float | None = self._clock()
        behind = _Behind(self._store, self._clock)
        async for events in self._store.after(models.position, PASS_EVENTS_MAX):
            any_new = True
            every = self._due()
            changes = models.fold(events, every=every)
            self._log_parked(changes.parked())
            if len(events) == PASS_EVENTS_MAX:
                read_at = await behind.passed(models.position)
            if not await self._apply(models, _read(changes, read_at, self._clock), every=every):
                return False
            read_at = self._clock()
        if any_new:
            pause_s = PAUSE_FOR_PASS * (_loop_s() - began_s)
            await asyncio.sleep(min(max(pause_s, PASS_PAUSE_S), PASS_PAUSE_MAX_S))
            return True
        try:
            async with asyncio.timeout(HEARTBEAT_INTERVAL_S):
                await self._appended.wait()
        except TimeoutError:
            return await self._heartbeat(models)
        return True

    async def _heartbeat(self, models: ReadModels) -> bool:
        """Publish that the read models are at the head of the log, if they are."""
        read_at, head = self._clock(), await self._store.head()
        if head != models.position:
            return head > models.position  # if it is lower, the log was restored
        changes = _read(models.fold((), every=True), read_at, self._clock)
        return await self._apply(models, changes, every=True)

    async def _apply(self, models: ReadModels, changes: Changes, *, every: bool) -> bool:
        """Apply the changes. When all partitions move, also compare one of them, in turn."""
        if not await self._read_model_store.apply(changes):
            return False
        if not every:
            return True
        self._compared = number = (self._compared + 1) % PARTITIONS
        if await self._read_model_store.matches(number, models.partitions[number]):
            return True
        self._log(f"the stored partition {number} has wrong values")
        self._corrupt = True
        return False

    def _due(self) -> bool:
        """Whether all checkpoints are to move now: every `HEARTBEAT_INTERVAL_S`, busy or not."""
        now_s = _loop_s()
        due = now_s - self._all_moved_s >= HEARTBEAT_INTERVAL_S
        if due:
            self._all_moved_s = now_s
        return due


class _Behind:
    """How fresh the read models are where more events follow: while others append as fast as the
    projector folds, it may be at the head of the log never, and behind it by little."""

    def __init__(self, store: EventStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._asked_at: float | None = None
        self._head: Position = 0

    async def passed(self, position: Position) -> float | None:
        """When the log had no event after the position, by the projector's clock, as far as that is
        known. The head is asked for once; then again when the read models are there."""
        asked_at = self._asked_at
        if asked_at is not None and position < self._head:
            return None
        self._asked_at, self._head = self._clock(), await self._store.head()
        return asked_at


def _read(changes: Changes, read_at: float | None, clock: Clock) -> Changes:
    """The changes, at the head of the log at `read_at`."""
    if read_at is not None:
        changes.read_at, changes.age_s = read_at, clock() - read_at
    return changes


def _loop_s() -> float:
    return asyncio.get_running_loop().time()
