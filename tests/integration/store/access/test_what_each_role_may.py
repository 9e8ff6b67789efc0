"""The table of `tests/stored/roles.py` holds where a superuser migrated, as `votes up` does."""

import asyncio

import asyncpg
import pytest

from tests.conftest import create_database, drop_database, url_of
from tests.stored.roles import ALLOWED, API, HOLES, PROJECTOR, READER, REFUSED, ROLES, wrong
from votes.store.connections import PAST, READS, WORKER, WRITES, create_pool
from votes.store.migrate import migrate

LOGINS_MAX = 80


@pytest.fixture(scope="module")
def migrated(servers):
    """The name of a database that was migrated: who may connect is not copied with a database."""
    name = asyncio.run(create_database(servers))
    asyncio.run(migrate(url_of(name, servers.owner_url)))
    yield name
    asyncio.run(drop_database(servers, name))


async def session_of(servers, role, database) -> asyncpg.Connection:
    """A login where there is one; nobody logs in as the reader."""
    url = {API: servers.api_url, PROJECTOR: servers.worker_url, READER: servers.app_url}[role]
    settings = {"role": READER} if role == READER else {}
    return await asyncpg.connect(url_of(database, url), server_settings=settings)


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_may_what_it_needs_and_nothing_else(servers, migrated, role):
    session = await session_of(servers, role, migrated)
    try:
        assert await wrong(session, role) == []
    finally:
        await session.close()


@pytest.mark.parametrize("hole", HOLES)
async def test_a_right_too_many_is_found(servers, migrated, hole):
    owner = await asyncpg.connect(url_of(migrated, servers.owner_url))
    transaction = owner.transaction()
    await transaction.start()
    try:
        before = await wrong_as_each(owner)  # a superuser may become one again
        await owner.execute(hole)
        after = await wrong_as_each(owner)
    finally:
        await transaction.rollback()
        await owner.close()
    assert after - before


async def wrong_as_each(owner: asyncpg.Connection) -> set[str]:
    found = set()
    for role in ROLES:
        await owner.execute(f"SET LOCAL SESSION AUTHORIZATION {role}")
        found.update(await wrong(owner, role))
        await owner.execute("SET LOCAL SESSION AUTHORIZATION DEFAULT")
    return found


async def connect_often(servers, database, sessions) -> None:
    while len(sessions) < LOGINS_MAX:
        sessions.append(await session_of(servers, API, database))


async def test_no_transaction_outlives_its_session(servers, migrated):
    """It would hold the log without anybody who could be ended."""
    session = await session_of(servers, API, migrated)
    try:
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
            await session.execute("BEGIN; SELECT append_events('{}'); PREPARE TRANSACTION 'mine'")
    finally:
        await session.close()


async def test_every_pool_acts_as_the_role_of_its_use_whatever_the_login(servers, migrated):
    for use, role in ((WRITES, API), (READS, API), (PAST, READER), (WORKER, PROJECTOR)):
        for url in (servers.owner_url, servers.app_url):
            async with await create_pool(url_of(migrated, url), use) as pool:
                assert await pool.fetchval("SELECT current_user") == role


async def test_a_login_cannot_take_the_connections_of_others(servers, migrated):
    sessions: list[asyncpg.Connection] = []
    try:
        with pytest.raises(asyncpg.TooManyConnectionsError, match="for role"):
            await connect_often(servers, migrated, sessions)
        sessions.append(await session_of(servers, PROJECTOR, migrated))
    finally:
        for session in sessions:
            await session.close()


def test_the_table_is_large_enough_to_be_worth_its_name():
    assert len(REFUSED) > 25
    assert {role for who in ALLOWED.values() for role in who} == set(ROLES)
