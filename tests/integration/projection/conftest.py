"""A test's part of the run's Valkey, and of one of its own."""

from collections.abc import AsyncIterator

import pytest

from votes.embedded import Addresses, Servers
from votes.projections import PROJECTIONS
from votes.resources import connect_redis
from votes.views.keys import Namespace
from votes.views.read_model_store import RedisReadModelStore


@pytest.fixture
async def space(servers: Addresses, redis_prefix: str) -> AsyncIterator[Namespace]:
    """Where the `config` of the test has its keys; empty."""
    async with connect_redis(servers.redis_owner_url) as redis:
        yield Namespace(redis, redis_prefix)


@pytest.fixture
async def other_space(space: Namespace, servers: Addresses) -> AsyncIterator[Namespace]:
    """As another process reaches the same. Its connections have the prefix as their name."""
    url, named = servers.redis_owner_url, f"client_name={space.prefix}"
    async with connect_redis(f"{url}{'&' if '?' in url else '?'}{named}") as redis:
        yield Namespace(redis, space.prefix)


@pytest.fixture
def kept(space: Namespace) -> RedisReadModelStore:
    return RedisReadModelStore(space, PROJECTIONS)


@pytest.fixture
async def own_space(own_valkey: Servers, redis_prefix: str) -> AsyncIterator[Namespace]:
    async with connect_redis(own_valkey.addresses.redis_owner_url) as redis:
        yield Namespace(redis, redis_prefix)
