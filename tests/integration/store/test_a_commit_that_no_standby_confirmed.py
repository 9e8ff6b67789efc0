"""A wait for a standby that is cut short is no success, though Postgres says so."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import asyncpg
import pytest

from tests.contract.requests import cast, everything, listed
from tests.polling import until_told
from votes.embedded import started
from votes.engine.handle import handle
from votes.engine.ports import Unavailable
from votes.store.migrate import migrate
from votes.store.postgres import PostgresEventStore, create_pool


@pytest.fixture(scope="module")
def server():
    """A Postgres of its own: what is set here holds for all databases of a server."""
    folder = Path(tempfile.mkdtemp(prefix="votes-standby-", dir="/tmp"))
    try:
        with started(folder / "data", "a test", redis=False) as running:
            asyncio.run(migrate(running.addresses.owner_url))
            yield running.addresses
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def owner(server):
    connection = await asyncpg.connect(server.owner_url)
    yield connection
    await connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
    await connection.execute("SELECT pg_reload_conf()")
    await until_told(connection, "SELECT current_setting('synchronous_standby_names') = ''")
    await connection.close()


@pytest.fixture
async def store(server):
    pool = await create_pool(server.app_url)
    yield PostgresEventStore(pool)
    await pool.close()


async def wait_for_a_standby_that_is_not_there(owner):
    await owner.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    await owner.execute("SELECT pg_reload_conf()")
    await until_told(owner, "SELECT current_setting('synchronous_standby_names') = 'nobody'")


WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.mark.parametrize("how", ["pg_cancel_backend", "pg_terminate_backend"])
async def test_its_outcome_is_unknown_and_the_same_command_settles_it(store, owner, how):
    await handle(store, [listed()])
    head = await store.head()
    await wait_for_a_standby_that_is_not_there(owner)
    wanted = cast(how, "ship", key=how)
    asked = asyncio.create_task(handle(store, [wanted]))
    pid = await until_told(owner, WAITING)
    await owner.execute(f"SELECT {how}($1)", pid)
    with pytest.raises(Unavailable):
        await asked
    await owner.execute("ALTER SYSTEM RESET synchronous_standby_names")
    await owner.execute("SELECT pg_reload_conf()")
    await until_told(owner, "SELECT current_setting('synchronous_standby_names') = ''")
    (again,) = await handle(store, [wanted])
    assert (again.changed, again.repeated, again.position) == (True, True, head + 1)
    assert len(await everything(store)) == head + 1


async def test_a_commit_that_nobody_interrupts_waits(store, owner):
    await handle(store, [listed()])
    await wait_for_a_standby_that_is_not_there(owner)
    asked = asyncio.create_task(handle(store, [cast("patient", "ship")]))
    await until_told(owner, WAITING)
    assert not asked.done()
    await owner.execute("ALTER SYSTEM RESET synchronous_standby_names")
    await owner.execute("SELECT pg_reload_conf()")
    (answer,) = await asked
    assert answer.changed
