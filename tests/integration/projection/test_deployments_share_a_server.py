"""Two deployments on one Valkey, each with its own prefix and log, see nothing of each other."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial

import pytest
from arq import Worker, create_pool
from msgspec import Struct
from msgspec.structs import replace

from tests.conftest import deployment
from tests.integration.projection.scene import (
    TOOLS,
    ballot,
    dump,
    fill,
    generation,
    settled,
    submit,
    total,
    worker,
)
from tests.integration.projection.test_models_of_several_releases import BEFORE
from tests.polling import LIMIT_S, until
from tests.stored.keys import keys_of
from votes.config import Config
from votes.engine.projecting.projector import rebuild
from votes.engine.projecting.verify import verify
from votes.engine.read_model_store import AuditReport
from votes.projections import PROJECTIONS
from votes.resources import event_store, namespace
from votes.store.postgres import PostgresEventStore
from votes.views.keys import Namespace
from votes.views.pictures import RedisPictures
from votes.views.read_model_store import RedisReadModelStore
from votes.wiring import services
from workers import jobs
from workers.settings import of_deployment

TOOL = TOOLS[0]
KEY = "0" * 32
REPORT = AuditReport(datetime(2026, 1, 31, 12, tzinfo=UTC), 5, 4, 0, None)


class Deployment(Struct):
    config: Config
    space: Namespace
    store: PostgresEventStore

    @property
    def kept(self) -> RedisReadModelStore:
        return RedisReadModelStore(self.space, PROJECTIONS)


@pytest.fixture
async def two(servers, template, own_valkey):
    """One's prefix is what the other's begins with."""
    url = own_valkey.addresses.redis_owner_url
    async with AsyncExitStack() as stack:
        made = []
        for prefix in ("votes-1", "votes-12"):
            config = await stack.enter_async_context(deployment(servers, template, prefix))
            config = replace(config, redis_url=url, queue_url=url)
            store = await stack.enter_async_context(event_store(config))
            space = namespace(config)
            stack.push_async_callback(space.redis.aclose)
            made.append(Deployment(config, space, store))
        yield made


async def names_in(space: Namespace) -> set[str]:
    return {name.decode() async for name in space.redis.scan_iter("*", count=1_000)}


async def forget(space: Namespace) -> None:
    """As an operator removes a deployment's keys."""
    async for name in space.redis.scan_iter(f"{space.prefix}:*", count=1_000):
        await space.redis.delete(name)


async def test_tallies_and_messages_are_of_one(two):
    one, other = two
    for each in two:
        await fill(each.store)
    async with (
        worker(one.config),
        worker(other.config),
        services(one.config) as here,
        services(other.config) as there,
    ):
        for parts, each in ((here, one), (there, other)):
            await until(partial(getattr, parts.replica, "models"), "live models")
            head = await submit(each.store, [ballot(TOOL, "first", "ship")])
            await parts.reader.models(min_position=head)
        heard = []
        there.replica.listeners.append(lambda _, changes: heard.append(changes))
        head = await submit(one.store, [ballot(TOOL, f"more{n}", "ship") for n in range(5)])
        read = await here.reader.models(min_position=head)
        assert total(read.models, TOOL) == 3 + 1 + 5
        head = await submit(other.store, [ballot(TOOL, "more", "skip")])
        read = await there.reader.models(min_position=head)
        assert total(read.models, TOOL) == 3 + 1 + 1
        assert None not in heard  # a message of the other would make it load all again
        assert heard[-1] is not None
        assert heard[-1].position == head
    assert {name.partition(":")[0] for name in await names_in(one.space)} == {"votes-1", "votes-12"}


async def test_who_loses_all_keys_leaves_the_other_s_as_they_are(two):
    one, other = two
    head = await fill(one.store)
    await fill(other.store)
    async with worker(one.config), worker(other.config):
        before = [await settled(each.space, head) for each in two]
        generations = [await generation(each.space) for each in two]
        await forget(one.space)
        assert await dump(other.space) == before[1]
        assert await settled(one.space, head) == before[0]
        assert await generation(one.space) != generations[0]
        assert await generation(other.space) == generations[1]
    for each in two:
        assert (await verify(each.store, each.kept)).ok


async def test_audits_and_pictures_are_of_one(two):
    one, other = two
    await one.kept.store_report(REPORT)
    assert (await one.kept.last_report(), await other.kept.last_report()) == (REPORT, None)
    await RedisPictures(one.space).put(KEY, b"of one")
    assert await RedisPictures(other.space).get(KEY) is None
    await RedisPictures(other.space).put(KEY, b"of the other")
    assert await RedisPictures(one.space).get(KEY) == b"of one"


async def test_sets_that_nobody_keeps_are_removed_for_one(two):
    one, other = two
    for each in two:
        await fill(each.store)
        await rebuild(each.store, RedisReadModelStore(each.space, BEFORE))
        await each.space.redis.zadd(keys_of(each.space).sets, {BEFORE.signature: 1})
    assert await other.kept.remove_old_sets(2) == [BEFORE.signature]
    assert await RedisReadModelStore(one.space, BEFORE).load() is not None
    assert await RedisReadModelStore(other.space, BEFORE).load() is None


async def done_at(moment: datetime, deployment: Deployment) -> int:
    """Have arq do what is in the queue and what is due then; answers how many jobs that was."""
    made = Worker(
        [jobs.rebuild],
        ctx={"config": deployment.config},
        burst=True,
        handle_signals=False,
        **of_deployment(deployment.config),
    )
    for job in made.cron_jobs:
        job.next_run = moment
    async with asyncio.timeout(LIMIT_S):
        await made.async_run()
    await made.close()
    return made.jobs_complete


@pytest.mark.filterwarnings("ignore:Call to deprecated close:DeprecationWarning")  # arq's
async def test_each_does_its_own_jobs_and_is_audited_at_the_same_minute(two):
    one, other = two
    for each in two:
        await fill(each.store)
    queue = of_deployment(one.config)
    pool = await create_pool(queue["redis_settings"], default_queue_name=queue["queue_name"])
    async with pool:
        await pool.enqueue_job("rebuild")
    moment = datetime.now(UTC)
    assert [await done_at(moment, other), await done_at(moment, one)] == [
        2,
        3,
    ]  # each has an audit and the weekly mail
    assert await other.kept.last_report()
    assert await one.kept.last_report()
