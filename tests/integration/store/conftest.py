"""Sessions of the two logins on the log of a test."""

import asyncpg
import pytest


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
