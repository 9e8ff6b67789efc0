"""A client of the run's Valkey, and Valkeys of a test's own."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from votes.embedded import Addresses, Servers, started
from votes.projections import PROJECTIONS
from votes.views.read_models import RedisReadModels
from votes.wiring import connect_redis


@pytest.fixture
async def redis(servers: Addresses) -> AsyncIterator[Redis]:
    """The run's Valkey, empty."""
    client = connect_redis(servers.redis_url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
def kept(redis: Redis) -> RedisReadModels:
    return RedisReadModels(redis, PROJECTIONS)


@pytest.fixture
def own_valkey() -> Iterator[Servers]:
    """A Valkey that a test may stop and start."""
    folder = Path(tempfile.mkdtemp(prefix="votes-valkey-", dir="/tmp"))
    try:
        with started(folder / "data", "tests", postgres=False) as servers:
            yield servers
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def own_redis(own_valkey: Servers) -> AsyncIterator[Redis]:
    client = connect_redis(own_valkey.addresses.redis_url)
    yield client
    await client.aclose()
