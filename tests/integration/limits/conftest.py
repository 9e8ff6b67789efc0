"""A test's part of the run's Valkey, and which loop it runs in."""

from collections.abc import AsyncIterator

import pytest

from tests.engine.conftest import pytest_asyncio_loop_factories
from votes.embedded import Addresses
from votes.resources import connect_redis
from votes.views.keys import Namespace

__all__ = ["pytest_asyncio_loop_factories", "space"]


@pytest.fixture
async def space(servers: Addresses, redis_prefix: str) -> AsyncIterator[Namespace]:
    async with connect_redis(servers.redis_owner_url) as redis:
        yield Namespace(redis, redis_prefix)
