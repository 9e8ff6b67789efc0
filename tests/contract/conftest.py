"""What implements a port, for suites that hold for every implementation."""

from collections.abc import Callable

import pytest
from msgspec import Struct

from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.contract.products import CODEC
from votes.config import Config
from votes.engine.ports import EventStore
from votes.store.codec import Codec
from votes.store.postgres import PostgresEventStore, create_pool


class Processes(Struct):
    """Several processes' stores on one log."""

    open: Callable[[Codec], EventStore]

    def store(self, codec: Codec = CODEC) -> EventStore:
        """The store of one more process."""
        return self.open(codec)


@pytest.fixture
async def postgres_processes(config: Config):
    pools = []

    async def another():
        pools.append(await create_pool(config.postgres_url))
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
