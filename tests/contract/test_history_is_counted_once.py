"""Counts of the past are shared, remembered, and few at a time."""

import asyncio
from datetime import timedelta

import pytest

from tests.contract.requests import cast, listed
from tests.domain.histories import START
from votes.app.history import (
    COUNTS_MAX,
    FRESH_VOTES_MAX,
    REMEMBERED_BUCKETS_MAX,
    WAITING_MAX,
    Asked,
    History,
    Overloaded,
)
from votes.app.trend import BUCKETS_MAX, window
from votes.engine.handle import handle
from votes.engine.ports import Unavailable
from votes.projections.tallies import Tally

ASKERS = 50
LATER = START + timedelta(days=1)
WEEK = window("day", START - timedelta(days=6), LATER, LATER)


class Counting:
    """A store's counts, each noted; they wait while it is shut, and fail with `error`."""

    def __init__(self, store) -> None:
        self.store = store
        self.counts = 0
        self.at_once = self.most_at_once = 0
        self.error: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def alike(self, asked):
        self.counts += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.open.wait()
            if self.error is not None:
                raise self.error
            return await self.store.alike(asked)
        finally:
            self.at_once -= 1

    def after(self, position, limit):
        return self.store.after(position, limit)


async def until(condition) -> None:
    """Give way until it holds."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise TimeoutError


@pytest.fixture
async def counting(log) -> Counting:
    """A log with four votes on a tool, at positions 2 to 5."""
    votes = [cast("ann", "ship"), cast("bob", "skip"), cast("cyd", "ship"), cast("ann", "skip")]
    await handle(log, [listed(), *votes])
    assert await log.head() == 5
    return Counting(log)


def asked(position=5, min_position=0, votes=3, world="this") -> Asked:
    return Asked("atlas", Tally(votes - 2, 2, position, LATER), position, world, min_position)


async def test_all_who_ask_for_one_tally_of_the_past_make_one_count(counting):
    history = History(counting)
    found = await asyncio.gather(
        *(history.tally_at_position(asked(), 3) for _ in range(ASKERS)),
    )
    assert {(tally.ship, tally.skip, tally.position) for tally in found} == {(1, 1, 3)}
    assert await history.tally_at_position(asked(9), 3) == found[0]
    assert counting.counts == 1


async def test_what_the_models_know_is_not_counted(counting):
    history, now = History(counting), Asked("atlas", Tally(1, 2, 5, LATER), 9, "this")
    assert [await history.tally_at_position(now, at) for at in (5, 9)] == [now.tally] * 2
    assert counting.counts == 0


async def test_a_position_that_is_not_known_yet_is_counted_each_time(counting):
    history = History(counting)
    for count in (1, 2):
        tally = await history.tally_at_position(asked(3), 5)
        assert (tally.ship, tally.skip, tally.position, counting.counts) == (1, 2, 5, count)


async def test_a_time_and_a_trend_are_counted_again_after_the_next_vote(counting):
    history = History(counting)
    for position, ship, count in ((3, 1, 1), (4, 2, 2), (4, 2, 2)):
        tally = await history.tally_at_time(asked(position), LATER)
        assert (tally.ship, tally.position, counting.counts) == (ship, position, count)
    for position, ship, count in ((3, 1, 3), (4, 2, 4), (4, 2, 4)):
        trend = await history.trend(asked(position), WEEK)
        assert (trend.buckets[-1].ship_total, trend.position) == (ship, position)
        assert counting.counts == count


async def test_of_a_tool_with_many_votes_it_is_counted_again_for_who_must_see_the_next_one(
    counting,
):
    history, many = History(counting), FRESH_VOTES_MAX + 1
    for position, min_position, seen in ((3, 0, 3), (4, 0, 3), (4, 3, 3), (4, 4, 4)):
        question = asked(position, min_position, many)
        assert (await history.tally_at_time(question, LATER)).position == seen
        assert (await history.trend(question, WEEK)).position == seen


async def test_before_the_first_vote_there_is_nothing(counting):
    history = History(counting)
    assert await history.tally_at_position(asked(), 1) is None
    assert await history.tally_at_time(asked(), START - timedelta(days=9)) is None


async def test_who_leaves_takes_nothing_from_the_others(counting):
    history = History(counting)
    counting.open.clear()
    first, second = (asyncio.create_task(history.tally_at_position(asked(), 3)) for _ in range(2))
    await until(lambda: counting.counts)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    counting.open.set()
    assert (await second).position == 3
    assert counting.counts == 1


async def test_what_all_have_left_is_there_for_the_next(counting):
    history = History(counting)
    counting.open.clear()
    gone = asyncio.create_task(history.trend(asked(), WEEK))
    await until(lambda: counting.counts)
    gone.cancel()
    counting.open.set()
    assert (await history.trend(asked(), WEEK)).position == 5
    assert counting.counts == 1


async def test_a_failure_is_for_all_who_wait_and_for_nobody_after(counting):
    history = History(counting)
    counting.error = Unavailable("gone")
    told = await asyncio.gather(
        *(history.tally_at_position(asked(), 3) for _ in range(3)), return_exceptions=True
    )
    assert [type(error) for error in told] == [Unavailable] * 3
    assert counting.counts == 1
    counting.error = None
    assert (await history.tally_at_position(asked(), 3)).position == 3


async def test_few_count_at_a_time_few_wait_and_others_are_turned_away(counting):
    history = History(counting)
    counting.open.clear()
    times = [LATER + timedelta(hours=number) for number in range(COUNTS_MAX + WAITING_MAX)]
    taken = [asyncio.create_task(history.tally_at_time(asked(), at)) for at in times]
    await until(lambda: counting.counts == COUNTS_MAX)
    with pytest.raises(Overloaded):
        await history.tally_at_position(asked(), 3)
    joined = asyncio.create_task(history.tally_at_time(asked(), times[-1]))
    await asyncio.sleep(0)
    counting.open.set()
    assert {tally.position for tally in await asyncio.gather(*taken, joined)} == {5}
    assert (counting.counts, counting.most_at_once) == (len(times), COUNTS_MAX)
    assert (await history.tally_at_position(asked(), 3)).position == 3


async def test_closing_ends_what_is_being_counted(counting):
    history = History(counting)
    counting.open.clear()
    asker = asyncio.create_task(history.trend(asked(), WEEK))
    await until(lambda: counting.counts)
    await history.close()
    with pytest.raises(asyncio.CancelledError):
        await asker
    assert counting.at_once == 0


async def test_of_another_world_nothing_is_known(counting):
    history = History(counting)
    for count, world in enumerate(("this", "another"), 1):
        await history.tally_at_position(asked(world=world), 3)
        await history.trend(asked(world=world), WEEK)
        assert counting.counts == 2 * count


async def test_the_longest_unasked_is_forgotten(counting):
    history = History(counting)
    fitting = REMEMBERED_BUCKETS_MAX // BUCKETS_MAX
    times = [START + timedelta(hours=number) for number in range(fitting + 1)]
    first, *others, last = (
        window("hour", at - timedelta(hours=BUCKETS_MAX), at, at) for at in times
    )
    await history.tally_at_position(asked(), 3)
    for each in (first, *others, first, last, first):
        await history.trend(asked(), each)
    assert counting.counts == fitting + 2
    await history.tally_at_position(asked(), 3)
    assert counting.counts == fitting + 3
