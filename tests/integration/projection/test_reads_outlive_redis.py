"""Reads come from memory where it is live, else from the log; never from an older position."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from tests.engine.commands.sending import obeyed
from tests.integration.projection.scene import (
    TOOLS,
    ballot,
    fill,
    listing,
    reached,
    submit,
    total,
    worker,
)
from tests.polling import until
from votes.domain.terms import Choice
from votes.domain.tool import Entry
from votes.engine.read_models import ReadModels
from votes.engine.reading.reader import NotYet, Reader
from votes.engine.reading.replica import Replica
from votes.projections import PROJECTIONS
from votes.projections.profiles import PROFILES
from votes.projections.tallies import TALLIES
from votes.wiring import services

TOOL = TOOLS[0]


@pytest.fixture
async def parts(config):
    """An API process's parts, and a worker that projects what they store."""
    async with worker(config), services(config) as running:
        await until(lambda: running.replica.models, "live models")
        yield running


async def cast(parts, number: int, choice: Choice = "ship") -> int:
    return obeyed(await parts.submit(ballot(TOOL, f"v{number}", choice))).position


async def test_a_read_waits_for_its_own_vote(parts, store):
    await submit(store, [listing(TOOL)])
    for number in range(20):
        position = await cast(parts, number)
        read = await parts.reader.models(min_position=position)
        assert not read.stale
        assert read.models.position >= position
        assert read.models.get(TALLIES, TOOL).ship == number + 1


async def test_a_position_that_nobody_projects_is_not_yet_there(parts, store):
    reader = Reader(parts.replica, store, PROJECTIONS, wait_s=0.2)
    with pytest.raises(NotYet):
        await reader.models(min_position=1_000)


async def test_a_position_beyond_the_log_is_not_yet_there_either(store):
    head = await fill(store)
    reader = Reader(Replica(), store, PROJECTIONS, wait_s=0.3)
    assert (await reader.models(min_position=head)).models.position == head
    with pytest.raises(NotYet):
        await reader.models(min_position=head + 1)


async def test_a_read_from_the_log_waits_for_what_is_on_its_way(store):
    head = await fill(store)
    reader = Reader(Replica(), store, PROJECTIONS)
    await reader.models()
    waiting = asyncio.create_task(reader.models(min_position=head + 1))
    assert await submit(store, [ballot(TOOL, "late", "ship")]) == head + 1
    read = await waiting
    assert read.stale
    assert read.models.position == head + 1


async def test_a_reader_who_waits_is_answered_from_the_log_when_redis_is_lost(store):
    head = await fill(store)
    replica = Replica()
    replica.changed(ReadModels(PROJECTIONS, await store.epoch()), None)
    waiting = asyncio.create_task(Reader(replica, store, PROJECTIONS).models(min_position=head))
    await asyncio.sleep(0)
    replica.changed(None, None)
    read = await waiting
    assert (read.stale, read.models.position) == (True, head)


async def test_live_models_behind_what_the_log_told_are_not_shown(store):
    head = await fill(store)
    replica = Replica()
    reader = Reader(replica, store, PROJECTIONS)
    assert (await reader.models()).models.position == head
    behind = ReadModels(PROJECTIONS, await store.epoch(), head - 1)
    replica.changed(behind, None)
    read = await reader.models()
    assert (read.stale, read.models.position) == (True, head)
    behind.position = head
    replica.changed(behind, None)
    assert not (await reader.models()).stale


async def test_models_left_behind_what_the_log_told_are_not_read_on_from(store):
    """As when a projector died with them, and the log went on."""
    head = await fill(store)
    replica = Replica()
    reader = Reader(replica, store, PROJECTIONS)
    assert (await reader.models()).models.position == head
    replica.changed(ReadModels(PROJECTIONS, await store.epoch(), head - 1), None)
    replica.changed(None, None)
    read = await reader.models()
    assert (read.stale, read.models.position) == (True, head)


async def test_what_is_known_of_a_log_that_went_on_otherwise_is_not_read_on_from(store):
    await fill(store)
    replica = Replica()
    lost = ReadModels(PROJECTIONS, await store.epoch(), 5, checksum="00000000")
    replica.changed(lost, None)
    replica.changed(None, None)
    reader = Reader(replica, store, PROJECTIONS)
    await reader.models()
    read = await reader.models(min_position=await store.head())
    assert (read.stale, total(read.models, TOOL)) == (True, 3)


async def test_models_of_another_log_are_shown_whatever_the_old_one_told(store):
    await fill(store)
    replica = Replica()
    reader = Reader(replica, store, PROJECTIONS)
    await reader.models()
    other = ReadModels(PROJECTIONS, "f2f2f2f2")
    replica.changed(other, None)
    read = await reader.models()
    assert read.models is other
    assert not read.stale


async def test_a_process_that_stood_still_does_not_believe_what_it_knew_before(store, monkeypatch):
    """It wakes with a request, and with what it has not heard yet: whatever comes first."""
    head = await fill(store)
    replica = Replica()
    reader = Reader(replica, store, PROJECTIONS)
    old = ReadModels(PROJECTIONS, await store.epoch(), head - 1)
    replica.changed(old, None)
    assert (await reader.models()).models is old
    monkeypatch.setattr("votes.engine.reading.replica.HEARTBEAT_TIMEOUT_S", -1.0)
    assert replica.fresh() is None
    asking = asyncio.create_task(reader.models())
    await asyncio.sleep(0)
    replica.changed(None, None)
    read = await asking
    assert (read.stale, read.models.position) == (True, head)


@asynccontextmanager
async def on_own_valkey(config, own_valkey):
    """An API process and a worker whose Valkey alone can be stopped."""
    url = own_valkey.addresses.redis_owner_url
    config = replace(config, redis_url=url, queue_url=url)
    async with worker(config), services(config) as running:
        await until(lambda: running.replica.models, "live models")
        yield running


async def test_reads_and_votes_go_on_without_redis_and_never_go_back(
    config, store, own_valkey, own_space
):
    await submit(store, [listing(TOOL)])
    seen: list[tuple[int, int, bool]] = []
    async with on_own_valkey(config, own_valkey) as parts:

        async def read(min_position: int = 0) -> bool:
            found = await parts.reader.models(min_position)
            tally = found.models.get(TALLIES, TOOL)
            seen.append((found.models.position, tally.position, found.stale))
            return found.stale

        async def live() -> bool:
            return not await read()

        voters = iter(range(1_000))
        for _ in range(2):
            for _ in range(5):
                await read(await cast(parts, next(voters)))
            await asyncio.to_thread(own_valkey.stop)
            for _ in range(5):
                assert await read(await cast(parts, next(voters)))
            await asyncio.to_thread(own_valkey.revive)
            await until(live, "live reads")
            assert not await read(await cast(parts, next(voters)))
        await reached(own_space, await store.head())
    positions = [(position, tally) for position, tally, _ in seen]
    assert positions == sorted(positions)
    assert seen[-1][:2] == (24, 24)


async def test_a_tool_is_found_in_the_log_as_in_the_models(store):
    await submit(store, [listing(TOOL)])
    read = await Reader(Replica(), store, PROJECTIONS).models()
    profile = read.models.get(PROFILES, TOOL)
    assert profile is not None
    assert profile.entry == Entry(TOOL, "Tests")
    assert read.models.get(PROFILES, "nobody-listed") is None
