"""In which networks visitors voted last is known for two days, and written beside the votes."""

import time

import pytest
from redis.exceptions import ResponseError

from votes.domain.terms import VisitorId
from votes.engine.ports import Unavailable
from votes.limits import networks as limits
from votes.limits.networks import HOUR_S, LASTS_H, Networks
from votes.resources import connect_redis
from votes.views.keys import Namespace, networks

ANN, BOB, CYD = map(VisitorId, ("ann", "bob", "cyd"))


async def test_the_last_network_of_each_is_known_to_all(space: Namespace):
    one, other = Networks(space, time.time), Networks(space, time.time)
    one.saw(ANN, "home")
    one.saw(BOB, "office")
    await one.write()
    one.saw(ANN, "office")
    assert await other.of([ANN, BOB, CYD]) == [b"home", b"office", None]
    await one.write()
    await one.write()
    assert await other.of([CYD, ANN]) == [None, b"office"]
    assert await other.of([]) == []


async def test_for_two_days_at_most_also_if_nobody_votes(space: Namespace):
    clock_s = time.time()
    seen = Networks(space, lambda: clock_s)
    seen.saw(ANN, "home")
    seen.saw(BOB, "home")
    await seen.write()
    key = networks(space.prefix, int(clock_s) // HOUR_S)
    expires_s = await space.redis.execute_command("EXPIRETIME", key)
    assert clock_s < expires_s <= clock_s + LASTS_H * HOUR_S
    clock_s += (LASTS_H - 1) * HOUR_S
    seen.saw(BOB, "office")
    await seen.write()
    assert await seen.of([ANN, BOB]) == [b"home", b"office"]
    clock_s += HOUR_S
    assert await seen.of([ANN, BOB]) == [None, b"office"]


async def test_so_many_an_hour_and_no_more(space: Namespace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "HOUR_MAX", 2)
    clock_s = time.time()
    seen = Networks(space, lambda: clock_s)
    for who in (ANN, BOB, CYD):
        seen.saw(who, "home")
        await seen.write()
    assert await seen.of([ANN, BOB, CYD]) == [b"home", b"home", None]
    clock_s += HOUR_S
    seen.saw(CYD, "office")
    await seen.write()
    assert await seen.of([ANN, BOB, CYD]) == [b"home", b"home", b"office"]


async def test_where_redis_does_not_respond_it_is_lost_and_then_goes_on(space: Namespace):
    async with connect_redis("redis://127.0.0.1:1") as nowhere:
        seen = Networks(Namespace(nowhere, space.prefix), time.time)
        seen.saw(ANN, "home")
        for asked in (seen.write(), seen.of([ANN])):
            with pytest.raises(Unavailable):
                await asked
        seen._redis = space.redis
        seen.saw(BOB, "home")
        await seen.write()
        assert await seen.of([ANN, BOB]) == [None, b"home"]


async def test_what_is_garbled_tells_nothing_of_its_hour_alone(space: Namespace):
    clock_s = time.time()
    seen = Networks(space, lambda: clock_s)
    seen.saw(ANN, "home")
    await seen.write()
    clock_s += HOUR_S
    key = networks(space.prefix, int(clock_s) // HOUR_S)
    await space.redis.execute_command("HSET", key, BOB, b"\xff{")
    assert await seen.of([ANN, BOB]) == [b"home", b"\xff{"]
    await space.redis.delete(key)
    await space.redis.execute_command("RPUSH", key, "a list")
    assert await seen.of([ANN, BOB]) == [b"home", None]
    seen.saw(BOB, "home")
    with pytest.raises(ResponseError):
        await seen.write()


async def test_the_api_writes_and_may_not_read(space: Namespace, servers):
    async with connect_redis(servers.redis_api_url) as redis:
        api = Networks(Namespace(redis, space.prefix), time.time)
        api.saw(ANN, "home")
        await api.write()
        assert await api.of([ANN]) == [None]
    assert await Networks(space, time.time).of([ANN]) == [b"home"]
