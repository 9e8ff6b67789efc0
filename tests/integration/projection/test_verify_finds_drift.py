"""`verify` counts the log anew: silent on a busy system, and nothing by hand escapes it."""

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest

from tests.integration.projection.scene import TOOLS, ballot, fill, settled, worker
from votes.app.models import partition_of
from votes.app.ports import AuditReport, Unavailable
from votes.app.project import rebuild
from votes.app.verify import audit, verify
from votes.views import keys
from votes.views.read_models import RedisReadModels
from votes.wiring import batcher_on
from workers import jobs

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
TOOL = TOOLS[0]
CHECKPOINT, TALLIES, PROFILES, PARKED = keys.of_partition(1, partition_of(TOOL))


@pytest.fixture
async def built(store, redis) -> RedisReadModels:
    """The read models of a filled log, and nobody who mends them."""
    await fill(store)
    kept = RedisReadModels(redis)
    await kept.load()
    await rebuild(store, kept)
    return kept


async def altered(redis, key: str, field: str, **values) -> None:
    """Change some values of a model, as a careless hand would."""
    model = msgspec.json.decode(await redis.hget(key, field))
    await redis.hset(key, field, msgspec.json.encode(model | values))


async def test_what_an_audit_found_is_kept_for_others(store, redis, built):
    assert await built.last_report() is None
    found = await audit(store, built, AT)
    report = AuditReport(AT, found.events, found.models, 0, None)
    assert await RedisReadModels(redis).last_report() == report
    await redis.delete(keys.LIVE)
    await audit(store, built, AT)
    assert (await built.last_report()).problem == "the read models are missing or not whole"


async def test_what_an_audit_found_is_told_though_it_cannot_be_kept(store, redis, built):
    class Full(RedisReadModels):
        async def keep_report(self, report):
            raise Unavailable("no memory left")

    await redis.hdel(TALLIES, TOOL)
    found = await audit(store, Full(redis), AT)
    assert [drift.key for drift in found.drifts] == [TOOL]
    assert await built.last_report() is None


async def test_the_worker_s_audit_mends_what_it_finds(config, redis, built):
    ctx = {"config": config}
    assert await jobs.audit(ctx)
    await altered(redis, TALLIES, TOOL, ship=999)
    assert not await jobs.audit(ctx)
    assert (await built.last_report()).drifts == 1
    assert await jobs.audit(ctx)
    assert (await built.last_report()).drifts == 0


async def test_what_was_projected_is_without_drift(store, built):
    found = await verify(store, built)
    assert found.ok
    assert (found.events, found.models) == (await store.head(), 2 * len(TOOLS))


@pytest.mark.parametrize("values", [{"ship": 3}, {"skip": 0}, {"position": 1}, {"heat": 0.0}])
async def test_an_altered_tally_is_drift(store, built, redis, values):
    await altered(redis, TALLIES, TOOL, **values)
    found = await verify(store, built)
    assert not found.ok
    assert [(drift.model, drift.key) for drift in found.drifts] == [("tallies", TOOL)]
    assert (found.drifts[0].counted.ship, found.drifts[0].counted.skip) == (2, 1)
    name, value = next(iter(values.items()))
    assert getattr(found.drifts[0].kept, name) == value


@pytest.mark.parametrize("values", [{"listed": False}, {"position": 0}])
async def test_an_altered_profile_is_drift(store, built, redis, values):
    await altered(redis, PROFILES, TOOL, **values)
    found = await verify(store, built)
    assert [(drift.model, drift.key) for drift in found.drifts] == [("profiles", TOOL)]


@pytest.mark.parametrize(("key", "model"), [(TALLIES, "tallies"), (PROFILES, "profiles")])
async def test_a_missing_model_is_drift(store, built, redis, key, model):
    await redis.hdel(key, TOOL)
    found = await verify(store, built)
    assert [(drift.model, drift.key, drift.kept) for drift in found.drifts] == [(model, TOOL, None)]


@pytest.mark.parametrize(("key", "model"), [(TALLIES, "tallies"), (PROFILES, "profiles")])
async def test_an_added_model_is_drift(store, built, redis, key, model):
    await redis.hset(key, "invented", await redis.hget(key, TOOL))
    found = await verify(store, built)
    assert [(drift.model, drift.key, drift.counted) for drift in found.drifts] == [
        (model, "invented", None)
    ]


async def test_an_event_parked_by_hand_is_drift(store, built, redis):
    await redis.hset(PARKED, "1", "Invented/1")
    found = await verify(store, built)
    assert [(drift.model, drift.key) for drift in found.drifts] == [("parked", "1")]


@pytest.mark.parametrize("value", [None, "{epoch}:99999", "f2f2f2f2:{head}", "{epoch}:x", ""])
async def test_an_altered_checkpoint_is_drift(store, built, redis, value):
    if value is None:
        await redis.delete(CHECKPOINT)
    else:
        text = value.format(epoch=await store.epoch(), head=await store.head())
        await redis.set(CHECKPOINT, text)
    found = await verify(store, built)
    assert found.problem
    assert not found.ok


@pytest.mark.parametrize("text", [None, "{", '{"version":9,"epoch":"f2f2f2f2","position":1}'])
async def test_an_altered_pointer_is_drift(store, built, redis, text):
    await (redis.set(keys.LIVE, text) if text else redis.delete(keys.LIVE))
    assert (await verify(store, built)).problem


async def test_every_drift_is_told(store, built, redis):
    for slug in TOOLS:
        await redis.hdel(keys.tallies(1, partition_of(slug)), slug)
    found = await verify(store, built)
    assert {drift.key for drift in found.drifts} == set(TOOLS)


async def test_a_busy_system_has_no_drift(config, store, redis):
    await fill(store)
    batcher = batcher_on(store)
    audits = 0

    async def voter(name: str) -> None:
        for number in range(12 * 3):
            choice = ("ship", "skip", None)[number % 3]
            await batcher.submit(ballot(TOOLS[number % len(TOOLS)], name, choice))

    async with worker(config):
        await settled(redis, await store.head())
        voting = asyncio.gather(*(voter(f"voter{number}") for number in range(20)))
        while not voting.done() or audits < 3:
            found = await verify(store, RedisReadModels(redis))
            assert found.ok, found
            audits += 1
        await voting


async def test_a_rebuild_meanwhile_is_no_drift(store, built, redis):
    """The switch to another version removes the one that the audit is loading."""

    class Overtaken(RedisReadModels):
        async def load(self):
            loads.append(self)
            return await super().load() if len(loads) > 1 else None

    loads: list[RedisReadModels] = []
    assert (await verify(store, Overtaken(redis))).ok
    assert len(loads) == 2
