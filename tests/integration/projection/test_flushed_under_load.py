"""FLUSHALL while votes arrive: what stands at the end is what would stand without it."""

import asyncio
import random

from redis.asyncio import Redis

from tests.integration.projection.scene import (
    TOOLS,
    ballot,
    fill,
    projecting,
    settled,
    submit,
    until,
    worker,
)
from tests.kept import KEYS
from votes.engine.handle import Outcome
from votes.engine.project import rebuild
from votes.engine.verify import verify
from votes.projections import PROJECTIONS
from votes.views.read_models import RedisReadModels
from votes.wiring import batcher_on, connect_redis

FLUSHES = 12
VOTERS = 40


async def test_flushed_again_and_again_it_ends_as_if_never_flushed(
    config, store, redis, own_redis, own_valkey
):
    never_flushed = own_redis
    head = await fill(store)
    async with worker(config), projecting(store, never_flushed) as bell:
        flushing = asyncio.create_task(flush_often(redis))
        head = await vote_while(flushing, store, bell)
        flushed = await settled(redis, head)
        assert flushed == await settled(never_flushed, head)
    assert await rebuilt_elsewhere(store, own_valkey) == flushed
    found = await verify(store, RedisReadModels(redis, PROJECTIONS))
    assert found.ok
    assert found.events == head


async def flush_often(redis: Redis) -> None:
    """Each time as soon as something is live again, so that it hits a load or a batch."""
    for _ in range(FLUSHES):

        async def live() -> bool:
            return bool(await redis.exists(KEYS.live))

        await until(live, "something live")
        await redis.flushall()


async def vote_while(task: asyncio.Task, store, bell: asyncio.Event) -> int:
    """Voters who change their minds until the task has ended, each after the other's answer."""
    batcher = batcher_on(store)
    mind = random.Random(7)

    async def voter(name: str) -> int:
        position = 0
        while not task.done() or not position:
            choice = mind.choice(("ship", "skip", None))
            answer = await batcher.submit(ballot(mind.choice(TOOLS), name, choice))
            assert isinstance(answer, Outcome)
            position = max(position, answer.position)
            bell.set()
        return position

    positions = await asyncio.gather(*(voter(f"voter{number}") for number in range(VOTERS)))
    await task
    assert max(positions) == await store.head()
    return max(positions)


async def rebuilt_elsewhere(store, own_valkey) -> dict:
    """The dump of a rebuild in an empty database of the other Valkey."""
    client = connect_redis(own_valkey.addresses.queue_url)
    async with client:
        kept = RedisReadModels(client, PROJECTIONS)
        assert await kept.load() is None
        models = await rebuild(store, kept)
        return await settled(client, models.position)


async def test_a_flush_between_two_rebuilds_leaves_one_of_them(store, redis):
    await fill(store)
    first, second = RedisReadModels(redis, PROJECTIONS), RedisReadModels(redis, PROJECTIONS)
    await first.load()
    await redis.flushall()
    await second.load()
    await rebuild(store, second)
    head = await submit(store, [ballot(TOOLS[0], "after", "ship")])
    await rebuild(store, first)
    async with projecting(store, redis):
        await settled(redis, head)
        assert (await verify(store, RedisReadModels(redis, PROJECTIONS))).ok
