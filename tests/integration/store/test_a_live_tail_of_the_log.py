"""Who reads the log while it is written misses nothing and sees nothing twice."""

import asyncio
import re
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from random import Random

import asyncpg

from tests.engine.commands.sending import append_to
from votes.domain.vote_events import VoteCast
from votes.engine.log import Unreadable
from votes.store.connections import create_pool
from votes.store.postgres import PostgresEventStore
from votes.store.queries import QUERIES

AT = datetime(2026, 1, 1, tzinfo=UTC)
WRITERS = 24
READ_MAX = 500
STRETCH = 200
BATCH_SIZES = (1, 1, 1, 2, 3, 10, 40, 120)


async def write(store, writer, events_wanted):
    """Append batches of mixed sizes to a stream of one's own until it holds the events wanted."""
    random, stream, version = Random(writer), f"writer:{writer}", 0
    while version < events_wanted:
        size = min(random.choice(BATCH_SIZES), events_wanted - version)
        events = [VoteCast("ship") for n in range(size)]
        (stored,) = await store.append([append_to(stream, version, *events, at=AT)])
        assert stored is not None
        version += size


async def tail(read, written: asyncio.Event):
    """All positions as a live reader sees them, from the start to the end of the writing."""
    seen, last = [], 0
    while True:
        over = written.is_set()
        async for positions in read(last):
            seen += positions
            last = positions[-1]
        if over:
            return seen


async def tail_beside_writers(url: str, reader: Callable, events_wanted: int):
    """What a reader sees beside writers, each with a connection of its own."""
    async with AsyncExitStack() as stack:
        stores = []
        for _ in range(WRITERS + 1):
            pool = await stack.enter_async_context(await create_pool(url))
            stores.append(PostgresEventStore(pool))
        written = asyncio.Event()
        reading = asyncio.create_task(tail(reader(stores[-1]), written))
        each = events_wanted // WRITERS
        await asyncio.gather(*(write(stores[n], n, each) for n in range(WRITERS)))
        written.set()
        return await reading


def as_the_program_reads(store):
    async def read(last):
        async for events in store.after(last, READ_MAX):
            yield [recorded.position for recorded in events]

    return read


def with_a_naive_cursor(store):
    """`position > last`, and no look at what is between."""

    async def read(last):
        async with store.connection() as connection:
            rows = await connection.fetch(QUERIES["events_after"], last, READ_MAX)
        if rows:
            yield [row["position"] for row in rows]

    return read


async def all_positions(config):
    connection = await asyncpg.connect(config.postgres_url)
    try:
        rows = await connection.fetch("SELECT position FROM events ORDER BY position")
    finally:
        await connection.close()
    return [row["position"] for row in rows]


async def test_it_misses_none_of_30_000_events_of_24_writers_and_sees_none_twice(config):
    seen = await tail_beside_writers(config.postgres_url, as_the_program_reads, 30_000)
    assert len(seen) == 30_000
    assert seen == list(range(1, 30_001)) == await all_positions(config)


async def test_behind_the_lock_even_a_naive_cursor_misses_none(config):
    seen = await tail_beside_writers(config.postgres_url, with_a_naive_cursor, 2_400)
    assert seen == await all_positions(config)


async def without_the_lock(config):
    """The planted bug: positions come from a sequence, a stretch for each batch, and nobody waits
    for who took one before. So that some commit after a later one on any machine, each takes a
    while.

    (Were they counted all the same, two batches would count alike, and one of them fail.)
    """
    assert max(BATCH_SIZES) <= STRETCH
    owner = await asyncpg.connect(config.migration_url)
    try:
        await owner.execute(
            f"CREATE SEQUENCE stretches MINVALUE 0 INCREMENT {STRETCH};"
            "GRANT USAGE ON SEQUENCE stretches TO votes_log;"
            "CREATE OR REPLACE FUNCTION open_log() RETURNS bigint LANGUAGE sql"
            " AS $$ WITH taken AS MATERIALIZED (SELECT nextval('stretches') AS first)"
            " SELECT first FROM taken, LATERAL pg_sleep(random() * 0.05 + first * 0) $$"
        )
    finally:
        await owner.close()


async def test_without_the_lock_the_same_test_sees_events_missed(config):
    await without_the_lock(config)
    seen = await tail_beside_writers(config.postgres_url, with_a_naive_cursor, 4_800)
    missed = set(await all_positions(config)) - set(seen)
    assert missed


async def test_without_the_lock_the_program_tells_of_each_event_that_it_misses(config):
    await without_the_lock(config)
    told: set[int] = set()
    seen = await tail_beside_writers(config.postgres_url, telling(told), 4_800)
    assert told
    assert set(await all_positions(config)) - set(seen) <= told


def telling(told: set[int]):
    """Reads as the program does; `told` gets the positions at which it says that nothing stands."""

    def reader(store):
        async def read(last):
            async for events in store.after(last, READ_MAX):
                for recorded in events:
                    if isinstance(recorded.event, Unreadable):
                        first, last = map(int, re.findall(r"\d+", recorded.event.reason))
                        told.update(range(first, last + 1))
                yield [one.position for one in events if not isinstance(one.event, Unreadable)]

        return read

    return reader
