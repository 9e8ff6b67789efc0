"""An outage is told as `Unavailable`; what was asked wrongly fails alone."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest

from tests.domain.names import ATLAS
from tests.engine.commands.sending import append_to, cast, listed, request
from tests.polling import until_told
from votes.domain.review import Opinion, PublishReview
from votes.domain.vote_events import VoteCast
from votes.engine.batcher import Batcher
from votes.engine.handle import handle
from votes.engine.log import Unreadable
from votes.engine.ports import CountQuery, Unavailable
from votes.store.connections import COMMANDS, Connections, create_pool
from votes.store.postgres import PostgresEventStore

AT = datetime(2026, 1, 1, tzinfo=UTC)
LOCK = "LOCK TABLE log IN SHARE UPDATE EXCLUSIVE MODE"
WAITING = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def append(stream, version, *words):
    events = [VoteCast("ship") for word in words]
    return append_to(stream, version, *events, at=AT)


def batcher_on(store):
    async def handle_batch(requests):
        return await handle(store, requests)

    return Batcher(handle_batch)


@pytest.fixture
async def watcher(config):
    """Not in a transaction, where who does what is looked up only once."""
    connection = await asyncpg.connect(config.migration_url)
    yield connection
    await connection.close()


def said(body):
    return PublishReview(ATLAS, "x", Opinion(1, "skip", body))


BAD = {
    "a NUL in a stream's name": cast("a\0b", "ship"),
    "half a character in a stream's name": cast("a\ud800b", "ship"),
    "a NUL in an event's text": request(said("\0")),
    "half a character in a text": request(said("\ud800")),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=list(BAD))
async def test_a_value_that_cannot_be_stored_fails_that_command_alone(store, bad):
    batcher = batcher_on(store)
    answers = await asyncio.gather(
        *(
            batcher.submit(each)
            for each in (listed(), cast("ann", "ship"), bad, cast("bob", "skip"))
        ),
        return_exceptions=True,
    )
    assert [getattr(answer, "position", None) for answer in answers] == [2, 3, None, 4]
    assert isinstance(answers[2], Exception)
    assert not isinstance(answers[2], Unavailable)
    assert await store.head() == 4


async def call_all(store):
    """What each method of the store raises."""

    async def read():
        return [events async for events in store.after(0, 10)]

    return await asyncio.gather(
        store.append([append("a", 0, "1")]),
        store.last_events(["a"]),
        store.results([uuid4()]),
        store.count_events(CountQuery("a", (VoteCast,), False, 0, 1, AT, AT)),
        store.last_of_prefix("a", 1),
        store.head(),
        store.epoch(),
        read(),
        return_exceptions=True,
    )


async def test_a_server_that_is_not_there_is_unavailable_to_all_calls(servers):
    pool = await create_pool(servers.app_url.replace("host=/", "host=/nowhere/"))
    raised = await call_all(PostgresEventStore(pool))
    assert [type(error) for error in raised] == [Unavailable] * 8
    await pool.close()


async def test_a_pool_that_is_closed_is_unavailable_to_all_calls(config):
    pool = await create_pool(config.postgres_url)
    await pool.close()
    raised = await call_all(PostgresEventStore(pool))
    assert [type(error) for error in raised] == [Unavailable] * 8


async def test_a_store_that_takes_too_long_is_unavailable_and_stores_nothing(config, store, owner):
    pool = await create_pool(config.postgres_url, Connections("hasty", 1, 5, 0.2))
    hasty = PostgresEventStore(pool)
    async with owner.transaction():
        await owner.execute(LOCK)
        with pytest.raises(Unavailable):
            await hasty.append([append("a", 0, "1")])
        assert await store.head() == 0
    assert await store.append([append("a", 0, "1")]) == [1]
    await pool.close()


async def test_no_free_connection_in_time_is_unavailable(config):
    pool = await create_pool(config.postgres_url, Connections("one", 1, 5, 5))
    async with pool.acquire():
        with pytest.raises(Unavailable):
            await PostgresEventStore(pool, connect_s=0.2).head()
    await pool.close()


@pytest.mark.parametrize("how", ["pg_terminate_backend", "pg_cancel_backend"])
async def test_a_session_that_is_ended_from_outside_is_unavailable(store, owner, watcher, how):
    async with owner.transaction():
        await owner.execute(LOCK)
        waiting = asyncio.create_task(store.append([append("a", 0, "1")]))
        await watcher.execute(f"SELECT {how}($1)", await until_told(watcher, WAITING))
        with pytest.raises(Unavailable):
            await waiting
    assert await store.append([append("a", 0, "1")]) == [1]


async def test_a_server_that_only_reads_is_unavailable_for_appending(config, owner):
    database = await owner.fetchval("SELECT current_database()")
    await owner.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    pool = await create_pool(config.postgres_url)
    reading = PostgresEventStore(pool)
    assert await reading.head() == 0
    with pytest.raises(Unavailable, match="read-only"):
        await reading.append([append("a", 0, "1")])
    await pool.close()


@pytest.mark.parametrize("missing", [1, 3, 4, 5])
async def test_a_log_with_a_gap_is_read_on_and_says_what_is_missing(store, owner, missing):
    await store.append([append("a", 0, *"123456")])
    await owner.execute("ALTER TABLE events DISABLE TRIGGER ALL")
    await owner.execute("DELETE FROM events WHERE position = $1", missing)
    events = [recorded async for some in store.after(0, 3) for recorded in some]
    assert [recorded.position for recorded in events] == [1, 2, 3, 4, 5, 6]
    gaps = [recorded for recorded in events if isinstance(recorded.event, Unreadable)]
    assert [gap.position for gap in gaps] == [missing]
    assert gaps[0].event.reason == f"there are no events at positions {missing} to {missing}"
    before = [position async for _, some in store.columns(0, 2) for position in some.positions]
    assert before == [*range(1, (missing - 1) // 2 * 2 + 1)]


async def test_one_batch_does_not_wait_for_the_readers_of_another(store, config):
    """A reader in the middle of its list holds no connection."""
    await store.append([append("a", 0, *"123456")])
    reading = [store.after(0, 2) for _ in range(COMMANDS.connections_max + 1)]
    for reader in reading:
        await anext(reader)
    assert await store.append([append("a", 6, "7")]) == [7]
    for reader in reading:
        await reader.aclose()
