"""Real servers for the tests: a Postgres and a Valkey for each process of pytest, in them a new
database and a new prefix for each test."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from tests.parallel import InUnits, by_unit
from tests.site import Site, site
from votes.config import Config
from votes.embedded import Addresses, started
from votes.store.migrate import migrate
from votes.store.postgres import PostgresEventStore
from votes.wiring import event_store

SECRET_KEYS = (b"the-first-key-of-the-tests", b"the-second-key-of-the-tests")
JWT_SECRET = "the-jwt-secret-of-all-the-tests-0"

settings.register_profile(
    "votes", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.register_profile("quick", settings.get_profile("votes"), max_examples=20)
settings.load_profile("votes")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> InUnits:
    return InUnits(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: by_unit(item.nodeid))


MEASURED = pytest.StashKey[list[str]]()


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes a figure to be told at the end of the run."""
    return request.config.stash.setdefault(MEASURED, []).append


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of a parallel run tells its figures to the one that leads."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["measured"] = session.config.stash.get(MEASURED, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    told = getattr(node, "workeroutput", {}).get("measured", [])  # one that crashed tells none
    node.config.stash.setdefault(MEASURED, []).extend(told)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if figures := config.stash.get(MEASURED, []):
        terminalreporter.section("measured")
        for figure in sorted(figures):
            terminalreporter.line(figure)


@pytest.fixture(scope="session")
def servers() -> Iterator[Addresses]:
    """Postgres and Valkey of this process of pytest."""
    folder = Path(tempfile.mkdtemp(prefix="votes-test-", dir="/tmp"))
    try:
        with started(folder / "data", "tests") as running:
            yield running.addresses
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def url_of(database: str, url: str) -> str:
    return url.replace("/votes?", f"/{database}?")


async def create_database(servers: Addresses, template: str | None = None) -> str:
    """A new database's name; a copy of the template, or migrated."""
    name = f"test_{uuid4().hex[:12]}"
    connection = await asyncpg.connect(url_of("postgres", servers.owner_url))
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template or 'template1'}")
    finally:
        await connection.close()
    return name


async def drop_database(servers: Addresses, name: str) -> None:
    connection = await asyncpg.connect(url_of("postgres", servers.owner_url))
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def template(servers: Addresses) -> str:
    """The name of a database with all migrations, to copy."""
    import asyncio

    async def make() -> str:
        name = await create_database(servers)
        await migrate(url_of(name, servers.owner_url))
        return name

    return asyncio.run(make())


@pytest.fixture
def redis_prefix() -> str:
    """What the keys of a test begin with: of all others on the same Valkey it sees nothing."""
    return f"test-{uuid4().hex[:12]}"


@asynccontextmanager
async def deployment(servers: Addresses, template: str, prefix: str) -> AsyncIterator[Config]:
    """Settings with a new, migrated database, and a prefix for what is in Valkey.

    The log's epoch is a copy's: every test's database has the same one.
    """
    name = await create_database(servers, template)
    yield Config(
        postgres_url=url_of(name, servers.app_url),
        migration_url=url_of(name, servers.owner_url),
        redis_url=servers.redis_url,
        queue_url=servers.queue_url,
        redis_prefix=prefix,
        secret_keys=SECRET_KEYS,
        jwt_secret=JWT_SECRET,
    )
    await drop_database(servers, name)


@pytest.fixture
async def config(servers: Addresses, template: str, redis_prefix: str) -> AsyncIterator[Config]:
    """The settings of a test, see `deployment`."""
    async with deployment(servers, template, redis_prefix) as made:
        yield made


@pytest.fixture
async def store(config: Config) -> AsyncIterator[PostgresEventStore]:
    async with event_store(config) as made:
        yield made


@pytest.fixture(scope="module")
def live_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The whole program for the tests of a module, with the demo data: see `Site`."""
    with site(tmp_path_factory) as running:
        yield running


@pytest.fixture(scope="module")
def fresh_site() -> Iterator[Site]:
    """As `live_site`, where nobody but the module's own tests has voted."""
    with site() as running:
        yield running


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real input. Skips, and says so, where there is none."""
    folder = os.environ.get("VOTES_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("VOTES_TEST_DATA is not set: THE TESTS ON REAL DATA DO NOT RUN")
    return Path(folder)
