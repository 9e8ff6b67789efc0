"""A session that holds on to something does not stop the votes of others, or not for long."""

import re
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from tests.contract.requests import append_to
from tests.integration.store.calling import call_append
from votes.domain.vote import VoteCast
from votes.engine.ports import Unavailable
from votes.store.lead import leading

AT = datetime(2026, 1, 1, tzinfo=UTC)
LOCK = "LOCK TABLE log IN SHARE UPDATE EXCLUSIVE MODE"
DEPLOY_PAGE = Path(__file__).parents[3] / "deploy" / "README.md"


def append(stream, version, *words):
    events = [VoteCast("ship") for word in words]
    return append_to(stream, version, *events, at=AT)


async def test_no_lock_that_the_application_can_take_holds_up_a_vote(application, store):
    async with application.transaction():
        for key in ("votes.log", "votes.projector", "votes.migrations"):
            await application.execute("SELECT pg_advisory_lock(hashtextextended($1, 0))", key)
        await application.execute("LOCK TABLE events, command_results, log IN ACCESS SHARE MODE")
        await application.fetch("SELECT * FROM events, command_results, log")
        assert await store.append([append("a", 0, "1")]) == [1]


async def test_who_appends_and_then_does_nothing_is_ended_and_votes_go_on(application, store):
    await application.execute("SET idle_in_transaction_session_timeout = 0")
    transaction = application.transaction()
    await transaction.start()
    assert await call_append(application, "a", 1) == []
    assert await store.append([append("b", 0, "1")]) == [1]
    with pytest.raises((asyncpg.IdleInTransactionSessionTimeoutError, asyncpg.InterfaceError)):
        await transaction.commit()


async def test_a_vote_behind_a_lock_that_stays_is_unavailable(owner, store):
    async with owner.transaction():
        await owner.execute(LOCK)
        with pytest.raises(Unavailable, match="lock timeout"):
            await store.append([append("a", 0, "1")])
    assert await store.append([append("a", 0, "1")]) == [1]


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
