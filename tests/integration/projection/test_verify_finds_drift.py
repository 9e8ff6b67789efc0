"""`verify` counts the log anew: silent on a busy system, and nothing by hand escapes it."""

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest

from tests.integration.projection.scene import (
    TOOLS,
    ballot,
    fill,
    live_generation,
    settled,
    worker,
)
from tests.stored.keys import HASHES, keys_of, of_partition
from votes.domain.terms import Choice
from votes.engine.ports import Unavailable
from votes.engine.projecting.projector import rebuild
from votes.engine.projecting.verify import audit, verify
from votes.engine.projection import partition_of
from votes.engine.read_model_store import AuditReport
from votes.projections import PROJECTIONS, tallies
from votes.views.read_model_store import RedisReadModelStore
from votes.wiring import batcher_on
from workers import jobs

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
TOOL = TOOLS[0]
CHECKPOINT, TALLIES, PROFILES, PARKED = 0, 1, 2, -1
assert (HASHES[0], HASHES[1], HASHES[-1]) == ("tallies", "profiles", "parked")


@pytest.fixture
async def built(store, space) -> RedisReadModelStore:
    """The read models of a filled log, and nobody who mends them."""
    await fill(store)
    kept = RedisReadModelStore(space, PROJECTIONS)
    await kept.load()
    await rebuild(store, kept)
    return kept


async def key(space, place: int, tool: str = TOOL) -> str:
    """One of the keys of the tool's partition."""
    return of_partition(keys_of(space), await live_generation(space), partition_of(tool))[place]


async def cut(space, place: int, field: str, value: bytes | None = None) -> None:
    """Take a model away, or put one there; its partition goes on saying that it is whole."""
    name, checkpoint = await key(space, place, field), await key(space, CHECKPOINT, field)
    await (space.redis.hdel(name, field) if value is None else space.redis.hset(name, field, value))
    epoch, position, *counts = (await space.redis.get(checkpoint)).decode().split(":")
    hashes = range(1, 1 + len(counts))
    held = [str(await space.redis.hlen(await key(space, part, field))) for part in hashes]
    await space.redis.set(checkpoint, ":".join((epoch, position, *held)))


async def altered(space, place: int, field: str, **values) -> None:
    """Change some values of a model, as a careless hand would."""
    name = await key(space, place, field)
    model = msgspec.json.decode(await space.redis.hget(name, field))
    await space.redis.hset(name, field, msgspec.json.encode(model | values))


async def test_what_an_audit_found_is_kept_for_others(store, space, built):
    assert await built.last_report() is None
    found = await audit(store, built, AT)
    report = AuditReport(AT, found.events, found.models, 0, None)
    assert await RedisReadModelStore(space, PROJECTIONS).last_report() == report
    await space.redis.delete(keys_of(space).live)
    await audit(store, built, AT, catch_up_s=0)
    assert (await built.last_report()).problem == "the read models are missing or incomplete"


async def test_what_an_audit_found_is_told_though_it_cannot_be_kept(store, space, built):
    class Full(RedisReadModelStore):
        async def store_report(self, report):
            raise Unavailable("no memory left")

    await cut(space, TALLIES, TOOL)
    found = await audit(store, Full(space, PROJECTIONS), AT)
    assert [drift.key for drift in found.drifts] == [TOOL]
    assert await built.last_report() is None


async def test_the_worker_s_audit_mends_what_it_finds(config, space, built):
    ctx = {"config": config}
    assert await jobs.audit(ctx)
    await altered(space, TALLIES, TOOL, heat=999.0)
    assert not await jobs.audit(ctx)
    assert (await built.last_report()).drifts == 1
    assert await jobs.audit(ctx)
    assert (await built.last_report()).drifts == 0


async def test_what_was_projected_is_without_drift(store, built):
    found = await verify(store, built)
    assert found.ok
    values = [count for name, count in (await counts(built)).items() if name != "parked"]
    assert (found.events, found.models) == (await store.head(), sum(values))


async def counts(kept) -> dict[str, int]:
    """How many values each model has."""
    models = await kept.load()
    return {m.name: sum(1 for _ in models.items(m)) for m in PROJECTIONS.all}


@pytest.mark.parametrize(
    "values",
    [
        {"counts": [3, 1, 0, 0, 0, 0, 0]},
        {"counts": [2, 0, 0, 0, 0, 0, 0]},
        {"position": 1},
        {"heat": 0.0},
    ],
)
async def test_an_altered_tally_is_drift(store, built, space, values):
    await altered(space, TALLIES, TOOL, **values)
    found = await verify(store, built)
    assert not found.ok
    assert [(drift.model, drift.key) for drift in found.drifts] == [("tallies", TOOL)]
    assert (found.drifts[0].expected.ship, found.drifts[0].expected.skip) == (2, 1)
    name, value = next(iter(values.items()))
    assert msgspec.to_builtins(found.drifts[0].stored)[name] == value


@pytest.mark.parametrize("values", [{"listed": False}, {"position": 0}])
async def test_an_altered_profile_is_drift(store, built, space, values):
    await altered(space, PROFILES, TOOL, **values)
    found = await verify(store, built)
    assert [(drift.model, drift.key) for drift in found.drifts] == [("profiles", TOOL)]


@pytest.mark.parametrize(("place", "model"), [(TALLIES, "tallies"), (PROFILES, "profiles")])
async def test_a_missing_model_is_drift(store, built, space, place, model):
    await cut(space, place, TOOL)
    found = await verify(store, built)
    assert [(drift.model, drift.key, drift.stored) for drift in found.drifts] == [
        (model, TOOL, None)
    ]


@pytest.mark.parametrize(("place", "model"), [(TALLIES, "tallies"), (PROFILES, "profiles")])
async def test_an_added_model_is_drift(store, built, space, place, model):
    await cut(space, place, "invented", await space.redis.hget(await key(space, place), TOOL))
    found = await verify(store, built)
    assert [(drift.model, drift.key, drift.expected) for drift in found.drifts] == [
        (model, "invented", None)
    ]


BY_HAND = b'{"kind":"Invented/1","reason":"by hand","release":"0.0.1"}'


async def test_an_event_parked_by_hand_is_drift(store, built, space):
    whole = await built.load()
    await space.redis.hset(await key(space, PARKED), "1", BY_HAND)
    await cut(space, TALLIES, TOOL)
    await cut(space, TALLIES, TOOL, msgspec.json.encode(whole.get(tallies.TALLIES, TOOL)))
    found = await verify(store, built)
    assert [(drift.model, drift.key) for drift in found.drifts] == [("parked", "1")]


@pytest.mark.parametrize(
    "value", [None, "{epoch}:99999:{held}", "f2f2f2f2:{head}:{held}", "{epoch}:x:{held}", ""]
)
async def test_an_altered_checkpoint_is_drift(store, built, space, value):
    if value is None:
        await space.redis.delete(await key(space, CHECKPOINT))
    else:
        held = (await space.redis.get(await key(space, CHECKPOINT))).decode().split(":", 2)[2]
        text = value.format(epoch=await store.epoch(), head=await store.head(), held=held)
        await space.redis.set(await key(space, CHECKPOINT), text)
    found = await verify(store, built, catch_up_s=0)
    assert found.problem
    assert not found.ok


@pytest.mark.parametrize("text", [None, "{", '{"generation":9,"epoch":"f2f2f2f2","position":1}'])
async def test_an_altered_pointer_is_drift(store, built, space, text):
    name = keys_of(space).live
    await (space.redis.set(name, text) if text else space.redis.delete(name))
    assert (await verify(store, built, catch_up_s=0)).problem


async def test_every_drift_is_told(store, built, space):
    for slug in TOOLS:
        await cut(space, TALLIES, slug)
    found = await verify(store, built)
    assert {drift.key for drift in found.drifts} == set(TOOLS)


async def test_a_busy_system_has_no_drift(config, store, space):
    await fill(store)
    batcher = batcher_on(store)
    audits = 0

    async def voter(name: str) -> None:
        for number in range(12 * 3):
            choice: Choice | None = ("ship", "skip", None)[number % 3]
            await batcher.submit(ballot(TOOLS[number % len(TOOLS)], name, choice))

    async with worker(config):
        await settled(space, await store.head())
        voting = asyncio.gather(*(voter(f"voter{number}") for number in range(20)))
        while not voting.done() or audits < 3:
            found = await verify(store, RedisReadModelStore(space, PROJECTIONS))
            assert found.ok, found
            audits += 1
        await voting


async def test_a_rebuild_meanwhile_is_no_drift(store, built, space):
    """The switch to another generation removes the one that the audit is loading."""

    class Overtaken(RedisReadModelStore):
        async def load(self):
            loads.append(self)
            return await super().load() if len(loads) > 1 else None

    loads: list[RedisReadModelStore] = []
    assert (await verify(store, Overtaken(space, PROJECTIONS))).ok
    assert len(loads) == 2
