"""Read models in Redis: what is announced, removed and put right there, besides what every store of
them does."""

from datetime import UTC, datetime
from typing import Literal, get_args

import msgspec
import pytest
from redis.exceptions import NoScriptError

from tests.integration.projection.scene import dump
from tests.stored.keys import keys_of, of_partition
from votes.domain.tool import Entry, ToolListed
from votes.domain.vote_events import VoteCast
from votes.engine.log import Recorded
from votes.engine.projection import PARTITIONS, partition_of
from votes.engine.read_models import ReadModels
from votes.projections import PROJECTIONS
from votes.projections.profiles import PROFILES
from votes.projections.tallies import TALLIES
from votes.resources import connect_redis
from votes.views.announcements import Announcements
from votes.views.keys import Namespace
from votes.views.messages import decode_message
from votes.views.read_model_store import RedisReadModelStore

EPOCH = "e1e1e1e1"
AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
A, B = "tool-0", "tool-1"
assert partition_of(A) != partition_of(B)


def recorded(position, event, tool=A, stream="any"):
    return Recorded(position, stream, 1, event, AT, tool)


def models_of_two_tools() -> ReadModels:
    models = ReadModels(PROJECTIONS, EPOCH)
    models.fold([recorded(n, ToolListed(t, Entry(t, "Tests")), t) for n, t in ((1, A), (2, B))])
    models.fold((), every=True)
    return models


def cast(models, *votes, position=3):
    """The changes of votes that follow one another."""
    return models.fold(
        recorded(position + n, VoteCast(choice), tool) for n, (tool, choice) in enumerate(votes)
    )


@pytest.fixture
async def projectors(space, servers):
    """Two processes' views of the same read models, each with its own folded models."""
    clients = [connect_redis(servers.redis_owner_url) for _ in range(2)]
    both = [RedisReadModelStore(Namespace(c, space.prefix), PROJECTIONS) for c in clients]
    await both[0].load()
    await both[0].replace(models_of_two_tools())
    yield [(kept, await kept.load()) for kept in both]
    for client in clients:
        await client.aclose()


async def test_a_projector_that_was_overtaken_is_refused(projectors, space):
    (leader, leading), (zombie, following) = projectors
    assert await leader.apply(cast(leading, (A, "ship"), (B, "ship")))
    now = await dump(space)
    assert not await zombie.apply(cast(following, (A, "skip"), (B, "skip")))
    assert await dump(space) == now


async def test_an_overtaken_projector_announces_nothing(projectors, space):
    (leader, leading), (zombie, following) = projectors
    announcements = Announcements(space.redis, keys_of(space).changes)
    last = await announcements.last()
    assert await leader.apply(leading.fold([recorded(3, "changes no model")]))
    assert not await zombie.apply(following.fold([recorded(3, "changes no model")]))
    assert not await zombie.apply(following.fold((), every=True))
    found = await announcements.after(last, 0.0)
    assert [decode_message(one.message).live.position for one in found] == [3]
    assert [one.before for one in found] == [last]


async def test_a_rebuild_takes_the_place_of_the_live_generation(projectors, space):
    (leader, leading), (rebuilder, _) = projectors
    before = {name async for name in space.redis.scan_iter(f"{space.prefix}:{{p*")}
    await rebuilder.replace(models_of_two_tools())
    after = {name async for name in space.redis.scan_iter(f"{space.prefix}:{{p*")}
    assert not before & after
    assert not await leader.apply(cast(leading, (A, "ship")))
    assert (await leader.load()).position == 2


async def test_of_two_rebuilds_the_later_one_removes_its_own(projectors, space):
    (first, _), (second, _) = projectors
    await first.replace(models_of_two_tools())
    kept = await dump(space)
    await second.replace(cast_elsewhere())
    assert await dump(space) == kept


def cast_elsewhere() -> ReadModels:
    models = models_of_two_tools()
    cast(models, (A, "ship"), (B, "ship"))
    return models


async def test_a_rebuild_tells_all_who_follow_to_load(projectors, space):
    (_, models), (rebuilder, _) = projectors
    announcements = Announcements(space.redis, keys_of(space).changes)
    last = await announcements.last()
    await rebuilder.replace(models)
    (found,) = await announcements.after(last, 0.0)
    assert decode_message(found.message).written is None


Damage = Literal[
    "missing", "of another epoch", "garbled", "no number", "one too many", "of another type"
]


@pytest.mark.parametrize("partition", [0, 7, PARTITIONS - 1])
@pytest.mark.parametrize("damage", get_args(Damage))
async def test_models_that_are_not_whole_are_not_loaded(kept, space, partition, damage: Damage):
    await kept.load()
    models = models_of_two_tools()
    await kept.replace(models)
    assert await kept.load() == models
    checkpoint, tallies, profiles, *others = of_partition(
        keys_of(space), models.generation, partition
    )
    held = ":".join("0" for _ in (tallies, profiles, *others))
    match damage:
        case "missing":
            await space.redis.delete(checkpoint)
        case "of another epoch":
            await space.redis.set(checkpoint, f"f2f2f2f2:2:{held}")
        case "garbled":
            await space.redis.hset(tallies, "tool-x", "{")
        case "no number":
            await space.redis.set(checkpoint, f"{EPOCH}:x:{held}")
        case "one too many":
            await space.redis.hset(tallies, "tool-x", msgspec.json.encode(models.get(TALLIES, A)))
        case "of another type":
            await space.redis.delete(profiles)
            await space.redis.rpush(profiles, "a list")
    assert await kept.load() is None


@pytest.mark.parametrize("text", ["", "{}", '{"generation":"one"}', "\x00"])
async def test_a_pointer_that_cannot_be_read_is_replaced(kept, space, text):
    await kept.load()
    await kept.replace(models_of_two_tools())
    await space.redis.set(keys_of(space).live, text)
    assert await kept.load() is None
    models = models_of_two_tools()
    await kept.replace(models)
    assert await kept.load() == models


async def test_scripts_that_the_server_has_forgotten_are_brought_again(kept, space):
    models = models_of_two_tools()
    await kept.load()
    await kept.replace(models)
    await space.redis.script_flush()
    assert not await kept.apply(cast(models, (A, "ship")))
    with pytest.raises(NoScriptError):
        await space.redis.evalsha("0" * 40, 0)
    models = await kept.load()
    assert await kept.apply(cast(models, (A, "ship")))
    assert (await kept.load()).get(TALLIES, A).ship == 1


def test_a_partition_holds_changes_by_the_position_they_start_from():
    models = models_of_two_tools()
    changes = cast(models, (A, "ship"))
    assert list(changes.partitions) == [partition_of(A)]
    change = changes.partitions[partition_of(A)]
    assert (change.checkpoint, change.of(TALLIES)) == (2, {A: models.get(TALLIES, A)})
    assert change.of(PROFILES) == {}
