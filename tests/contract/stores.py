"""What implements a port, for suites that hold for every implementation."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
from msgspec import Struct

from tests.conftest import EVERYBODY
from tests.contract.memory_read_models import MemoryModels, MemoryReadModelStore
from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.engine.commands.products import CODEC
from votes.config import Config
from votes.embedded import Addresses
from votes.engine.ports import EventStore
from votes.engine.read_model_store import ReadModelStore
from votes.projections import PROJECTIONS
from votes.resources import connect_redis
from votes.store.codec import Codec
from votes.store.connections import create_pool
from votes.store.postgres import PostgresEventStore
from votes.views.keys import Namespace
from votes.views.read_model_store import RedisReadModelStore


class Processes(Struct):
    """Several processes' stores on one log."""

    open: Callable[[Codec], EventStore]

    def store(self, codec: Codec = CODEC) -> EventStore:
        """The store of one more process."""
        return self.open(codec)


@pytest.fixture
async def postgres_processes(config: Config):
    assert config.postgres_url is not None
    pools, url = [], config.postgres_url

    async def another():
        pools.append(await create_pool(url, EVERYBODY))
        return pools[-1]

    spare = [await another() for _ in range(4)]
    yield Processes(lambda codec: PostgresEventStore(spare.pop(), codec))
    for pool in pools:
        await pool.close()


@pytest.fixture(params=["memory", "postgres"])
def processes(request: pytest.FixtureRequest) -> Processes:
    if request.param == "postgres":
        return request.getfixturevalue("postgres_processes")
    log = MemoryLog()
    return Processes(lambda codec: MemoryEventStore(log, codec))


@pytest.fixture
def log(processes: Processes) -> EventStore:
    """A log that is empty at first, once in memory and once in Postgres."""
    return processes.store()


@pytest.fixture
async def redis_stores(
    servers: Addresses, redis_prefix: str
) -> AsyncIterator[Callable[[], ReadModelStore]]:
    async with AsyncExitStack() as clients:

        def another() -> ReadModelStore:
            redis = connect_redis(servers.redis_owner_url)
            clients.push_async_callback(redis.aclose)
            return RedisReadModelStore(Namespace(redis, redis_prefix), PROJECTIONS)

        yield another


@pytest.fixture(params=["memory", "redis"])
def stores(request: pytest.FixtureRequest) -> Callable[[], ReadModelStore]:
    """Makes the store of one more process of the same read models, of which there are none yet."""
    if request.param == "redis":
        return request.getfixturevalue("redis_stores")
    stored = MemoryModels()
    return lambda: MemoryReadModelStore(stored, PROJECTIONS)
