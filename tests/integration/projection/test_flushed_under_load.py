"""FLUSHALL while votes arrive: what stands at the end is what would stand without it."""

import asyncio
import random

from msgspec.structs import replace

from tests.engine.commands.sending import obeyed
from tests.integration.projection.scene import (
    TOOLS,
    ballot,
    fill,
    projecting,
    settled,
    submit,
    worker,
)
from tests.polling import until
from tests.running.lengths import length
from tests.stored.keys import keys_of
from votes.domain.terms import Choice
from votes.engine.projecting.projector import rebuild
from votes.engine.projecting.verify import verify
from votes.projections import PROJECTIONS
from votes.resources import namespace
from votes.views.keys import Namespace
from votes.views.read_model_store import RedisReadModelStore
from votes.wiring import batcher_on

FLUSHES = length(4, 12)
VOTERS = 40


async def test_flushed_again_and_again_it_ends_as_if_never_flushed(
    config, store, own_space, space, own_valkey
):
    never_flushed = space
    config = replace(config, redis_url=own_valkey.addresses.redis_owner_url)
    head = await fill(store)
    async with worker(config), projecting(store, never_flushed) as appended:
        flushing = asyncio.create_task(flush_often(own_space))
        head = await vote_while(flushing, store, appended)
        flushed = await settled(own_space, head)
        assert flushed == await settled(never_flushed, head)
    elsewhere = replace(config, redis_url=own_valkey.addresses.queue_url)
    assert await rebuilt_in(elsewhere, store) == flushed
    found = await verify(store, RedisReadModelStore(own_space, PROJECTIONS))
    assert found.ok
    assert found.events == head


async def flush_often(space: Namespace) -> None:
    """Each time as soon as something is live again, so that it hits a load or a batch."""
    for _ in range(FLUSHES):

        async def live() -> bool:
            return bool(await space.redis.exists(keys_of(space).live))

        await until(live, "something live")
        await space.redis.flushall()


async def vote_while(task: asyncio.Task, store, appended: asyncio.Event) -> int:
    """Voters who change their minds until the task has ended, each after the other's answer."""
    batcher = batcher_on(store)
    mind = random.Random(7)

    async def voter(name: str) -> int:
        position = 0
        while not task.done() or not position:
            choice: Choice | None = mind.choice(("ship", "skip", None))
            answer = await batcher.submit(ballot(mind.choice(TOOLS), name, choice))
            position = max(position, obeyed(answer).position)
            appended.set()
        return position

    positions = await asyncio.gather(*(voter(f"voter{number}") for number in range(VOTERS)))
    await task
    assert max(positions) == await store.head()
    return max(positions)


async def rebuilt_in(config, store) -> dict:
    """The dump of a rebuild where nothing is yet."""
    space = namespace(config)
    async with space.redis:
        kept = RedisReadModelStore(space, PROJECTIONS)
        assert await kept.load() is None
        models = await rebuild(store, kept)
        return await settled(space, models.position)


async def test_a_flush_between_two_rebuilds_leaves_one_of_them(store, own_space):
    await fill(store)
    first, second = (
        RedisReadModelStore(own_space, PROJECTIONS),
        RedisReadModelStore(own_space, PROJECTIONS),
    )
    await first.load()
    await own_space.redis.flushall()
    await second.load()
    await rebuild(store, second)
    head = await submit(store, [ballot(TOOLS[0], "after", "ship")])
    await rebuild(store, first)
    async with projecting(store, own_space):
        await settled(own_space, head)
        assert (await verify(store, RedisReadModelStore(own_space, PROJECTIONS))).ok
