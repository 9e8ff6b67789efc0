"""A database for each test, as these change it, and sessions of the two logins on it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.conftest import deployment
from votes.config import Config
from votes.embedded import Addresses


@pytest.fixture
async def config(servers: Addresses, template: str, redis_prefix: str) -> AsyncIterator[Config]:
    """The settings of a test, see `deployment`."""
    async with deployment(servers, template, redis_prefix) as made:
        yield made


@pytest.fixture
async def owner(config):
    connection = await asyncpg.connect(config.migration_url)
    yield connection
    await connection.close()


@pytest.fixture
async def application(config):
    connection = await asyncpg.connect(config.postgres_url)
    yield connection
    await connection.close()
