"""The event store in memory, for tests: it keeps and refuses what Postgres keeps and refuses."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from votes.engine.log import TIME_MIN, Columns, Position, Recorded, Stream
from votes.engine.ports import (
    Addition,
    Append,
    CountQuery,
    EventCount,
    KeyedResult,
    Part,
    StoredResult,
    Unfinished,
    Whole,
)
from votes.store.codec import Codec

AHEAD_MAX = timedelta(hours=1)
IN_TIME_MAX = timedelta(minutes=10)
SHORT = 200
"""Data of more characters is left out of columns."""


class Row(Struct, frozen=True):
    position: Position
    stream: Stream
    version: int
    encoded: tuple[str, int, str]
    at: datetime
    subject: str
    late: bool


class MemoryLog(Struct):
    """What all stores on one log share."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    rows: list[Row] = field(default_factory=list)
    streams: dict[Stream, list[Row]] = field(default_factory=dict)
    answers: dict[UUID, StoredResult] = field(default_factory=dict)
    consumers: dict[str, Position] = field(default_factory=dict)


class MemoryEventStore:
    """One process's view of the log. Every call gives way to others before it looks."""

    def __init__(self, log: MemoryLog, codec: Codec | None = None) -> None:
        self._log = log
        self._codec = codec or Codec()

    def _recorded(self, row: Row) -> Recorded:
        event = self._codec.decode(*row.encoded)
        where = row.position, row.stream, row.version
        return Recorded(*where, event, row.at, row.subject, row.late)

    async def last_events(self, streams: Collection[Stream]) -> dict[Stream, Recorded]:
        await asyncio.sleep(0)
        found = {stream: self._log.streams.get(stream) for stream in streams}
        return {stream: self._recorded(rows[-1]) for stream, rows in found.items() if rows}

    async def results(self, command_ids: Collection[UUID]) -> dict[UUID, StoredResult]:
        await asyncio.sleep(0)
        return {key: self._log.answers[key] for key in command_ids if key in self._log.answers}

    async def append(self, batch: Sequence[Append]) -> list[Position | None]:
        await asyncio.sleep(0)
        refused = self._refused(batch)
        latest = self._log.now() + AHEAD_MAX
        for number, append in enumerate(batch):
            stored = append.events and number not in refused
            for at in {event.at or append.at for event in append.events}:
                if stored and not TIME_MIN <= at <= latest:
                    raise ValueError(f"an event is of {at}")
        positions = [
            None if number in refused else self._store(append)
            for number, append in enumerate(batch)
        ]
        await asyncio.sleep(0)
        return positions

    async def taken(self, command_ids: Collection[str]) -> set[str]:
        await asyncio.sleep(0)
        return {one for one in command_ids if UUID(one) in self._log.answers}

    async def append_whole(self, whole: Whole) -> bool:
        await asyncio.sleep(0)
        batch = []
        for part in whole.parts:
            result = part.version + (part.event is not None)
            keyed = KeyedResult(UUID(part.command_id), b"", part.outcome, part.stream, result)
            events = [] if part.event is None else [_addition(part)]
            batch.append(Append(events, whole.meta, part.at, {}, keyed))
        guarded = any(self._version(one) != version for one, version in whole.guards.items())
        ids = [part.command_id for part in whole.parts]
        if guarded or len(set(ids)) < len(ids) or self._refused(batch):
            return False
        await self.append(batch)
        return True

    def _refused(self, batch: Sequence[Append]) -> set[int]:
        """The appends that fall: by a stream that moved, a key that is taken, or one another."""
        relied, lost = [], set()
        added: Counter[Stream] = Counter()
        for append in batch:
            places = list(_relied(append, added))
            relied.append({stream for stream, _ in places})
            lost |= {stream for stream, version in places if version != self._version(stream)}
        refused = {number for number, append in enumerate(batch) if self._taken(append)}
        while True:
            lost |= {event.stream for number in refused for event in batch[number].events}
            more = {number for number, streams in enumerate(relied) if streams & lost} - refused
            if not more:
                return refused
            refused |= more

    def _version(self, stream: Stream) -> int:
        return len(self._log.streams.get(stream, ()))

    def _taken(self, append: Append) -> bool:
        return append.keyed is not None and append.keyed.command_id in self._log.answers

    def _store(self, append: Append) -> Position:
        for event in append.events:
            at = event.at or append.at
            late = self._log.now() - at > IN_TIME_MAX
            rows = self._log.streams.setdefault(event.stream, [])
            place = len(self._log.rows) + 1, event.stream, len(rows) + 1
            row = Row(*place, self._codec.encode(event.event), at, event.subject, late)
            rows.append(row)
            self._log.rows.append(row)
        if append.keyed is not None:
            keyed = append.keyed
            rows = self._log.streams.get(keyed.stream, [])
            position = rows[keyed.version - 1].position if keyed.version else 0
            self._log.answers[keyed.command_id] = StoredResult(
                keyed.fingerprint, keyed.outcome, position
            )
        return len(self._log.rows) if append.events else 0

    async def after(self, position: Position, limit: int) -> AsyncIterator[list[Recorded]]:
        while rows := self._log.rows[position : position + limit]:
            await asyncio.sleep(0)
            position += len(rows)
            yield [self._recorded(row) for row in rows]

    async def columns(
        self, position: Position, limit: int
    ) -> AsyncIterator[tuple[Sequence[str], Columns]]:
        while len(rows := self._log.rows[position : position + limit]) == limit:
            await asyncio.sleep(0)
            position += limit
            columns = Columns.of([*map(self._recorded, rows)])
            short = [len(row.encoded[2]) <= SHORT for row in rows]
            pairs = zip(columns.events, short, strict=True)
            events = [event if is_short else None for event, is_short in pairs]
            yield [row.subject for row in rows], replace(columns, events=events)

    async def count_events(self, asked: CountQuery) -> list[EventCount]:
        await asyncio.sleep(0)
        found: dict[tuple[Any, bytes], list[Row]] = {}
        for row in self._log.rows[max(asked.first - 1, 0) : asked.last]:
            about = self._is_about(row, asked.subject, asked.types) and row.late == asked.late
            within = asked.since <= row.at <= asked.until
            if about and within and row.position not in asked.without:
                event = self._recorded(row).event
                said = msgspec.to_builtins(event)
                said = {name: said[name] for name in said.keys() - set(asked.apart_from)}
                alike = type(event), msgspec.json.encode(said, order="sorted")
                found.setdefault(alike, []).append(row)
        return [
            EventCount(msgspec.json.decode(said, type=kind), len(rows), rows[-1].position)
            for (kind, said), rows in found.items()
        ]

    async def last_about(
        self, subject: str, types: Sequence[type], position: Position, limit: int
    ) -> list[Recorded]:
        await asyncio.sleep(0)
        rows = [row for row in self._log.rows[:position] if self._is_about(row, subject, types)]
        return [self._recorded(row) for row in rows[-limit:]]

    async def last_of_stream(self, stream: Stream, limit: int) -> list[Recorded]:
        await asyncio.sleep(0)
        rows = [row for row in self._log.rows if row.stream == stream]
        return [self._recorded(row) for row in rows[-limit:]]

    async def about(
        self, subject: str, types: Sequence[type], after: Position, limit: int
    ) -> list[Recorded]:
        await asyncio.sleep(0)
        rows = [row for row in self._log.rows[after:] if self._is_about(row, subject, types)]
        return [self._recorded(row) for row in rows[:limit]]

    def _is_about(self, row: Row, subject: str, types: Sequence[type]) -> bool:
        return row.subject == subject and isinstance(self._recorded(row).event, tuple(types))

    async def standing(
        self, subject: str, types: Sequence[type], after: Position, until: Position, limit: int
    ) -> tuple[list[Recorded], Position]:
        await asyncio.sleep(0)
        rows = [row for row in self._log.rows[after:until] if self._is_about(row, subject, types)]
        reached = rows[limit - 1].position if len(rows) >= limit else until
        last = {row.stream: row.position for row in self._log.rows[:until]}
        standing = [row for row in rows[:limit] if row.position == last[row.stream]]
        return [self._recorded(row) for row in standing], reached

    async def unfinished(self, prefix: str, limit: int) -> list[Unfinished]:
        ends = await self.last_of_prefix(prefix, len(self._log.streams))
        found = [Unfinished(end, self._log.consumers.get(end.stream, 0)) for end in ends]
        behind = [one for one in found if one.reached < one.last.position]
        return sorted(behind, key=lambda one: one.last.position)[:limit]

    async def reached(self, consumer: str) -> Position:
        await asyncio.sleep(0)
        return self._log.consumers.get(consumer, 0)

    async def finish(self, consumer: str, position: Position) -> None:
        await asyncio.sleep(0)
        self._log.consumers[consumer] = max(self._log.consumers.get(consumer, 0), position)

    async def last_of_prefix(
        self, prefix: str, limit: int, after: Stream | None = None
    ) -> list[Recorded]:
        await asyncio.sleep(0)
        names = sorted(name for name, rows in self._log.streams.items() if rows)
        found = [name for name in names if name.startswith(prefix) and name > (after or "")][:limit]
        return [self._recorded(self._log.streams[name][-1]) for name in found]

    async def head(self) -> Position:
        await asyncio.sleep(0)
        return len(self._log.rows)

    async def epoch(self) -> str:
        return "inmemory"

    async def at(self, positions: Collection[Position]) -> list[Recorded]:
        await asyncio.sleep(0)
        return [self._recorded(row) for row in self._log.rows if row.position in positions]


def _addition(part: Part) -> Addition:
    return Addition(part.stream, part.version, part.subject, part.event)


def _relied(append: Append, added: Counter[Stream]) -> Iterator[tuple[Stream, int]]:
    """Streams, and the version of each before the batch with which the append follows.

    `added` is how many events the batch has added to them, those of this append counted in.
    """
    for stream, version in append.guards.items():
        yield stream, version - added[stream]
    keyed = append.keyed
    if keyed is not None and not append.events and added[keyed.stream]:
        yield keyed.stream, keyed.version - added[keyed.stream]
    for event in append.events:
        yield event.stream, event.version - added[event.stream]
        added[event.stream] += 1
