"""The only place that creates pools, connections, the clock and ids."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from votes.config import Config, ConfigError
from votes.domain.terms import RulingId, ToolId
from votes.store.connections import COMMANDS, Connections, create_pool
from votes.store.postgres import PostgresEventStore
from votes.views.keys import Namespace

DEMO_URL = "http://127.0.0.1:8000"
"""The address of a site that has no `VOTES_PUBLIC_URL`."""
REDIS_TIMEOUT_S = 5.0
TOOL_ID_LENGTH = 7
TOOL_ID_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""32 letters that are not confused with others. Ids are short because each vote stores one."""


def now() -> datetime:
    return datetime.now(UTC)


def new_tool_id() -> ToolId:
    """A random id out of 34 thousand million; the rules refuse one that exists."""
    return ToolId("".join(secrets.choice(TOOL_ID_LETTERS) for _ in range(TOOL_ID_LENGTH)))


def new_ruling_id() -> RulingId:
    """A random id; the rules make no second ruling under one."""
    return RulingId(secrets.token_hex(8))


def required(value: str | None, name: str) -> str:
    if value is None:
        raise ConfigError(f"{name}: is missing")
    return value


def connect_redis(url: str) -> Redis:
    """A client that raises errors at once: its callers retry."""
    client: Redis = Redis.from_url(
        url,
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )
    return client


def namespace(config: Config) -> Namespace:
    """The server and prefix of this deployment's read models."""
    redis = connect_redis(required(config.redis_url, "VOTES_REDIS_URL"))
    return Namespace(redis, config.redis_prefix)


@asynccontextmanager
async def event_store(
    config: Config, use: Connections = COMMANDS, connected: Callable[[], None] = lambda: None
) -> AsyncIterator[PostgresEventStore]:
    """The log on its own pool of connections, each of which calls `connected` when it is new."""
    pool = await create_pool(required(config.postgres_url, "VOTES_POSTGRES_URL"), use, connected)
    try:
        yield PostgresEventStore(pool, connect_s=use.connect_s)
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(REDIS_TIMEOUT_S):
                await pool.close()
        pool.terminate()


@asynccontextmanager
async def connected(config: Config) -> AsyncIterator[Namespace]:
    """As `namespace`, closed at the end."""
    space = namespace(config)
    try:
        yield space
    finally:
        await space.redis.aclose()
