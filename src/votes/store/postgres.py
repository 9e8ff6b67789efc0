"""The log in Postgres. Implements `votes.engine.ports.EventStore`."""

import asyncio
from collections.abc import (
    AsyncIterator,
    Collection,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy

from votes.engine.log import TIME_MIN, Columns, Position, Recorded, Stream, Unreadable
from votes.engine.ports import (
    Append,
    CountQuery,
    EventCount,
    StoredResult,
    Unavailable,
    Unfinished,
    Whole,
)
from votes.store.codec import Codec
from votes.store.connections import CONNECT_TIMEOUT_S, translated
from votes.store.document import document_of, document_of_whole
from votes.store.queries import QUERIES

_UNREPLICATED = "01000"
"""The warning with which Postgres reports a commit that its standby did not confirm."""

_PREFIX_END = chr(0x10FFFF)


class OneSession:
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
        pool: asyncpg.Pool | OneSession,
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
            yield PostgresEventStore(OneSession(connection), self._codec, self._connect_s)

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
        row = await self._append("append", document_of(batch, self._codec))
        return _positions(batch, row["position_before"], frozenset(row["refused"]))

    async def taken(self, command_ids: Collection[str]) -> set[str]:
        async with self.connection() as connection:
            rows = await connection.fetch(QUERIES["taken"], list(command_ids))
        return {row["command_id"] for row in rows}

    async def append_whole(self, whole: Whole) -> bool:
        row = await self._append("append_whole", document_of_whole(whole, self._codec))
        return row["position_before"] is not None

    async def _append(self, query: str, document: str) -> Any:
        async with self.connection() as connection:
            with _unreplicated(connection) as warned:
                try:
                    row = await connection.fetchrow(QUERIES[query], document)
                except asyncpg.DatetimeFieldOverflowError as error:
                    raise ValueError(str(error)) from error
                except asyncpg.CheckViolationError as error:
                    raise _refusal(error) from error
                await asyncio.sleep(0)  # the driver delivers warnings in the loop's next iteration
        if warned:
            raise Unavailable(f"Postgres: {warned[0]}")
        return row

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

    async def columns(
        self, position: Position, limit: int
    ) -> AsyncIterator[tuple[Sequence[str], Columns]]:
        """While the caller works with some, Postgres makes the next ones ready."""
        reading = asyncio.create_task(self._columns(position, limit))
        try:
            while (columns := await reading) is not None:
                position += limit
                reading = asyncio.create_task(self._columns(position, limit))
                await asyncio.sleep(0)  # so that the query is sent
                yield columns
        finally:
            reading.cancel()

    async def _columns(
        self, position: Position, limit: int
    ) -> tuple[Sequence[str], Columns] | None:
        async with self.connection() as connection:
            row = await connection.fetchrow(QUERIES["columns_after"], position, limit)
        if row["events"] < limit:
            return None
        rows = zip(row["types"], row["schemas"], row["data"], strict=True)
        positions = [*range(position + 1, position + limit + 1)]
        events = self._codec.decode_all(rows)
        return row["subjects"], Columns(positions, events, row["seconds"], row["lates"])

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
