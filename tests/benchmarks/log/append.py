"""Durable votes a second from 64 callers at once, all on one tool.

Ours: the whole command path (load, decide, append) and the append alone. Beside them: the same
function called for each request, the naive counter, the package `eventsourcing`, and a bare
INSERT of the same rows into an identical table.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import asyncpg
import msgspec
import uvloop

from tests.benchmarks.measuring import processor, samples
from tests.benchmarks.measuring.rounds import Aim, Bound, Result, Settings, Turn, alternate
from tests.benchmarks.measuring.stack import prepare, servers
from tests.benchmarks.peers.eventsourcing_votes import eventsourcing
from votes.engine.batcher import BATCH_COMMANDS_MAX, Batcher
from votes.engine.handle import Outcome, Request
from votes.engine.heads import Heads
from votes.engine.ports import Append
from votes.resources import event_store
from votes.store.codec import Codec
from votes.store.document import document_of
from votes.store.postgres import PostgresEventStore
from votes.store.queries import QUERIES
from votes.wiring import batcher_on

CALLERS = 64
P99_MS_MAX, PER_CORE_S_MIN = 3.0, 15_000
TRIPS_MAX = 1.05
"""A batch whose tool is not in the cache yet takes one more."""
TOOL = "hot-tool"
PER_REQUEST_CONNECTIONS = 16
COUNTER = "UPDATE tallies SET ship = ship + 1 WHERE tool = $1"
BARE = """
INSERT INTO bare (position, stream, version, subject, type, schema, data, meta, at, late)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::integer[], $4::text[], $5::text[],
                     $6::smallint[], $7::jsonb[], $8::jsonb[], $9::timestamptz[], $10::boolean[])
"""


def run(settings: Settings) -> list[Result]:
    with servers() as config:
        return [uvloop.run(_run(config, settings))]


async def _run(config: Any, settings: Settings) -> Result:
    await prepare(config)
    await _own_tables(config.migration_url)
    url = config.postgres_url
    async with event_store(config) as store:
        await samples.list_tools(store, [TOOL])
        sizes, first, again = Sizes(), Counted(store), Counted(store)
        whole = Whole(first, samples.cast)
        with (
            eventsourcing(config, ordered=True) as package,
            eventsourcing(config, ordered=False) as unordered,
        ):
            opponents: dict[str, Turn] = {
                "votes: whole path": whole,
                "votes: whole path, voters seen before": Whole(again, samples.change),
                "votes: append alone": _appends(store, sizes),
                "bare INSERT, same batches": _bare(url, sizes.mean),
                f"bare INSERT, {BATCH_COMMANDS_MAX} a batch": _bare(
                    url, lambda: BATCH_COMMANDS_MAX
                ),
                "append for each request": _each(url),
                "naive counter": _counter(url),
                "eventsourcing": package,
                "eventsourcing, unordered": unordered,
            }
            rates = await alternate(opponents, settings)
    bounds = [
        Bound("round trips a batch, first votes", [first.round_trips], TRIPS_MAX),
        Bound("round trips a batch, voters seen before", [again.round_trips], TRIPS_MAX),
        Bound("ms of a vote among 64, p99", whole.p99_ms[1:], P99_MS_MAX),
        Bound("votes/s of one core, whole path", whole.per_core_s[1:], PER_CORE_S_MIN, True),
    ]
    return Result("append", "votes/s, 64 callers, fsync", rates, _aims(), [sizes.note()], bounds)


def _aims() -> list[Aim]:
    whole, alone = "votes: whole path", "votes: append alone"
    return [
        Aim(whole, "naive counter", 20, 1.5),
        Aim(alone, "naive counter"),
        Aim(alone, "bare INSERT, same batches", 0.75),
        Aim(whole, "bare INSERT, same batches", 0.9, 0.05),
        Aim(whole, "append for each request"),
        Aim(whole, "eventsourcing"),
        Aim(whole, "eventsourcing, unordered"),
    ]


async def _own_tables(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("""
            CREATE TABLE bare (LIKE events INCLUDING ALL);
            CREATE TABLE tallies (tool text PRIMARY KEY, ship bigint NOT NULL);
            INSERT INTO tallies VALUES ('hot-tool', 0);
            GRANT SELECT, INSERT ON bare TO votes_api;
            GRANT SELECT, UPDATE ON tallies TO votes_api;
            GRANT CREATE ON SCHEMA public TO votes_api;
        """)
    finally:
        await connection.close()


@dataclass
class Sizes:
    """The batches that were stored."""

    batches: int = 0
    rows: int = 0

    def mean(self) -> int:
        return max(1, round(self.rows / max(1, self.batches)))

    def note(self) -> str:
        return f"rows a batch of ours: {self.mean()} on average"


Call = Callable[[], Awaitable[None]]


async def callers(call: Call, seconds: float) -> float:
    """Calls a second, of 64 callers who each wait for their answer."""
    done = 0
    start = time.perf_counter()

    async def keep_calling() -> None:
        nonlocal done
        while time.perf_counter() - start < seconds:
            await call()
            done += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(keep_calling())
    return done / (time.perf_counter() - start)


class Counted:
    """The log, whose calls are counted."""

    def __init__(self, store: PostgresEventStore) -> None:
        self._store = store
        self._calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        self._calls[name] += 1
        return getattr(self._store, name)

    @asynccontextmanager
    async def one_session(self) -> AsyncIterator["Counted"]:
        yield self

    @property
    def round_trips(self) -> float:
        """Calls a batch: each batch has one append."""
        return self._calls.total() / max(1, self._calls["append"])


class Whole:
    """Turns of commands, and of each the time of a vote and the votes of a core: of this process
    and Postgres."""

    def __init__(self, store: Counted, cast: Callable[[str], Request]) -> None:
        counted: Any = store  # it has what a batcher calls
        self._batcher = batcher_on(counted, Heads())
        self._cast = cast
        self.p99_ms: list[float] = []
        self.per_core_s: list[float] = []

    async def __call__(self, seconds: float) -> float:
        took_ms: list[float] = []

        async def call() -> None:
            start = time.perf_counter()
            outcome = await self._batcher.submit(self._cast(TOOL))
            took_ms.append((time.perf_counter() - start) * 1_000)
            assert isinstance(outcome, Outcome), outcome
            assert outcome.changed

        before, own_s = processor.spent()["postgres"], time.process_time()
        rate = await callers(call, seconds)
        spent_s = processor.spent()["postgres"] - before + time.process_time() - own_s
        self.p99_ms.append(sorted(took_ms)[len(took_ms) * 99 // 100])
        self.per_core_s.append(len(took_ms) / spent_s)
        return rate


def _appends(store: PostgresEventStore, sizes: Sizes) -> Turn:
    """The batcher on the store's append, with nothing loaded and nothing decided."""

    async def append(batch: Sequence[Any]) -> list[Any]:
        sizes.batches += 1
        sizes.rows += len(batch)
        return await store.append(batch)

    batcher = Batcher(append)

    async def call() -> None:
        append: Any = samples.append_of(TOOL)
        positions: Any = await batcher.submit(append)
        assert positions

    return lambda seconds: callers(call, seconds)


_positions = count(1)


def _columns(batch: Sequence[Append]) -> list[list[Any]]:
    codec, encode = Codec(), msgspec.json.Encoder().encode
    rows = []
    for append in batch:
        meta = encode(append.meta).decode()
        for event in append.events:
            where = next(_positions), event.stream, event.version + 1, event.subject
            rows.append((*where, *codec.encode(event.event), meta, append.at, False))
    return [list(column) for column in zip(*rows, strict=True)]


def _bare(url: str, size: Callable[[], int]) -> Turn:
    """One connection, one batch after another; only the statement itself is timed."""

    async def turn(seconds: float) -> float:
        spent, rows = 0.0, 0
        async with _connections(url, 1) as pool, pool.acquire() as connection:
            statement = await connection.prepare(BARE)
            while spent < seconds:
                batch = [samples.append_of(TOOL) for _ in range(size())]
                columns = _columns(batch)
                start = time.perf_counter()
                await statement.fetch(*columns)
                spent += time.perf_counter() - start
                rows += len(batch)
        return rows / spent

    return turn


def _each(url: str) -> Turn:
    """The function of the batched append, called by each caller with one event."""

    async def turn(seconds: float) -> float:
        async with _connections(url, PER_REQUEST_CONNECTIONS) as pool:
            codec = Codec()

            async def call() -> None:
                document = document_of([samples.append_of(TOOL)], codec)
                row = await pool.fetchrow(QUERIES["append"], document)
                assert row is not None
                assert not row["refused"]

            return await callers(call, seconds)

    return turn


def _counter(url: str) -> Turn:
    async def turn(seconds: float) -> float:
        async with _connections(url, CALLERS) as pool:

            async def call() -> None:
                status = await pool.execute(COUNTER, TOOL)
                assert status == "UPDATE 1"

            return await callers(call, seconds)

    return turn


def _connections(url: str, number: int) -> asyncpg.Pool:
    """A pool whose connections are all open from the start and are not reset between uses."""

    async def keep(_: Any) -> None:
        pass

    return asyncpg.create_pool(url, min_size=number, max_size=number, reset=keep)
