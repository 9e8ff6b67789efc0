"""The projector: one way to start, to recover and to take over."""

import asyncio
import itertools
from collections.abc import Callable

import asyncpg
import pytest
from msgspec import Struct
from msgspec.structs import replace

from tests.conftest import url_of
from tests.engine.commands.sending import append_to
from tests.integration.projection.scene import (
    TOOLS,
    ballot,
    dump,
    fill,
    generation,
    live_generation,
    projecting,
    reached,
    rebuilt,
    settled,
    submit,
    total,
)
from tests.polling import LIMIT_S, until
from tests.stored.keys import keys_of, of_partition, place
from votes.domain.events import EVENT_TYPES
from votes.engine.projecting.projector import (
    HEARTBEAT_INTERVAL_S,
    PASS_EVENTS_MAX,
    fold_log,
    rebuild,
)
from votes.engine.projecting.verify import verify
from votes.engine.projection import partition_of
from votes.engine.read_models import Changes, ReadModels
from votes.projections import PROJECTIONS
from votes.projections.tallies import TALLIES
from votes.resources import now
from votes.store.codec import Codec
from votes.store.connections import create_pool
from votes.store.lead import leading
from votes.store.postgres import PostgresEventStore
from votes.views.keys import Keys
from votes.views.read_model_store import RedisReadModelStore
from votes.wiring import project

TOOL = TOOLS[0]


class PollOpened(Struct, frozen=True):
    """An event of a later release."""

    tool: str


async def folded(store) -> ReadModels:
    """The models straight from the log."""
    models = ReadModels(PROJECTIONS, await store.epoch())
    await fold_log(store, models)
    return models


async def loaded(space) -> ReadModels:
    """The kept models."""
    kept = await RedisReadModelStore(space, PROJECTIONS).load()
    assert kept is not None
    return kept


async def same_as_log(store, space) -> None:
    """The kept models are those of the log, nothing missing and nothing more."""
    await settled(space, await store.head())
    kept, counted = await loaded(space), await folded(store)
    counted.fold((), every=True)
    assert replace(kept, generation=0) == counted
    assert (await verify(store, RedisReadModelStore(space, PROJECTIONS))).ok


async def test_what_was_appended_is_projected_at_the_bell(store, space):
    head = await fill(store)
    async with projecting(store, space) as appended:
        await reached(space, head)
        loop, voters = asyncio.get_running_loop(), itertools.count()

        async def soon() -> bool:
            head = await submit(store, [ballot(TOOL, f"bell{next(voters)}", "ship")])
            began = loop.time()
            appended.set()
            await reached(space, head)
            return loop.time() - began < HEARTBEAT_INTERVAL_S / 4

        await until(soon, "a projection long before the heartbeat")
    assert total(await loaded(space), TOOL) == 3 + next(voters)


async def test_an_append_rings_the_bell(config, store):
    async with leading(config.postgres_url, "any") as (appended, lost):
        assert not appended.is_set()
        await fill(store)
        await until(appended.is_set, "the bell")
        assert not lost.is_set()


async def test_what_was_appended_without_a_bell_is_projected_at_the_heartbeat(store, space):
    async with projecting(store, space):
        await reached(space, 0)
        await reached(space, await fill(store))
        await same_as_log(store, space)


async def test_a_log_of_many_passes_is_projected(store, space, monkeypatch):
    monkeypatch.setattr("votes.engine.projecting.projector.PASS_EVENTS_MAX", 7)
    assert PASS_EVENTS_MAX > 7
    async with projecting(store, space) as appended:
        await reached(space, 0)
        await fill(store)
        appended.set()
        await same_as_log(store, space)


async def test_an_idle_projector_restores_what_was_flushed(store, own_space):
    head = await fill(store)
    async with projecting(store, own_space):
        before = await settled(own_space, head)
        await own_space.redis.flushall()
        assert await settled(own_space, head) == before


def live_pointer(keys: Keys, _: int) -> str:
    return keys.live


def one_of_a_partition(place: int) -> Callable[[Keys, int], str]:
    return lambda keys, generation: of_partition(keys, generation, partition_of(TOOL))[place]


PLACES = [live_pointer, *(one_of_a_partition(place) for place in range(4))]


@pytest.mark.parametrize("key", PLACES[:4])
async def test_an_idle_projector_restores_a_key_that_was_lost(store, space, key):
    head = await fill(store)
    async with projecting(store, space):
        before, live = await settled(space, head), await live_generation(space)
        await space.redis.delete(key(keys_of(space), live))
        await rebuilt(space, live)
        assert await settled(space, head) == before


OTHERS = [
    lambda keys, _: keys.generations,
    lambda keys, _: keys.sets,
    lambda keys, _: keys.heartbeat,
]


@pytest.mark.parametrize("key", [*PLACES, *OTHERS])
@pytest.mark.parametrize("value", ["garbage", ["a list"]])
async def test_what_else_stands_under_a_key_of_ours_is_replaced(store, space, key, value):
    head = await fill(store)
    async with projecting(store, space) as appended:
        before, live = await settled(space, head), await live_generation(space)
        keys, redis = keys_of(space), space.redis
        name = key(keys, live)
        await redis.delete(name)
        await (redis.set(name, value) if isinstance(value, str) else redis.rpush(name, *value))
        if key in OTHERS:
            await redis.delete(keys.live)
        await rebuilt(space, live)
        assert await settled(space, head) == before
        head = await submit(store, [ballot(TOOL, "after", "ship")])
        appended.set()
        await reached(space, head)


@pytest.mark.parametrize("value", [b"garbage", None])
async def test_a_value_that_is_altered_in_its_place_is_put_right(store, space, value):
    head = await fill(store)
    async with projecting(store, space):
        before, live = await settled(space, head), await live_generation(space)
        tallies = place(keys_of(space), live, TOOL, "tallies")
        other = next(slug for slug in await space.redis.hkeys(tallies) if slug != TOOL.encode())
        await space.redis.hset(tallies, TOOL, value or await space.redis.hget(tallies, other))
        await rebuilt(space, live)
        assert await settled(space, head) == before


async def test_a_busy_projector_notices_a_part_that_it_does_not_touch(store, space):
    """One tool alone is voted on; the votes of another are lost."""
    await fill(store)
    other = next(slug for slug in TOOLS if partition_of(slug) != partition_of(TOOL))
    async with projecting(store, space) as appended:
        await reached(space, await store.head())
        live = await live_generation(space)
        await space.redis.hdel(place(keys_of(space), live, other, "tallies"), other)
        voters = itertools.count()
        while await generation(space) == live:
            await submit(store, [ballot(TOOL, f"busy{next(voters)}", "ship")])
            appended.set()
        await same_as_log(store, space)


@pytest.mark.parametrize("applied", [1, 7, 15])
async def test_a_crash_between_partitions_ends_right(store, space, applied):
    """Some partitions are ahead of the pointer, the others where it stands."""
    kept = RedisReadModelStore(space, PROJECTIONS)
    await kept.load()
    models = ReadModels(PROJECTIONS, await store.epoch())
    models.fold((), every=True)
    await kept.replace(models)
    await fill(store)
    pointer = await space.redis.get(keys_of(space).live)
    changes = models.fold([event async for events in store.after(0, 1_000) for event in events])
    some = {number: changes.partitions[number] for number in range(applied)}
    assert await kept.apply(Changes(models.epoch, 0, models.position, some))
    await space.redis.set(keys_of(space).live, pointer)
    live = await generation(space)
    async with projecting(store, space):
        await same_as_log(store, space)
    assert await generation(space) == live


async def test_models_of_another_log_are_rebuilt(config, store, space):
    head = await fill(store)
    async with projecting(store, space):
        await settled(space, head)
    connection = await asyncpg.connect(config.migration_url)
    await connection.execute("UPDATE log SET epoch = gen_random_uuid()")
    await connection.close()
    assert (await loaded(space)).epoch != await store.epoch()
    live = await live_generation(space)
    async with projecting(store, space):
        await rebuilt(space, live)
        await same_as_log(store, space)


@pytest.mark.parametrize("part", ["pointer", "partition"])
async def test_models_from_beyond_the_head_are_rebuilt(store, space, part):
    """As after a restored log that lacks its last events."""
    await fill(store)
    kept = RedisReadModelStore(space, PROJECTIONS)
    await kept.load()
    ahead = await folded(store)
    ahead.partitions[partition_of(TOOL)].put(TALLIES.name, TOOL, ahead.get(TALLIES, TOOLS[1]))
    if part == "pointer":
        ahead.position += 1
    else:
        ahead.partitions[3].checkpoint = ahead.position + 1
    await kept.replace(ahead)
    async with projecting(store, space):
        await rebuilt(space, ahead.generation)
        await same_as_log(store, space)


async def test_models_of_a_log_that_went_on_otherwise_are_rebuilt(store, space):
    """It was restored to an earlier moment, and grew past them before a projector looked."""
    await fill(store)
    kept = RedisReadModelStore(space, PROJECTIONS)
    lost = await rebuild(store, kept)
    lost.partitions[partition_of(TOOL)].put(TALLIES.name, TOOL, lost.get(TALLIES, TOOLS[1]))
    lost.checksum = "00000000"
    await kept.replace(lost)
    head = await submit(store, [ballot(TOOL, "after", "ship")])
    assert head > lost.position
    found = await verify(store, kept, catch_up_s=0)
    assert found.problem is not None
    assert found.problem.startswith("the read models are of")
    async with projecting(store, space):
        await rebuilt(space, lost.generation)
        await same_as_log(store, space)


async def test_an_event_that_nobody_can_read_is_parked_until_somebody_can(config, store, space):
    await fill(store)
    pool = await create_pool(config.postgres_url)
    newer = PostgresEventStore(pool, Codec((*EVENT_TYPES, PollOpened)))
    await newer.append([append_to(f"poll:{TOOL}", 0, PollOpened(TOOL), at=now())])
    head = await submit(store, [ballot(TOOL, "later", "ship")])
    async with projecting(store, space):
        await settled(space, head)
    kept = await loaded(space)
    assert {at: parked.kind for at, parked in kept.parked().items()} == {head - 1: "PollOpened/1"}
    assert total(kept, TOOL) == 4
    async with projecting(newer, space):
        await rebuilt(space, kept.generation)
        await same_as_log(newer, space)
    assert (await loaded(space)).parked() == {}
    await pool.close()


async def projector_sessions(config) -> list[tuple[int, bool]]:
    """The sessions of this database that lead or wait to: process id, and whether it leads."""
    connection = await asyncpg.connect(config.migration_url)
    rows = await connection.fetch(
        "SELECT pid, EXISTS (SELECT FROM leads WHERE session = pid AND until > now()) AS leads"
        " FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'votes projector'"
    )
    await connection.close()
    return [(row["pid"], row["leads"]) for row in rows]


async def test_the_next_leader_takes_over_when_the_first_is_cut_off(config, servers, store, space):
    head = await fill(store)
    tasks = {asyncio.create_task(project(config)) for _ in range(2)}

    async def both() -> list[tuple[int, bool]] | None:
        found = await projector_sessions(config)
        return found if sorted(leads for _, leads in found) == [False, True] else None

    sessions = await until(both, "a leader and one who waits")
    await reached(space, head)
    leader = next(pid for pid, leads in sessions if leads)
    connection = await asyncpg.connect(url_of("postgres", servers.owner_url))
    await connection.execute("SELECT pg_terminate_backend($1)", leader)
    await connection.close()
    ended, waiting = await asyncio.wait(tasks, timeout=LIMIT_S, return_when="FIRST_COMPLETED")
    assert len(ended) == len(waiting) == 1
    head = await submit(store, [ballot(TOOL, "after", "skip")])
    await reached(space, head)
    await same_as_log(store, space)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_two_projectors_without_a_lead_still_end_right(store, space):
    """Fenced by the checkpoints, a zombie costs time and nothing else."""
    async with projecting(store, space) as one:
        await reached(space, 0)
        async with projecting(store, space) as other:
            await fill(store)
            for number in range(40):
                voter = f"v{number % 7}"
                await submit(store, [ballot(TOOL, voter, "skip" if number % 2 else None)])
                one.set()
                other.set()
        await same_as_log(store, space)


async def test_a_projector_goes_on_when_the_scripts_are_forgotten(store, space):
    head = await fill(store)
    async with projecting(store, space) as appended:
        await reached(space, head)
        for number in range(5):
            await space.redis.script_flush()
            head = await submit(store, [ballot(TOOL, f"after {number}", "skip")])
            appended.set()
            await reached(space, head)


async def test_scripts_forgotten_before_the_pointer_moves_are_no_error(store, space):
    """Between a script that has moved a partition and the one that announces it."""
    await fill(store)
    kept = RedisReadModelStore(space, PROJECTIONS)
    models = await kept.load() or await rebuild(store, kept)
    await space.redis.script_flush()
    assert not await kept.apply(models.fold(()))
    assert await kept.load() is not None
    assert await kept.apply(models.fold(()))


async def test_a_rebuild_equals_what_was_projected_bit_by_bit(store, own_space):
    head = await fill(store, voters=9)
    async with projecting(store, own_space) as appended:
        for number in range(10):
            head = await submit(store, [ballot(TOOL, f"w{number}", "skip")])
            appended.set()
            await reached(own_space, head)
        live = await settled(own_space, head)
    await own_space.redis.flushall()
    async with projecting(store, own_space):
        assert await settled(own_space, head) == live
    assert await dump(own_space) == live
