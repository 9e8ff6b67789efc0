"""Who is far below a limit, or beyond it, costs no call; whatever the processes, it holds."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.e2e.asking import unique
from votes.config import Limits, Rate
from votes.limits.limiter import Limiter
from votes.limits.policies import UNHEARD_PART, limits_by_what_counts

HOUR_S = 3_600
PROCESSES = 3
LIMITS = limits_by_what_counts(
    Limits(
        votes_by_visitor=Rate(4_000, HOUR_S),
        votes_by_tool=Rate(800, HOUR_S),
        unproven_visitors_by_network=Rate(2, HOUR_S),
    )
)
VISITOR, _, _, TOOL = LIMITS["votes"]
_, SOFT = LIMITS["visitors"]


class Calling(Limiter):
    """Counts its calls of Redis."""

    calls = 0

    async def _call(self, *command):
        self.calls += 1
        return await super()._call(*command)


@pytest.fixture
async def limiters(space):
    made = [Calling(space, LIMITS) for _ in range(PROCESSES)]
    yield made
    for limiter in made:
        await limiter.close()


async def now_us(space) -> int:
    seconds, us = await space.redis.time()
    return seconds * 10**6 + us


async def test_redis_hears_of_a_four_hundredth_part_at_once(limiters, space):
    began_us = await now_us(space)
    for _ in range(10):
        assert (await limiters[0].check([(VISITOR, "a")])).refused_by is None
    assert limiters[0].calls == 0
    assert (await limiters[0].check([(VISITOR, "a")])).refused_by is None
    assert limiters[0].calls == 1
    key = f"{space.prefix}:{{limits}}:votes-by-visitor:a"
    counted_us = int(await space.redis.get(key)) - 11 * VISITOR.interval_us
    assert began_us <= counted_us <= await now_us(space)


async def test_what_is_known_to_be_beyond_is_refused_without_a_call(limiters):
    while (await limiters[0].check([(TOOL, "t")])).refused_by is None:
        pass
    before = limiters[0].calls
    verdicts = [await limiters[0].check([(VISITOR, "a"), (TOOL, "t")]) for _ in range(5)]
    assert [verdict.refused_by for verdict in verdicts] == [TOOL] * 5
    assert all(0 < verdict.retry_after_s <= 5 for verdict in verdicts)
    assert limiters[0].calls == before
    assert (await limiters[0].check([(VISITOR, "a")])).results == [VISITOR.interval_us]


async def test_a_small_limit_is_asked_of_redis_each_time_until_it_is_known(limiters):
    verdicts = [await limiters[0].check([(VISITOR, "a"), (SOFT, "n")]) for _ in range(3)]
    assert [verdict.beyond_soft for verdict in verdicts] == [False, False, True]
    assert limiters[0].calls == 2
    assert (await limiters[0].check([(SOFT, "n")])).beyond_soft
    assert limiters[0].calls == 2


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, PROCESSES - 1), st.integers(1, 400)), max_size=12))
async def test_all_processes_together_let_the_limit_through(limiters, runs):
    tool, taken, sent, began = unique("tool"), 0, 0, time.monotonic()
    for process, requests in [*runs, *((process, 300) for process in range(PROCESSES))]:
        for _ in range(requests):
            verdict = await limiters[process].check([(TOOL, tool)])
            taken += verdict.refused_by is None
            sent += 1
    quantity = TOOL.rate.quantity
    most = quantity + PROCESSES * (quantity // UNHEARD_PART)
    back = 1 + (time.monotonic() - began) * 1e6 // TOOL.interval_us  # one every 4.5 s
    assert min(sent, quantity) <= taken <= most + back
