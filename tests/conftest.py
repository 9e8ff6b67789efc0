"""Real servers for the tests: a Postgres and a Valkey for each process of pytest, in them an empty
log and a new prefix for each test."""

import asyncio
import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from msgspec import structs

from tests.site import SHARED_VALKEY, Site, new_cluster, site, with_shared_valkey
from votes.config import Config
from votes.embedded import Addresses, Servers, started
from votes.resources import event_store
from votes.store.connections import COMMANDS
from votes.store.migrate import migrate
from votes.store.postgres import PostgresEventStore

pytest_plugins = ["tests.contract.stores", "tests.running.figures", "tests.running.parallel"]

SECRET_KEYS = (b"the-first-key-of-the-tests", b"the-second-key-of-the-tests")
JWT_SECRET = "the-jwt-secret-of-all-the-tests-0"
EVERYBODY = structs.replace(COMMANDS, role="votes_app")
"""What the API, the worker and commands do with the log, in one process."""

settings.register_profile(
    "votes", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.register_profile("quick", settings.get_profile("votes"), max_examples=20)
settings.load_profile("votes")


def pytest_configure(config: pytest.Config) -> None:
    """A folder for what the processes of a run share; they inherit its name."""
    if not hasattr(config, "workerinput"):
        folder = tempfile.mkdtemp(prefix="votes-run-", dir="/tmp")
        os.environ["VOTES_TEST_RUN"] = folder
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is collected stays to the end: to search it for garbage again and again would take a
    third of the time of the collection."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def servers() -> Iterator[Addresses]:
    """Postgres and Valkey of this process of pytest; or the Valkey that suites share."""
    folder = Path(tempfile.mkdtemp(prefix="votes-test-", dir="/tmp"))
    try:
        new_cluster(folder / "data")
        with started(folder / "data", "tests", redis=SHARED_VALKEY is None) as running:
            asyncio.run(forget_the_disk(running.addresses))
            yield with_shared_valkey(running.addresses)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def valkey() -> Iterator[Servers]:
    """A Valkey that nobody else uses."""
    folder = Path(tempfile.mkdtemp(prefix="votes-valkey-", dir="/tmp"))
    try:
        with started(folder / "data", "tests", postgres=False) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def own_valkey() -> Iterator[Servers]:
    """A Valkey that a test may stop, start, flush and give users."""
    with valkey() as running:
        yield running


async def forget_the_disk(servers: Addresses) -> None:
    """Wait for no disk: what a loss of power leaves is not tested."""
    await as_superuser(
        servers,
        "postgres",
        "ALTER SYSTEM SET fsync = off",
        "ALTER SYSTEM SET full_page_writes = off",
        "SELECT pg_reload_conf()",
    )


def url_of(database: str, url: str) -> str:
    return url.replace("/votes?", f"/{database}?")


async def as_superuser(servers: Addresses, database: str, *statements: str) -> None:
    connection = await asyncpg.connect(url_of(database, servers.owner_url))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def create_database(servers: Addresses, template: str = "template1") -> str:
    """A new database's name. By copies of files, as there is nothing to wait for (see above)."""
    name = f"test_{uuid4().hex[:12]}"
    create = f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"
    await as_superuser(servers, "postgres", create)
    return name


async def drop_database(servers: Addresses, name: str) -> None:
    await as_superuser(servers, "postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def template(servers: Addresses) -> str:
    """The name of a database with all migrations, to copy."""

    async def make() -> str:
        name = await create_database(servers)
        await migrate(url_of(name, servers.owner_url))
        return name

    return asyncio.run(make())


@pytest.fixture(scope="session")
def shared(servers: Addresses, template: str) -> str:
    """The name of the database of all tests that have none of their own."""
    return asyncio.run(create_database(servers, template))


async def empty(servers: Addresses, database: str) -> None:
    """Leave no session and no event of the test before. Its triggers would refuse."""
    await as_superuser(
        servers,
        database,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        "SET session_replication_role = replica",
        "TRUNCATE events, command_results, consumers, people, subscriptions, digests",
    )


@pytest.fixture
def redis_prefix() -> str:
    """What the keys of a test begin with: of all others on the same Valkey it sees nothing."""
    return f"test-{uuid4().hex[:12]}"


def settings_of(servers: Addresses, database: str, prefix: str) -> Config:
    return Config(
        postgres_url=url_of(database, servers.app_url),
        migration_url=url_of(database, servers.owner_url),
        redis_url=servers.redis_owner_url,
        queue_url=servers.queue_url,
        redis_prefix=prefix,
        secret_keys=SECRET_KEYS,
        jwt_secret=JWT_SECRET,
    )


@asynccontextmanager
async def deployment(servers: Addresses, template: str, prefix: str) -> AsyncIterator[Config]:
    """Settings with a database of their own, and a prefix for what is in Valkey.

    The log's epoch is a copy's: every database of the tests has the same one.
    """
    name = await create_database(servers, template)
    yield settings_of(servers, name, prefix)
    await drop_database(servers, name)


@pytest.fixture
async def config(servers: Addresses, shared: str, redis_prefix: str) -> Config:
    """The settings of a test, with an empty log. It leaves tables and functions as they are."""
    await empty(servers, shared)
    return settings_of(servers, shared, redis_prefix)


@pytest.fixture
async def store(config: Config) -> AsyncIterator[PostgresEventStore]:
    async with event_store(config, EVERYBODY) as made:
        yield made


@pytest.fixture(scope="session")
def live_site() -> Iterator[Site]:
    """The whole program, with the demo data: see `Site`. Each test brings its own tools and people,
    or counts from what it finds."""
    with site() as running:
        yield running


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real input. Skips, and says so, where there is none."""
    folder = os.environ.get("VOTES_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("VOTES_TEST_DATA is not set: THE TESTS ON REAL DATA DO NOT RUN")
    return Path(folder)
