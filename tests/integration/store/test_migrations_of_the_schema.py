"""Migrations are applied once, in order, whole, and never change."""

import asyncio

import asyncpg
import pytest

from tests.conftest import create_database, drop_database, url_of
from votes.engine.ports import Unavailable
from votes.store import migrate as migrating
from votes.store.migrate import Migration, MigrationChanged, migrate, migrations, pending

NAMES = [migration.name for migration in migrations()]


@pytest.fixture
async def empty_url(servers):
    """The address of a database without anything."""
    name = await create_database(servers)
    yield url_of(name, servers.owner_url)
    await drop_database(servers, name)


@pytest.fixture
async def on_empty(empty_url):
    connection = await asyncpg.connect(empty_url)
    yield connection
    await connection.close()


def shipped_with(monkeypatch, *more):
    shipped = [*migrations(), *more]
    monkeypatch.setattr(migrating, "migrations", lambda: iter(shipped))


async def ledger(on_empty):
    return [
        row["name"] for row in await on_empty.fetch("SELECT name FROM migrations ORDER BY name")
    ]


async def test_from_nothing_all_are_applied_and_the_second_time_none(empty_url, on_empty):
    assert NAMES
    assert await pending(on_empty) == NAMES
    assert await migrate(empty_url) == NAMES
    assert await pending(on_empty) == []
    assert await migrate(empty_url) == []
    assert await ledger(on_empty) == NAMES


async def test_from_many_machines_at_once_each_is_applied_once(empty_url, on_empty):
    applied = await asyncio.gather(*(migrate(empty_url) for _ in range(5)))
    assert sorted(applied, key=len) == [[], [], [], [], NAMES]
    assert await ledger(on_empty) == NAMES


async def test_what_is_applied_can_be_used(empty_url, on_empty):
    await migrate(empty_url)
    assert await on_empty.fetchval("SELECT count(*) FROM events") == 0
    assert await on_empty.fetchval("SELECT epoch FROM log") is not None


async def test_nobody_else_makes_anything_beside_the_tables(empty_url, on_empty):
    """Before Postgres 15 everybody could, and a server that was upgraded has kept that."""
    await on_empty.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    await migrate(empty_url)
    logins = "votes_reader", "votes_api", "votes_projector"
    for role in (*logins, "votes_log", "votes_eraser", "votes_post"):
        assert not await on_empty.fetchval(
            "SELECT has_schema_privilege($1, 'public', 'CREATE')", role
        )


async def test_the_names_are_numbered_one_after_another():
    assert [int(name[:4]) for name in NAMES] == list(range(1, len(NAMES) + 1))


async def test_one_that_changed_after_it_was_applied_is_refused(empty_url, monkeypatch):
    await migrate(empty_url)
    first, *rest = migrations()
    changed = Migration(first.name, first.sql + "-- changed")
    monkeypatch.setattr(migrating, "migrations", lambda: iter([changed, *rest]))
    with pytest.raises(MigrationChanged, match=first.name):
        await migrate(empty_url)


FAILS_ITSELF = "CREATE TABLE half (a int); SELECT 1 / 0;"
FAILS_WHEN_NOTED = "CREATE TABLE half (a int); INSERT INTO migrations VALUES ('9999_bad.sql', '')"


@pytest.mark.parametrize("sql", [FAILS_ITSELF, FAILS_WHEN_NOTED])
async def test_one_that_fails_leaves_nothing_and_can_be_mended(
    empty_url, on_empty, monkeypatch, sql
):
    bad = Migration("9999_bad.sql", sql)
    later = Migration("9999_later.sql", "CREATE TABLE later ();")
    shipped_with(monkeypatch, bad, later)
    with pytest.raises((asyncpg.DivisionByZeroError, asyncpg.UniqueViolationError)):
        await migrate(empty_url)
    assert await ledger(on_empty) == NAMES
    assert await on_empty.fetchval("SELECT to_regclass('half')") is None
    assert await on_empty.fetchval("SELECT to_regclass('later')") is None
    monkeypatch.undo()
    shipped_with(monkeypatch, Migration(bad.name, "CREATE TABLE half (a int);"), later)
    assert await migrate(empty_url) == [bad.name, later.name]


async def test_a_newer_one_is_applied_to_a_log_in_use(config, store, monkeypatch):
    newer = Migration("9999_newer.sql", "CREATE TABLE newer ();")
    shipped_with(monkeypatch, newer)
    assert await migrate(config.migration_url) == [newer.name]
    assert await store.head() == 0


async def test_the_application_sees_what_is_pending(config, monkeypatch):
    connection = await asyncpg.connect(config.postgres_url)
    try:
        assert await pending(connection) == []
        shipped_with(monkeypatch, Migration("9999_newer.sql", "SELECT 1"))
        assert await pending(connection) == ["9999_newer.sql"]
    finally:
        await connection.close()


async def test_a_database_that_is_not_there_is_unavailable(servers):
    nowhere = servers.owner_url.replace("host=/", "host=/nowhere/")
    with pytest.raises(Unavailable):
        await migrate(nowhere)
