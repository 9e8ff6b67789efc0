"""The projector keeps the read models at the head of the log; one way leads out of all trouble."""

import asyncio
from itertools import pairwise

import pytest
from msgspec.structs import replace

from tests.contract.memory_store import MemoryEventStore
from tests.engine.no_time import NO_TIME, elapse
from tests.engine.parcels import (
    CLOCK_AHEAD_S,
    LATENCY_S,
    REBUILDING,
    RELOADING,
    FarStore,
    Scene,
)
from tests.toy import TOWNS, Move, request
from votes.engine.bulk import submit_all
from votes.engine.projecting.projector import (
    HEARTBEAT_INTERVAL_S,
    PASS_EVENTS_MAX,
    PASS_PAUSE_MAX_S,
    PASS_PAUSE_S,
    RELOAD_PAUSE_MAX_S,
    RELOAD_PAUSE_S,
)
from votes.engine.projection import PARTITIONS, partition_of

loop_factories = NO_TIME


def now():
    return asyncio.get_running_loop().time()


async def test_what_is_appended_is_projected_at_once():
    scene = Scene()
    async with scene.running(for_s=HEARTBEAT_INTERVAL_S / 4):
        await scene.send("p1")
        scene.appended.set()
        await elapse(HEARTBEAT_INTERVAL_S / 4)
        assert scene.stored.shown.position == 1
        await scene.send("p2")
        scene.appended.set()
        await elapse(HEARTBEAT_INTERVAL_S / 4)
        assert scene.stored.shown.position == 2
    assert scene.logged == [REBUILDING]


async def test_what_is_appended_by_another_process_is_projected_at_the_heartbeat():
    scene = Scene()
    async with scene.running(for_s=HEARTBEAT_INTERVAL_S / 4):
        await scene.send("p1")
        await elapse(HEARTBEAT_INTERVAL_S / 2)
        assert scene.stored.shown.position == 0
        await elapse(HEARTBEAT_INTERVAL_S / 2)
        assert scene.stored.shown.position == 1
        await elapse(2 * HEARTBEAT_INTERVAL_S)
        assert await scene.is_right()
    assert scene.logged == [REBUILDING]


async def test_what_comes_within_a_pause_is_folded_together():
    scene = Scene()
    async with scene.running(for_s=PASS_PAUSE_MAX_S):
        await scene.send("p1")
        scene.appended.set()
        await elapse(PASS_PAUSE_S / 2)
        before = len(scene.stored.applied)
        for parcel in ("p2", "p3", "p4"):
            await scene.send(parcel)
            scene.appended.set()
        await elapse(PASS_PAUSE_S)
    assert [changes.position for changes in scene.stored.applied[before:]] == [4]


class SlowStore(MemoryEventStore):
    """A log whose events take as long to read as the shortest pause is."""

    async def after(self, position, limit):
        async for events in super().after(position, limit):
            await elapse(PASS_PAUSE_S)
            yield events


async def test_the_pause_after_a_long_pass_is_longer():
    scene = Scene(SlowStore)
    async with scene.running():
        await scene.send("p1")
        scene.appended.set()
        await elapse(2.5 * PASS_PAUSE_S)
        before = len(scene.stored.applied)
        for parcel in ("p2", "p3"):
            await scene.send(parcel)
            scene.appended.set()
            await elapse(PASS_PAUSE_S / 2)
        await elapse(PASS_PAUSE_MAX_S)
    assert [changes.position for changes in scene.stored.applied[before:]] == [3]


async def test_an_idle_projector_says_at_each_heartbeat_that_the_models_are_at_the_head():
    scene = Scene(FarStore)
    async with scene.running(for_s=4 * HEARTBEAT_INTERVAL_S):
        heartbeats: list[float] = []
        for changes in scene.stored.applied:
            assert changes.read_at is not None
            heartbeats.append(changes.read_at)
    apart = [later - earlier for earlier, later in pairwise(heartbeats)]
    assert apart == pytest.approx([HEARTBEAT_INTERVAL_S + 2 * LATENCY_S] * len(apart))
    assert len(heartbeats) >= 3
    assert all(len(changes.partitions) == PARTITIONS for changes in scene.stored.applied)


async def test_a_heartbeat_is_of_the_time_before_the_log_was_asked():
    """What is said to be fresh must not be older than that, however late the answer came."""
    scene = Scene(FarStore)
    async with scene.running(for_s=HEARTBEAT_INTERVAL_S / 2):
        (first,) = scene.stored.applied
        assert first.read_at == CLOCK_AHEAD_S + LATENCY_S  # when the models had been built
        before = now()
        await scene.send("p1")
        scene.appended.set()
        await elapse(HEARTBEAT_INTERVAL_S / 2)
        assert scene.stored.applied[1].read_at == CLOCK_AHEAD_S + before


async def test_a_list_that_is_full_is_not_said_to_be_at_the_head():
    scene = Scene()
    async with scene.running(for_s=HEARTBEAT_INTERVAL_S / 4):
        began = len(scene.stored.applied)
        await scene.send(*(f"p{number}" for number in range(PASS_EVENTS_MAX + 1)))
        scene.appended.set()
        await elapse(HEARTBEAT_INTERVAL_S / 4)
        full, rest = scene.stored.applied[began:]
    assert (full.position, full.read_at) == (PASS_EVENTS_MAX, None)
    assert rest.position == PASS_EVENTS_MAX + 1
    assert rest.read_at == pytest.approx(CLOCK_AHEAD_S, abs=1)


class FilledStore(FarStore):
    """A log to which others append as much as was read, as soon as it was read."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.heads = []

    async def after(self, position, limit):
        async for events in super().after(position, limit):
            if len(events) == limit and len(self.heads) < 12:
                await self.fill(limit)
            yield events

    async def fill(self, count):
        number = len(self.heads)
        moves = [request(Move(f"p{number}-{one}", "aalen")) for one in range(count)]
        await submit_all(MemoryEventStore(self._log, self._codec), moves)
        self.heads.append((now() + CLOCK_AHEAD_S, len(self._log.rows)))
        await elapse(LATENCY_S)


async def test_a_projector_that_is_always_a_little_behind_says_how_fresh_the_models_are():
    scene = Scene(FilledStore)
    store = scene.projector._store
    async with scene.running(for_s=HEARTBEAT_INTERVAL_S / 4):
        began = len(scene.stored.applied)
        await store.fill(3 * PASS_EVENTS_MAX)
        scene.appended.set()
        await elapse(20 * 4 * LATENCY_S)
        applied = scene.stored.applied[began:]
    said = [changes for changes in applied if changes.read_at is not None]
    assert len(said) > 2
    for changes in said:
        at_head = [head for at, head in store.heads if at <= changes.read_at]
        assert max(at_head, default=0) <= changes.position
        assert changes.age_s <= 20 * LATENCY_S


async def test_a_busy_projector_moves_all_checkpoints_now_and_then():
    scene = Scene()
    async with scene.running(for_s=0.01):
        began = len(scene.stored.applied)
        for number in range(8):
            await elapse(0.6 * HEARTBEAT_INTERVAL_S)
            await scene.send(f"p{number}")
            scene.appended.set()
        await elapse(0.1)
        whole = [len(changes.partitions) == PARTITIONS for changes in scene.stored.applied[began:]]
    assert whole == [False, True] * 4


async def test_a_stored_partition_with_wrong_values_is_noticed_within_a_round_and_put_right():
    scene = Scene()
    await scene.send("p1")
    async with scene.running(for_s=HEARTBEAT_INTERVAL_S / 2):
        number = partition_of("aalen")
        scene.stored.shown.partitions[number].values.clear()
        await elapse(PARTITIONS * HEARTBEAT_INTERVAL_S + 1)
        assert await scene.is_right()
        assert scene.stored.shown.generation == 2
        await elapse(2 * PARTITIONS * HEARTBEAT_INTERVAL_S)
    wrong = f"the stored partition {number} has wrong values"
    assert scene.logged == [REBUILDING, wrong, RELOADING, REBUILDING]


async def test_a_busy_projector_too_notices_what_it_does_not_touch():
    scene = Scene()
    await scene.send("p1")
    async with scene.running(for_s=0.01):
        scene.stored.shown.partitions[partition_of("p1")].values.clear()
        assert partition_of("p1") not in (partition_of("aalen"), partition_of("p2"))
        for number in range(4 * PARTITIONS):
            await scene.send("p2", town=TOWNS[number % 2])
            scene.appended.set()
            await elapse(HEARTBEAT_INTERVAL_S / 2)
        assert RELOADING in scene.logged
        await elapse(2 * HEARTBEAT_INTERVAL_S)
        assert await scene.is_right()


async def test_models_that_are_lost_are_built_anew():
    scene = Scene()
    await scene.send("p1")
    async with scene.running(for_s=HEARTBEAT_INTERVAL_S / 2):
        scene.stored.live = None
        await elapse(2 * HEARTBEAT_INTERVAL_S)
        assert await scene.is_right()
    assert scene.logged == [REBUILDING, RELOADING, REBUILDING]


async def test_models_that_another_has_moved_on_are_loaded_again():
    scene = Scene()
    async with scene.running(for_s=HEARTBEAT_INTERVAL_S / 2):
        await scene.send("p1")
        moved = await scene.folded()
        scene.stored.live = replace(moved, generation=1)
        scene.appended.set()
        await elapse(HEARTBEAT_INTERVAL_S / 2)
        await scene.send("p2")
        scene.appended.set()
        await elapse(HEARTBEAT_INTERVAL_S / 2)
        assert scene.stored.shown.position == 2
    assert (scene.logged, scene.stored.resumed) == ([REBUILDING, RELOADING], [1])


async def test_a_log_that_was_restored_to_an_earlier_moment_is_folded_anew():
    scene = Scene()
    await scene.send("p1", "p2")
    async with scene.running(for_s=HEARTBEAT_INTERVAL_S / 2):
        row = scene.log.rows.pop()
        scene.log.streams.pop(row.stream)
        await elapse(2 * HEARTBEAT_INTERVAL_S)
        assert await scene.is_right()
        assert scene.stored.shown.position == 1
    assert scene.logged == [REBUILDING, RELOADING, REBUILDING]


async def test_while_nothing_can_be_applied_the_pauses_double_up_to_the_longest():
    scene = Scene()
    scene.stored.refusing = True
    async with scene.running(for_s=60):
        loads = scene.stored.loads[1:]  # the first two are one start: look, and build
        pauses = [later - earlier for earlier, later in pairwise(loads)]
    expected = [
        RELOAD_PAUSE_S * 2**n for n in range(20) if RELOAD_PAUSE_S * 2**n < RELOAD_PAUSE_MAX_S
    ]
    assert pauses[: len(expected)] == pytest.approx(expected)
    longest = pauses[len(expected) :]
    assert longest == pytest.approx([RELOAD_PAUSE_MAX_S] * len(longest))
    assert longest


async def test_once_something_was_applied_the_next_pause_is_the_shortest_again():
    scene = Scene()
    scene.stored.refusing = True
    async with scene.running(for_s=10):
        scene.stored.refusing = False
        await elapse(2 * RELOAD_PAUSE_MAX_S)
        scene.stored.loads.clear()
        scene.stored.refusing = True
        await elapse(2 * HEARTBEAT_INTERVAL_S)
        first, second, *_ = scene.stored.loads
    assert second - first == pytest.approx(2 * RELOAD_PAUSE_S)
