"""The log in Postgres. Implements `votes.engine.ports.EventStore`."""

import asyncio
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy
from msgspec import Struct

from votes.engine.log import TIME_MIN, Position, Recorded, Stream, Unreadable
from votes.engine.ports import (
    Append,
    CountQuery,
    EventCount,
    StoredResult,
    Unavailable,
    Unfinished,
)
from votes.store.codec import Codec
from votes.store.document import document_of
from votes.store.queries import QUERIES

READER_ROLE, API_ROLE, PROJECTOR_ROLE = "votes_reader", "votes_api", "votes_projector"
CONNECT_TIMEOUT_S = 5.0
HANGING_S = 0.5
"""How long after `statement_s` Postgres may take to end the statement itself."""


class Connections(Struct, frozen=True):
    """The role, the size and the time limits, in seconds, of a pool of connections.

    A connection is acquired within `connect_s`. Postgres ends a statement after `statement_s`.
    `settings` are settings of Postgres.
    """

    name: str
    connections_max: int
    connect_s: float
    statement_s: float
    role: str = API_ROLE
    settings: Mapping[str, str] = {}

    @property
    def longest_s(self) -> float:
        """How long one statement takes at most, even if Postgres hangs."""
        return self.connect_s + self.statement_s + HANGING_S


COMMANDS = Connections("votes", 8, CONNECT_TIMEOUT_S, 10.0)
"""For commands of the command line that add events, or need to know who somebody is."""
REPORTS = Connections("votes reports", 8, CONNECT_TIMEOUT_S, 10.0, READER_ROLE)
"""For commands that only read the log."""
WORKER = Connections("votes worker", 8, CONNECT_TIMEOUT_S, 10.0, PROJECTOR_ROLE)
WRITES = Connections("votes writes", 1, 1.5, 2.5)
"""For the API's batches, which are stored one after another: nothing else uses it."""
READS = Connections("votes reads", 4, 1.5, 2.5)
"""For the API's reads by index."""
PAST = Connections(
    *("votes past", 2, 1.5, 10.0, READER_ROLE),
    {"enable_sort": "off", "max_parallel_workers_per_gather": "0"},
)
"""For counting votes of a part of an hour, or of some positions, each on one processor. The groups
are few, so hashing takes half the time of sorting."""
LOCK_TIMEOUT_S = 4
IDLE_IN_TRANSACTION_TIMEOUT_S = 2
assert min(LOCK_TIMEOUT_S, WRITES.statement_s) > IDLE_IN_TRANSACTION_TIMEOUT_S
"""A session that is idle while it holds a lock is ended before those that wait for it give up.
`append_events` sets the same limit for any caller, until the end of its transaction."""

_UNREPLICATED = "01000"
"""The warning with which Postgres reports a commit that its standby did not confirm."""

_PREFIX_END = chr(0x10FFFF)

Connection = PoolConnectionProxy | asyncpg.Connection

_OUTAGES = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server closed a connection that was about to be used
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
)


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Raise `Unavailable` for the driver's errors that mean that Postgres does not respond, or that
    its database is not migrated."""
    try:
        yield
    except _OUTAGES as error:
        raise Unavailable(f"Postgres: {str(error) or type(error).__name__}") from error
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError) as error:
        said = "lacks migrations; run votes migrate as its owner"
        raise Unavailable(f"Postgres: the database {said} ({error})") from error


_PLANNING = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "jit": "off"}
"""Every query reads a few rows, or a range, by index, whatever the parameters and however small the
table. So plans are generic and reused: planning each call takes a third of the time of a small
append. No query is worth compiling, however long its range."""

_TIMEOUTS = {
    "lock_timeout": f"{LOCK_TIMEOUT_S}s",
    "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_TIMEOUT_S}s",
}


def _nothing() -> None:
    pass


async def create_pool(
    url: str, use: Connections = COMMANDS, connected: Callable[[], None] = _nothing
) -> asyncpg.Pool:
    """A pool whose connections act as the role of their use, whatever the login. Each new one calls
    `connected`."""

    async def begin(_: Connection) -> None:
        connected()

    async def no_reset(_: Connection) -> None:
        """Our statements change no setting of a session, so there is nothing to reset."""

    return await asyncpg.create_pool(
        url,
        min_size=0,
        max_size=use.connections_max,
        timeout=use.connect_s,
        command_timeout=use.statement_s + HANGING_S,
        server_settings={
            "role": use.role,
            "application_name": use.name,
            "statement_timeout": f"{use.statement_s * 1_000:.0f}",
            **_PLANNING,
            **_TIMEOUTS,
            **use.settings,
        },
        init=begin,
        reset=no_reset,
    )


class _One:
    """Stands for a pool where all is done in one session."""

    def __init__(self, connection: PoolConnectionProxy) -> None:
        self._connection = connection

    async def acquire(self) -> PoolConnectionProxy:
        return self._connection

    async def release(self, _: PoolConnectionProxy) -> None:
        pass


class PostgresEventStore:
    """The event store on a pool; a connection is acquired within `connect_s` seconds."""

    def __init__(
        self,
        pool: asyncpg.Pool | _One,
        codec: Codec | None = None,
        connect_s: float = CONNECT_TIMEOUT_S,
    ) -> None:
        self._pool = pool
        self._connect_s = connect_s
        self._codec = codec or Codec()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """A connection of the pool; one that hangs is closed. Raises `Unavailable`."""
        async with translated():
            async with asyncio.timeout(self._connect_s):
                connection = await self._pool.acquire()
            try:
                yield connection
            except (TimeoutError, asyncio.CancelledError):
                connection.terminate()  # cancelling it would wait for a server that hangs
                raise
            finally:
                await self._pool.release(connection)

    @asynccontextmanager
    async def one_session(self) -> AsyncIterator["PostgresEventStore"]:
        """The store in one session of Postgres, which a restart or a restore ends. Raises
        `Unavailable`."""
        async with self.connection() as connection:
            yield PostgresEventStore(_One(connection), self._codec, self._connect_s)

    def recorded(self, row: Any) -> Recorded:
        """The event of a row."""
        event = self._codec.decode(row["type"], row["schema"], row["data"])
        where = row["position"], row["stream"], row["version"]
        return Recorded(*where, event, row["at"], row["subject"], row["late"])

    def _recorded_after(self, rows: Sequence[Any]) -> list[Recorded]:
        """The events of rows whose time is in seconds since 1970."""
        decode, time_of = self._codec.decode, datetime.fromtimestamp
        return [
            Recorded(n, stream, version, decode(kind, schema, data), time_of(at, UTC), about, late)
            for n, stream, version, about, kind, schema, data, at, late in rows
        ]

    async def last_events(self, streams: Collection[Stream]) -> dict[Stream, Recorded]:
        async with self.connection() as connection:
            rows = await connection.fetch(QUERIES["last_events"], list(streams))
        return {row["stream"]: self.recorded(row) for row in rows}

    async def results(self, command_ids: Collection[UUID]) -> dict[UUID, StoredResult]:
        async with self.connection() as connection:
            rows = await connection.fetch(QUERIES["command_results"], list(command_ids))
        return {
            UUID(bytes=row["command_id"].bytes): StoredResult(
                row["fingerprint"], row["outcome"], row["position"]
            )
            for row in rows
        }

    async def append(self, batch: Sequence[Append]) -> list[Position | None]:
        document = document_of(batch, self._codec)
        async with self.connection() as connection:
            with _unreplicated(connection) as warned:
                try:
                    row = await connection.fetchrow(QUERIES["append"], document)
                except asyncpg.DatetimeFieldOverflowError as error:
                    raise ValueError(str(error)) from error
                except asyncpg.CheckViolationError as error:
                    raise _refusal(error) from error
                await asyncio.sleep(0)  # the driver delivers warnings in the loop's next iteration
        if warned:
            raise Unavailable(f"Postgres: {warned[0]}")
        return _positions(batch, row["position_before"], frozenset(row["refused"]))

    async def after(self, position: Position, limit: int) -> AsyncIterator[list[Recorded]]:
        while True:
            async with self.connection() as connection:
                rows = await connection.fetch(QUERIES["events_after"], position, limit)
            if not rows:
                return
            events = self._recorded_after(rows)
            if rows[0]["position"] != position + 1 or rows[-1]["position"] != position + len(rows):
                events = list(_with_gaps(position, events))
            position = rows[-1]["position"]
            yield events
            if len(rows) < limit:
                return

    async def at(self, positions: Collection[Position]) -> list[Recorded]:
        async with self.connection() as connection:
            rows = await connection.fetch(QUERIES["events_at"], list(positions))
        return [self.recorded(row) for row in rows]

    async def records(self, limit: int, position: Position = 0) -> AsyncIterator[dict[str, Any]]:
        """The whole rows of the events after the position, read `limit` at a time."""
        while True:
            async with self.connection() as connection:
                rows = await connection.fetch(QUERIES["records_after"], position, limit)
            for row in rows:
                yield dict(row) | {
                    "data": msgspec.Raw(row["data"].encode()),
                    "meta": msgspec.Raw(row["meta"].encode()),
                }
            if len(rows) < limit:
                return
            position = rows[-1]["position"]

    async def count_events(self, query: CountQuery) -> list[EventCount]:
        about = query.subject, [kind.__name__ for kind in query.types]
        range_ = query.first, query.last, query.since, query.until
        left_out = list(query.without), list(query.apart_from)
        sql = QUERIES["count_late_events" if query.late else "count_events"]
        async with self.connection() as connection:
            rows = await connection.fetch(sql, *about, *range_, *left_out)
        return [
            EventCount(
                self._codec.decode(row["type"], row["schema"], row["data"]),
                row["count"],
                row["position"],
            )
            for row in rows
        ]

    async def last_about(
        self, subject: str, types: Sequence[type], position: Position, limit: int
    ) -> list[Recorded]:
        names = [kind.__name__ for kind in types]
        async with self.connection() as connection:
            rows = await connection.fetch(QUERIES["last_about"], subject, names, position, limit)
        return [self.recorded(row) for row in reversed(rows)]

    async def last_of_stream(self, stream: Stream, limit: int) -> list[Recorded]:
        async with self.connection() as connection:
            rows = await connection.fetch(QUERIES["last_of_stream"], stream, limit)
        return [self.recorded(row) for row in reversed(rows)]

    async def about(
        self, subject: str, types: Sequence[type], after: Position, limit: int
    ) -> list[Recorded]:
        names = [kind.__name__ for kind in types]
        async with self.connection() as connection:
            rows = await connection.fetch(QUERIES["about"], subject, names, after, limit)
        return [self.recorded(row) for row in rows]

    async def standing(
        self, subject: str, types: Sequence[type], after: Position, until: Position, limit: int
    ) -> tuple[list[Recorded], Position]:
        names = [kind.__name__ for kind in types]
        async with self.connection() as connection:
            rows = await connection.fetch(QUERIES["standing"], subject, names, after, until, limit)
        reached = rows[-1]["position"] if len(rows) == limit else until
        return [self.recorded(row) for row in rows if row["stands"]], reached

    async def unfinished(self, prefix: str, limit: int) -> list[Unfinished]:
        range_ = prefix, prefix + _PREFIX_END
        async with self.connection() as connection:
            rows = await connection.fetch(QUERIES["unfinished"], *range_, limit)
        return [Unfinished(self.recorded(row), row["reached"]) for row in rows]

    async def reached(self, consumer: str) -> Position:
        async with self.connection() as connection:
            return int(await connection.fetchval(QUERIES["reached"], consumer) or 0)

    async def finish(self, consumer: str, position: Position) -> None:
        async with self.connection() as connection:
            await connection.execute(QUERIES["finish"], consumer, position)

    async def free(self) -> int:
        """End the sessions that keep the log from others for more than 3 s; how many there were."""
        async with self.connection() as connection:
            return int(await connection.fetchval(QUERIES["free_log"]))

    async def last_of_prefix(
        self, prefix: str, limit: int, after: Stream | None = None
    ) -> list[Recorded]:
        first = prefix if after is None else after + "\x01"  # Postgres has no \x00 in a name
        async with self.connection() as connection:
            rows = await connection.fetch(
                QUERIES["last_events_of_prefix"], first, prefix + _PREFIX_END, limit
            )
        return [self.recorded(row) for row in rows]

    async def head(self) -> Position:
        async with self.connection() as connection:
            return int(await connection.fetchval(QUERIES["head"]))

    async def epoch(self) -> str:
        async with self.connection() as connection:
            return str(await connection.fetchval(QUERIES["epoch"]))[:8]


def _with_gaps(position: Position, events: Iterable[Recorded]) -> Iterator[Recorded]:
    """The events after the position, with an `Unreadable` for each gap.

    The writers' lock leaves no gaps: where there is one, another program wrote to the log.
    """
    for recorded in events:
        first, last = position + 1, recorded.position - 1
        if first <= last:
            missing = Unreadable(
                "Missing", 0, f"there are no events at positions {first} to {last}"
            )
            yield Recorded(first, Stream(""), 0, missing, TIME_MIN)
        yield recorded
        position = recorded.position


def _refusal(error: asyncpg.CheckViolationError) -> Exception:
    """The error to raise for an event that the table refuses."""
    if error.constraint_name == "events_time_in_range":
        return ValueError(f"an event is of an impossible time: {error.detail}")
    return error


class _unreplicated:  # noqa: N801 - a context manager reads as a word
    """Collects the warnings of commits that a standby has not confirmed."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._warned: list[str] = []

    def _collect(self, _: Any, message: Any) -> None:
        if message.sqlstate == _UNREPLICATED:
            self._warned.append(message.message)

    def __enter__(self) -> list[str]:
        self._connection.add_log_listener(self._collect)
        return self._warned

    def __exit__(self, *_: object) -> None:
        self._connection.remove_log_listener(self._collect)


def _positions(
    batch: Sequence[Append], position: Position, refused: frozenset[int]
) -> list[Position | None]:
    """The last position of each append, None where refused; stored ones follow one another."""
    positions: list[Position | None] = []
    for number, append in enumerate(batch):
        if number in refused:
            positions.append(None)
            continue
        position += len(append.events)
        positions.append(position)
    return positions
