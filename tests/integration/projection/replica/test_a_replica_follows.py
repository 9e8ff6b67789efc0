"""An API process's memory of the read models: fresh, in order, never older than before."""

import asyncio
from collections.abc import Iterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from tests.conftest import valkey
from tests.integration.projection.replica.following import (
    AT,
    EPOCH,
    A,
    B,
    cast,
    cut_off,
    following,
    fresh,
    replace,
    restored,
    saved,
    shown_at,
    two_tools,
)
from tests.integration.projection.scene import live_generation
from tests.polling import until
from tests.stored.keys import keys_of
from votes.domain.vote_events import VoteCast
from votes.embedded import Addresses
from votes.engine.log import Recorded, Stream
from votes.engine.projecting.projector import HEARTBEAT_TIMEOUT_S
from votes.engine.projection import partition_of
from votes.engine.read_models import Changes, Partition
from votes.projections import PROJECTIONS
from votes.projections.tallies import TALLIES
from votes.views.messages import Live, Message, Values
from votes.views.read_model_store import RedisReadModelStore

encode = msgspec.msgpack.Encoder().encode


@pytest.fixture(scope="module")
def servers() -> Iterator[Addresses]:
    """Of this file alone, for it ends the connections of all who follow there."""
    with valkey() as own:
        yield own.addresses


@pytest.fixture
async def follower(kept, other_space):
    """Follows models of two tools at position 2, kept by `kept`."""
    await kept.load()
    await replace(kept, two_tools())
    async with following(other_space) as made:
        await made.at(2)
        yield made


async def publish(space, changes: Changes | None, epoch: str = EPOCH) -> None:
    """Announce it as a projector does, but move no pointer."""
    position = changes.position if changes else 0
    live = Live(await live_generation(space), epoch, position)
    values = Values(PROJECTIONS)
    message = (
        Message(live, changes.before, changes.read_at, values.written(changes))
        if changes
        else Message(live)
    )
    await announce(space, encode(message))


async def hang_up(space, follower) -> None:
    """Cut its connection, as when Redis is started again."""
    await cut_off(space)
    await until(lambda: (None, False) in follower.seen, "a lost connection")


@asynccontextmanager
async def no_reading(kept, models, follower):
    """What is announced meanwhile is read afterwards, in one go."""
    announcements = follower.subscription._announcements
    reading, gate, waiting = announcements.after, asyncio.Event(), asyncio.Event()

    async def after(*arguments):
        waiting.set()
        await gate.wait()
        return await reading(*arguments)

    announcements.after = after
    assert await kept.apply(fresh(models.fold((), every=True)))  # it ends the call that waits
    await waiting.wait()
    yield
    announcements.after = reading
    gate.set()


async def announce(space, message: bytes) -> None:
    key = keys_of(space).changes
    ((last, fields),) = await space.redis.xrevrange(key, count=1)
    length = int(fields[b"bytes"]) + len(message)
    await space.redis.xadd(key, {"before": last, "bytes": length, "message": message})


async def test_each_announced_change_is_adopted(kept, follower):
    models = await kept.load()
    for slug in (A, B, A):
        assert await kept.apply(cast(models, slug))
    await follower.at(5)
    assert follower.subscription.models.get(TALLIES, A) == models.get(TALLIES, A)
    assert follower.subscription.models.get(TALLIES, B) == models.get(TALLIES, B)
    assert follower.seen == [(2, False), (3, True), (4, True), (5, True)]


async def test_a_gap_makes_it_load_again(kept, follower, space):
    models = await kept.load()
    assert await kept.apply(cast(models, A))
    await follower.at(3)
    forged = models.get(TALLIES, A)
    gap = Changes(EPOCH, 7, 8, {partition_of(A): Partition(3, {"tallies": {A: forged}})})
    await publish(space, gap)
    await until(lambda: len(follower.seen) == 3, "a reload")
    assert follower.seen[-1] == (3, False)


async def test_an_announcement_that_is_gone_makes_it_load_again(kept, follower, space):
    models = await kept.load()
    async with no_reading(kept, models, follower):
        assert await kept.apply(cast(models, A))
        await space.redis.xtrim(keys_of(space).changes, maxlen=0)
        assert await kept.apply(cast(models, B))
    await follower.at(4)
    assert follower.seen[-1] == (4, False)
    assert follower.subscription.models.get(TALLIES, A) == models.get(TALLIES, A)
    assert follower.subscription.models.get(TALLIES, B) == models.get(TALLIES, B)


async def test_announcements_with_lower_ids_than_before_make_it_load_again(kept, follower, space):
    """Redis was lost, and its clock has been set back."""
    await hang_up(space, follower)
    follower.subscription._last = "99999999999999-0"
    models = await kept.load()
    assert await kept.apply(cast(models, A))
    await shown_at(kept, models, follower)
    assert follower.loads > 1


async def test_what_came_while_it_could_not_read_is_taken_up_without_a_load(kept, follower):
    models = await kept.load()
    async with no_reading(kept, models, follower):
        for slug in (A, B, A):
            assert await kept.apply(cast(models, slug))
    await follower.at(5)
    assert follower.subscription.models.get(TALLIES, A) == models.get(TALLIES, A)
    assert follower.loads == 1


async def test_a_projector_that_was_away_brings_back_the_same_models_without_a_load(kept, follower):
    await follower.at(None)
    models = await kept.load()
    await kept.resume(models)
    assert await kept.apply(cast(models, A))
    await follower.at(3)
    assert follower.seen[1:] == [(None, False), (3, False)]
    assert follower.loads == 1


async def test_what_a_projector_did_not_announce_before_it_died_is_loaded_with_the_next_one(
    kept, follower, space, monkeypatch
):
    """It has moved a partition, and not the pointer."""
    dying, models = RedisReadModelStore(space, PROJECTIONS), await kept.load()
    await dying.load()

    async def dies(*_) -> bool:
        return False

    monkeypatch.setattr(dying, "_point", dies)
    votes = [Recorded(n, Stream("any"), 1, VoteCast("ship"), AT, A) for n in (3, 4)]
    assert not await dying.apply(fresh(models.fold(votes[:1])))
    next_one = await kept.load()
    await kept.resume(next_one)
    assert await kept.apply(fresh(next_one.fold([*votes])))
    await follower.at(4)
    assert next_one.get(TALLIES, A).ship == 2
    assert follower.subscription.models.get(TALLIES, A) == next_one.get(TALLIES, A)
    assert follower.loads == 1


async def test_a_message_from_before_it_loaded_changes_nothing(kept, follower, space):
    old = cast(two_tools(), A, "skip")
    models = await kept.load()
    assert await kept.apply(cast(models, A))
    assert await kept.apply(cast(models, A))
    await follower.at(4)
    await publish(space, old)
    assert await kept.apply(cast(models, B))
    await follower.at(5)
    assert follower.subscription.models.get(TALLIES, A).ship == 2
    assert follower.seen[-1] == (5, True)


@pytest.mark.parametrize("data", [b"", b"garbage", encode({"live": 1}), encode([])])
async def test_a_message_that_cannot_be_read_makes_it_load_again(kept, follower, space, data):
    await announce(space, data)
    await until(lambda: len(follower.seen) == 2, "a reload")
    models = await kept.load()
    assert await kept.apply(cast(models, A))
    await follower.at(3)


async def test_a_message_of_another_log_makes_it_load_again(follower, space):
    await publish(space, cast(two_tools(), A, "skip"), epoch="f2f2f2f2")
    await until(lambda: len(follower.seen) == 2, "a reload")
    assert follower.seen[-1] == (2, False)


async def test_a_broken_connection_empties_it_and_it_takes_up_what_came_meanwhile(
    kept, follower, space
):
    models = await kept.load()
    await hang_up(space, follower)
    for slug in (A, B, A):
        assert await kept.apply(cast(models, slug))
    await follower.at(5)
    assert follower.subscription.models.get(TALLIES, A) == models.get(TALLIES, A)
    assert follower.loads == 1


async def test_it_does_not_go_back_to_older_models(kept, follower, space):
    models, before = await kept.load(), await saved(space)
    assert await kept.apply(cast(models, A))
    await follower.at(3)
    await restored(space, before)
    older = await kept.load()
    assert older.position == 2
    await kept.resume(older)
    assert await kept.apply(cast(older, A))
    await until(lambda: len(follower.seen) > 2, "a reload")
    shown = {position for position, _ in follower.seen[1:]}
    assert shown - {None} == {3}  # a busy machine may lose the connection for a while


async def test_it_does_not_go_back_after_a_lost_connection_either(kept, follower, space):
    models, earlier = await kept.load(), await saved(space)
    for slug in (A, B):
        assert await kept.apply(cast(models, slug))
    await follower.at(4)
    await restored(space, earlier)
    await hang_up(space, follower)
    older = await kept.load()
    await kept.resume(older)
    await follower.loaded_twice()
    for slug in (A, B, B):
        assert await kept.apply(cast(older, slug))
    await follower.at(5)
    shown = [position for position, _ in follower.seen if position is not None]
    assert shown == sorted(shown)


async def test_what_a_load_found_ahead_is_not_set_back_by_a_message(kept, follower, space):
    """A load reads the pointer first and partitions after it; they may have moved in between."""
    ahead = two_tools()
    first, second = cast(ahead, A), cast(ahead, A)
    subscription = follower.subscription
    subscription._followed = subscription.models = two_tools()
    subscription.models.generation = await live_generation(space)
    part = subscription.models.partitions[partition_of(A)]
    part.update(second.partitions[partition_of(A)])
    part.checkpoint = 4
    await publish(space, first)
    await follower.at(3)
    assert subscription.models.get(TALLIES, A) == ahead.get(TALLIES, A)
    await publish(space, second)
    await follower.at(4)
    assert subscription.models.get(TALLIES, A) == ahead.get(TALLIES, A)


async def test_another_log_is_shown_whatever_its_position(kept, follower):
    models = await kept.load()
    assert await kept.apply(cast(models, A))
    await follower.at(3)
    other = two_tools()
    other.epoch = "f2f2f2f2"
    await replace(kept, other)
    await until(lambda: follower.subscription.models.epoch == "f2f2f2f2", "the other log's models")
    assert follower.position == 2


async def test_a_rebuild_from_an_earlier_position_is_shown(kept, follower):
    """As after a restore of the log: what was lost there is shown no longer."""
    models = await kept.load()
    assert await kept.apply(cast(models, A))
    await follower.at(3)
    await replace(kept, two_tools())
    await follower.at(2)


async def test_models_that_never_come_back_to_where_they_were_are_shown_after_a_while(
    kept, follower, space
):
    models, before = await kept.load(), await saved(space)
    assert await kept.apply(cast(models, A))
    await follower.at(3)
    await restored(space, before)
    await hang_up(space, follower)
    await shown_at(kept, await kept.load(), follower)
    assert follower.position == 2


async def test_a_projector_that_says_nothing_is_not_believed(kept, follower, space):
    await follower.at(None)
    models = await kept.load()
    assert await kept.apply(cast(models, A))
    await follower.at(3)


async def test_models_that_no_projector_keeps_fresh_are_only_a_place_to_read_on_from(kept, space):
    await kept.load()
    await kept.replace(two_tools())
    await space.redis.delete(keys_of(space).heartbeat)
    async with following(space) as follower:
        await until(lambda: len(follower.seen) == 2, "models that are taken and lost")
        assert follower.seen == [(2, False), (None, False)]
        assert await kept.apply(cast(await kept.load(), A))
        await follower.at(3)


async def test_models_that_are_not_of_the_log_are_not_even_that(kept, space):
    """As when it was restored, and the projector has not had the time to see it."""
    await kept.load()
    models = await replace(kept, two_tools())
    async with following(space, belongs_to_log=False) as follower:
        await follower.loaded_twice()
        assert follower.seen == []
        follower.belongs_to_log = True
        await shown_at(kept, models, follower)


async def test_without_the_log_a_projector_that_is_there_is_believed(kept, space):
    """The heartbeat that is there already may be that of one that is no more."""
    await kept.load()
    models = await replace(kept, two_tools())

    async def aged() -> bool:
        heartbeat = await kept.heartbeat()
        return heartbeat is None or heartbeat.age_s > 0.1

    await until(aged, "a heartbeat from before")
    async with following(space, belongs_to_log=None) as follower:
        await follower.loaded_twice()
        assert follower.seen == []
        assert await kept.apply(cast(models, A))
        await shown_at(kept, models, follower)


async def test_the_beat_of_a_generation_does_not_speak_for_the_next(kept, follower):
    models = await kept.load()
    assert await kept.apply(cast(models, A))
    await follower.at(3)
    older = two_tools()
    await kept.replace(older)
    await follower.at(None)
    assert follower.seen == [(2, False), (3, True), (None, False)]
    assert await kept.apply(cast(older, B))
    await follower.at(3)


async def test_what_is_heard_late_is_as_old_as_it_is(kept, follower):
    """Redis, or the process, stood still in between."""
    models = await kept.load()
    late = cast(models, A)
    late.read_at = (late.read_at or 0) - 2 * HEARTBEAT_TIMEOUT_S
    assert await kept.apply(late)
    await follower.at(None)
    assert await kept.apply(cast(models, A))
    await follower.at(4)


async def test_models_with_more_to_come_are_no_fresher_than_before(kept, follower):
    models = await kept.load()

    async def lost() -> bool:
        behind = cast(models, A)
        behind.read_at = None
        assert await kept.apply(behind)
        return follower.position is None

    await until(lost, "models that are not shown as fresh")
    assert await kept.apply(cast(models, A))
    await follower.at(models.position)


@pytest.mark.parametrize("rounds", range(0, 60, 3))
async def test_cancelling_ends_it_whatever_it_is_at(kept, other_space, rounds):
    await kept.load()
    await kept.replace(two_tools())
    async with following(other_space):
        for _ in range(rounds):
            await asyncio.sleep(0)
