"""A wait for a standby that is cut short is no success, though Postgres says so."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import asyncpg
import pytest

from tests.engine.commands.sending import cast, everything, listed, obeyed
from tests.polling import until_told
from tests.site import new_cluster
from votes.embedded import started
from votes.engine.handle import handle
from votes.engine.ports import Unavailable
from votes.store.connections import create_pool
from votes.store.migrate import migrate
from votes.store.postgres import PostgresEventStore


@pytest.fixture(scope="module")
def own_postgres():
    """A Postgres of its own: what is set here holds for all databases of a server."""
    folder = Path(tempfile.mkdtemp(prefix="votes-standby-", dir="/tmp"))
    try:
        new_cluster(folder / "data")
        with started(folder / "data", "a test", redis=False) as running:
            asyncio.run(migrate(running.addresses.owner_url))
            yield running.addresses
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def own_session(own_postgres):
    connection = await asyncpg.connect(own_postgres.owner_url)
    yield connection
    await connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
    await connection.execute("SELECT pg_reload_conf()")
    await until_told(connection, "SELECT current_setting('synchronous_standby_names') = ''")
    await connection.close()


@pytest.fixture
async def own_store(own_postgres):
    pool = await create_pool(own_postgres.app_url)
    yield PostgresEventStore(pool)
    await pool.close()


async def wait_for_a_standby_that_is_not_there(own_session):
    await own_session.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    await own_session.execute("SELECT pg_reload_conf()")
    await until_told(own_session, "SELECT current_setting('synchronous_standby_names') = 'nobody'")


WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.mark.parametrize("how", ["pg_cancel_backend", "pg_terminate_backend"])
async def test_its_outcome_is_unknown_and_the_same_command_settles_it(own_store, own_session, how):
    await handle(own_store, [listed()])
    head = await own_store.head()
    await wait_for_a_standby_that_is_not_there(own_session)
    wanted = cast(how, "ship", key=how)
    asked = asyncio.create_task(handle(own_store, [wanted]))
    pid = await until_told(own_session, WAITING)
    await own_session.execute(f"SELECT {how}($1)", pid)
    with pytest.raises(Unavailable):
        await asked
    await own_session.execute("ALTER SYSTEM RESET synchronous_standby_names")
    await own_session.execute("SELECT pg_reload_conf()")
    await until_told(own_session, "SELECT current_setting('synchronous_standby_names') = ''")
    again = obeyed(*await handle(own_store, [wanted]))
    assert (again.changed, again.repeated, again.position) == (True, True, head + 1)
    assert len(await everything(own_store)) == head + 1


async def test_a_commit_that_nobody_interrupts_waits(own_store, own_session):
    await handle(own_store, [listed()])
    await wait_for_a_standby_that_is_not_there(own_session)
    asked = asyncio.create_task(handle(own_store, [cast("patient", "ship")]))
    await until_told(own_session, WAITING)
    assert not asked.done()
    await own_session.execute("ALTER SYSTEM RESET synchronous_standby_names")
    await own_session.execute("SELECT pg_reload_conf()")
    assert obeyed(*await asked).changed
