"""A session that holds on to something does not stop the votes of others, or not for long."""

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import url_of
from tests.engine.commands.sending import append_to
from tests.integration.store.access.calling import call_append
from tests.polling import until_told
from tests.stored.roles import ENDED
from votes.domain.vote_events import VoteCast
from votes.engine.ports import Unavailable
from votes.store.lead import leading
from votes.wiring import keep_log_free

AT = datetime(2026, 1, 1, tzinfo=UTC)
LOCK = "LOCK TABLE log IN SHARE UPDATE EXCLUSIVE MODE"
DEPLOY_PAGE = Path(__file__).parents[4] / "deploy" / "README.md"


def database_of(config) -> str:
    return str(config.postgres_url).split("/", 3)[3].partition("?")[0]


def append(stream, version, *words):
    events = [VoteCast("ship") for word in words]
    return append_to(stream, version, *events, at=AT)


async def test_no_lock_that_a_login_can_take_holds_up_a_vote(application, store):
    async with application.transaction():
        await application.execute(
            "LOCK TABLE events, consumers, log, migrations IN ACCESS SHARE MODE"
        )
        await application.fetch("SELECT * FROM events, command_results, log")
        assert await store.append([append("a", 0, "1")]) == [1]


async def test_who_appends_and_then_does_nothing_is_ended_and_votes_go_on(application, store):
    await application.execute("SET idle_in_transaction_session_timeout = 0")
    transaction = application.transaction()
    await transaction.start()
    assert await call_append(application, "a", 1) == []
    assert await store.append([append("b", 0, "1")]) == [1]
    with pytest.raises(ENDED):
        await transaction.commit()


async def test_a_vote_behind_a_lock_that_stays_is_unavailable(owner, store):
    async with owner.transaction():
        await owner.execute(LOCK)
        with pytest.raises(Unavailable, match="lock timeout"):
            await store.append([append("a", 0, "1")])
    assert await store.append([append("a", 0, "1")]) == [1]


NOTHING = "SELECT append_events('{}')"
NO_LIMITS = "".join(
    f"SET {name}_timeout = 0;"
    for name in ("statement", "lock", "transaction", "idle_in_transaction_session", "idle_session")
)
BUSY = "DO 'BEGIN LOOP PERFORM 1; END LOOP; END'"
MANY = (
    "SELECT jsonb_agg(jsonb_build_array('s' || n, 1, jsonb_build_array(n)))"
    " FROM generate_series(1, 3000000) AS n"
)
WAYS = (
    f"BEGIN; {NOTHING}; {NO_LIMITS} SELECT pg_sleep(600)",
    f"{NO_LIMITS} SELECT append_events('{{}}'), pg_sleep(600)",
    f"{NO_LIMITS} {NOTHING}; SELECT pg_sleep(600)",
    f"BEGIN; {NOTHING}; {NO_LIMITS}",
    f"BEGIN; SAVEPOINT one; {NOTHING}; RELEASE one; {NO_LIMITS} {BUSY}",
    f"{NO_LIMITS} SELECT append_events(jsonb_build_object('relied', ({MANY})))",
)


@pytest.mark.parametrize("way", WAYS)
async def test_whoever_keeps_the_log_is_ended_and_votes_go_on(config, servers, store, owner, way):
    url = url_of(database_of(config), servers.api_url)
    thief = await asyncpg.connect(url, server_settings={"application_name": "thief"})
    holding = asyncio.create_task(thief.execute(way))
    guard = asyncio.create_task(keep_log_free(store))
    try:
        await until_told(owner, f"SELECT count(*) > 0 {HELD}")
        await until_told(owner, f"SELECT count(*) = 0 {HELD}")
        assert await store.append([append("a", 0, "1")]) == [1]
        with pytest.raises(ENDED):
            await ask_again(holding, thief)
    finally:
        guard.cancel()
        thief.terminate()


async def ask_again(holding: asyncio.Task[str], thief: asyncpg.Connection) -> None:
    await holding
    await thief.execute("SELECT 1")


HELD = (
    "FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE relation = 'log'::regclass AND granted"
    " AND mode = 'ShareUpdateExclusiveLock' AND application_name = 'thief'"
)


async def test_nobody_is_ended_who_appends_or_reads_for_long(config, servers, store, owner):
    reader = await asyncpg.connect(url_of(database_of(config), servers.api_url))
    await reader.execute("BEGIN; SELECT FROM events")
    assert await store.append([append("a", 0, *"123")]) == [3]
    await until_told(
        owner,
        "SELECT xact_start < clock_timestamp() - interval '4 s' FROM pg_stat_activity"
        f" WHERE pid = {reader.get_server_pid()}",
    )
    assert await store.free() == 0
    await reader.execute("SELECT 1")
    await reader.close()


async def test_the_page_of_the_operator_shows_who_holds_up_votes_and_the_projection(
    application, owner, config
):
    (query,) = re.findall(r"```sql\n(SELECT.*?)```", DEPLOY_PAGE.read_text(), re.DOTALL)
    assert await owner.fetch(query) == []
    transaction = application.transaction()
    await transaction.start()
    await call_append(application, "a", 1)
    async with leading(config.postgres_url, "any"):
        rows = await owner.fetch(query)
    await transaction.rollback()
    found = {(row["holds"], row["application_name"]) for row in rows}
    assert found == {("votes", ""), ("projection", "votes projector")}
    assert application.get_server_pid() in [row["pid"] for row in rows]
