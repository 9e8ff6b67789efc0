"""The limiter: one call for all who wait, and nobody waits for a Redis that is away."""

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest

from tests.conftest import valkey
from tests.polling import LIMIT_S
from tests.site import free_port
from votes.config import Limits, Rate
from votes.embedded import Addresses
from votes.limits.limiter import FREE, Limiter
from votes.limits.policies import limits_by_what_counts
from votes.resources import connect_redis
from votes.views.keys import Namespace

LIMITS = limits_by_what_counts(
    Limits(
        votes_by_visitor=Rate(5, 600),
        votes_by_tool=Rate(8, 600),
        unproven_visitors_by_network=Rate(3, 3600),
    )
)
VISITOR, _, _, TOOL = LIMITS["votes"]
_, SOFT = LIMITS["visitors"]


@pytest.fixture(scope="module")
def servers() -> Iterator[Addresses]:
    """Of this file alone, for it counts all calls there."""
    with valkey() as own:
        yield own.addresses


@pytest.fixture
async def limiter(space, monkeypatch):
    """One that waits for Redis as long as a busy machine takes."""
    monkeypatch.setattr("votes.limits.limiter.WAIT_S", LIMIT_S)
    made = Limiter(space, LIMITS)
    yield made
    await made.close()


async def test_a_request_counts_towards_all_its_limits_or_none(limiter):
    began = time.monotonic()
    verdicts = [await limiter.check([(VISITOR, "a"), (TOOL, "t")]) for _ in range(7)]
    assert [one.refused_by for one in verdicts] == [None] * 5 + [VISITOR] * 2
    assert 120 - (time.monotonic() - began) <= verdicts[-1].retry_after_s <= 120
    others = [await limiter.check([(VISITOR, "b"), (TOOL, "t")]) for _ in range(4)]
    assert [one.refused_by for one in others] == [None] * 3 + [TOOL]


async def test_what_is_asked_at_once_is_one_call(limiter, space):
    await limiter.check([(VISITOR, "first")])
    before = (await space.redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
    asked = [limiter.check([(VISITOR, "a"), (TOOL, "t")]) for _ in range(200)]
    verdicts = await asyncio.gather(*asked)
    after = (await space.redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
    assert sum(one.refused_by is None for one in verdicts) == 5
    assert after - before == 1


async def test_a_soft_limit_refuses_nothing_and_is_told(limiter):
    verdicts = [await limiter.check([(SOFT, "n")]) for _ in range(8)]
    assert [one.refused_by for one in verdicts] == [None] * 8
    assert [one.beyond_soft for one in verdicts] == [False] * 3 + [True] * 5


async def test_what_counts_towards_nothing_is_free(limiter):
    assert await limiter.check([]) is FREE


async def test_who_gave_up_holds_up_nobody(limiter):
    gone = asyncio.create_task(limiter.check([(VISITOR, "a")]))
    other = asyncio.create_task(limiter.check([(VISITOR, "b")]))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await other).refused_by is None


async def test_the_script_is_sent_again_when_it_is_forgotten(limiter, space):
    for _ in range(3):
        await space.redis.script_flush()
        assert (await limiter.check([(VISITOR, "a")])).results


@pytest.fixture(params=["nobody listens", "nobody answers"])
def port(request) -> Iterator[int]:
    with socket.socket() as mute:
        if request.param == "nobody answers":
            mute.bind(("127.0.0.1", free_port()))
            mute.listen()
            yield mute.getsockname()[1]
        else:
            yield free_port()


async def test_without_redis_it_is_not_known_and_asked_of_redis_once(port, monkeypatch):
    redis = connect_redis(f"redis://127.0.0.1:{port}")
    limiter, calls = Limiter(Namespace(redis, "votes"), LIMITS), []
    call = limiter._call

    async def counting(*command):
        calls.append(command)
        return await call(*command)

    monkeypatch.setattr(limiter, "_call", counting)
    asked = [limiter.check([(VISITOR, "a")]) for _ in range(20)]
    verdicts = await asyncio.gather(*asked)
    verdicts += [await limiter.check([(VISITOR, "a")]) for _ in range(20)]
    assert [(one.unknown, one.refused_by, one.beyond_soft) for one in verdicts] == [
        (True, None, False)
    ] * 40
    assert (await limiter.check([(VISITOR, "a"), (SOFT, "n")])).beyond_soft is None
    assert len(calls) == 1
    await limiter.close()
    await redis.aclose()
