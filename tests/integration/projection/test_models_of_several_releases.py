"""Releases that fold alike share their read models; others keep theirs beside. All are right."""

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import pytest

from tests.integration.projection.scene import TOOLS, ballot, ended_by_cancellation, fill, submit
from tests.polling import until
from tests.stored.keys import KEYS, keys_of
from votes.domain.events import EVENT_TYPES
from votes.domain.vote_events import VoteCast, VoteRetracted
from votes.engine.log import Position
from votes.engine.projecting.projector import Projector, belongs_to_log, rebuild
from votes.engine.projecting.verify import verify
from votes.engine.projection import Projection, Projections
from votes.projections import PROJECTIONS
from votes.projections.profiles import PROFILES
from votes.projections.tallies import TALLIES
from votes.resources import namespace
from votes.views.read_model_store import RedisReadModelStore
from votes.views.subscription import Subscription

TOOL = TOOLS[0]
DAY_S = 24 * 3600


def votes_of_a_day(count: int | None, recorded, *_) -> int | None:
    """Cast less taken back; none is no value."""
    return (count or 0) + (1 if isinstance(recorded.event, VoteCast) else -1) or None


def day_of(recorded):
    return (f"{recorded.subject}@{recorded.at:%Y-%m-%d}",)


DAYS = Projection(
    "days",
    int,
    on={VoteCast: day_of, VoteRetracted: day_of},
    evolve=votes_of_a_day,
    replicated=False,
)
RAISED = Projection(
    "tallies", TALLIES.value, on=TALLIES.on, evolve=TALLIES.evolve, version=TALLIES.version + 1
)


def release(*models) -> Projections:
    hears = {kind for model in models for kind in model.on}
    ignored = [kind for kind in EVENT_TYPES if kind not in hears]
    return Projections(models, EVENT_TYPES, ignored, "test")


BEFORE = release(TALLIES, PROFILES)
ONE_MORE = release(TALLIES, PROFILES, DAYS)
NEWER = release(RAISED, PROFILES)


class Running:
    """A worker and a reader of one release."""

    def __init__(self, kept, subscription) -> None:
        self.kept = kept
        self.subscription = subscription

    async def at(self, position: Position) -> None:
        def there():
            models = self.subscription.models
            return models is not None and models.position == position

        await until(there, f"a reader at {position}")


@asynccontextmanager
async def running(projections, store, config):
    async with AsyncExitStack() as stack:
        worker_s, reader_s = spaces = [namespace(config) for _ in range(2)]
        appended = asyncio.Event()
        kept = RedisReadModelStore(worker_s, projections)
        in_this_log = partial(belongs_to_log, store)
        subscription = Subscription(
            reader_s, projections, in_this_log, lambda *_: None, time.time, lambda _: None
        )
        projector = Projector(store, kept, appended, time.time, lambda _: None)
        for space in spaces:
            stack.push_async_callback(space.redis.aclose)
        for work in (projector.run(), subscription.run()):
            stack.push_async_callback(ended_by_cancellation, asyncio.create_task(work))
        yield Running(RedisReadModelStore(worker_s, projections), subscription)


def votes_on(models, model) -> int:
    return models.get(model, TOOL).total


@pytest.mark.parametrize("other", [ONE_MORE, NEWER])
async def test_two_releases_are_right_side_by_side_while_votes_flow(store, config, other):
    await fill(store)
    async with running(BEFORE, store, config) as old, running(other, store, config) as new:
        for number in range(5):
            head = await submit(store, [ballot(TOOL, f"more{number}", "ship")])
            await asyncio.gather(old.at(head), new.at(head))
            for one in (old, new):
                (tallies, *_) = one.subscription.models.projections.all
                assert votes_on(one.subscription.models, tallies) == 3 + 1 + number
        for one in (old, new):
            assert (await verify(store, one.kept)).ok


async def test_a_model_that_is_new_begins_at_the_beginning(store, config):
    head = await fill(store)
    async with running(BEFORE, store, config) as old:
        await old.at(head)
    async with running(ONE_MORE, store, config) as new:
        await new.at(head)
        models = await new.kept.load()
        assert sum(count for _, count in models.items(DAYS)) == 3 * len(TOOLS)


async def test_who_goes_back_to_the_release_before_goes_on_where_it_was(store, config):
    head = await fill(store)
    async with running(BEFORE, store, config) as old:
        await old.at(head)
        generation = old.subscription.models.generation
    async with running(NEWER, store, config) as new:
        head = await submit(store, [ballot(TOOL, "meanwhile", "ship")])
        await new.at(head)
    async with running(BEFORE, store, config) as again:
        await again.at(head)
        assert again.subscription.models.generation == generation
        assert votes_on(again.subscription.models, TALLIES) == 4
        assert (await verify(store, again.kept)).ok


async def test_what_no_process_holds_whole_is_read_by_key(store, config):
    head = await fill(store)
    async with running(ONE_MORE, store, config) as new:
        await new.at(head)
        assert dict(new.subscription.models.items(DAYS)) == {}
        models = await new.kept.load()
        for key, _ in list(models.items(DAYS)):
            asked = [(DAYS, key), (DAYS, f"{key.partition('@')[0]}@1999-01-01")]
            assert await new.kept.values(models.generation, asked) == [3, None]
            assert await new.kept.values(models.generation - 1, asked) is None


async def test_one_projection_is_rebuilt_and_the_others_are_left(store, space):
    await fill(store)
    kept = RedisReadModelStore(space, ONE_MORE)
    models = await rebuild(store, kept)
    for partition in models.partitions:
        partition.values = {name: {} for name in ("profiles", "days")} | {
            "tallies": partition.values["tallies"]
        }
    await kept.replace(models)
    await rebuild(store, kept, DAYS)
    found = await verify(store, kept)
    assert {drift.model for drift in found.drifts} == {"profiles"}
    assert len(found.drifts) == len(TOOLS)
    await rebuild(store, kept, PROFILES)
    assert (await verify(store, kept)).ok


async def test_a_rebuild_of_one_projection_ends_at_the_head(store, space):
    await fill(store)
    kept = RedisReadModelStore(space, ONE_MORE)
    await rebuild(store, kept)
    head = await submit(store, [ballot(TOOL, "later", "ship")])
    assert (await rebuild(store, kept, DAYS)).position == head
    found = await verify(store, kept)
    assert (found.ok, found.events) == (True, head)


async def test_models_that_nobody_has_kept_for_long_are_removed(store, space):
    await fill(store)
    now = time.time()
    for projections, age_days in ((BEFORE, 9), (NEWER, 1), (ONE_MORE, 9)):
        await rebuild(store, RedisReadModelStore(space, projections))
        await space.redis.zadd(keys_of(space).sets, {projections.signature: now - age_days * DAY_S})
    removed = await RedisReadModelStore(space, ONE_MORE).remove_old_sets(now - 7 * DAY_S)
    assert removed == [BEFORE.signature]
    assert await RedisReadModelStore(space, BEFORE).load() is None
    left = [name.decode() async for name in space.redis.scan_iter(f"{space.prefix}:*")]
    assert not [name for name in left if BEFORE.signature in name]
    for projections in (NEWER, ONE_MORE):
        assert (await verify(store, RedisReadModelStore(space, projections))).ok


def test_this_release_keeps_its_models_under_its_own_signature():
    assert KEYS.signature == PROJECTIONS.signature
