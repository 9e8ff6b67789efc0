"""The event store in memory, for tests: it keeps and refuses what Postgres keeps and refuses."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

import msgspec
from msgspec import Struct, field

from votes.engine.log import TIME_MIN, Position, Recorded, Stream
from votes.engine.ports import Alike, AlikeOf, Answered, Append
from votes.store.codec import Codec

LATE_MAX = timedelta(hours=1)


class Row(Struct, frozen=True):
    position: Position
    stream: Stream
    version: int
    event_id: UUID
    encoded: tuple[str, int, str]
    at: datetime


class MemoryLog(Struct):
    """What all stores on one log share."""

    rows: list[Row] = field(default_factory=list)
    streams: dict[Stream, list[Row]] = field(default_factory=dict)
    event_ids: set[UUID] = field(default_factory=set)
    answers: dict[UUID, Answered] = field(default_factory=dict)


class MemoryEventStore:
    """One process's view of the log. Every call gives way to others before it looks."""

    def __init__(
        self, log: MemoryLog, new_id: Callable[[], UUID] = uuid4, codec: Codec | None = None
    ) -> None:
        self._log = log
        self._new_id = new_id
        self._codec = codec or Codec()

    def _recorded(self, row: Row) -> Recorded:
        event = self._codec.decode(*row.encoded)
        return Recorded(row.position, row.stream, row.version, event, row.at)

    async def last_events(self, streams: Collection[Stream]) -> dict[Stream, Recorded]:
        await asyncio.sleep(0)
        found = {stream: self._log.streams.get(stream) for stream in streams}
        return {stream: self._recorded(rows[-1]) for stream, rows in found.items() if rows}

    async def answers(self, command_ids: Collection[UUID]) -> dict[UUID, Answered]:
        await asyncio.sleep(0)
        return {key: self._log.answers[key] for key in command_ids if key in self._log.answers}

    async def append(self, batch: Sequence[Append]) -> list[Position | None]:
        await asyncio.sleep(0)
        for append in batch:
            if append.events and not TIME_MIN <= append.at <= datetime.now(UTC) + LATE_MAX:
                raise ValueError(f"an event is of {append.at}")
        refused = {append.stream for append in batch if self._taken(append)} | self._moved(batch)
        positions = [None if append.stream in refused else self._store(append) for append in batch]
        await asyncio.sleep(0)
        return positions

    def _moved(self, batch: Sequence[Append]) -> set[Stream]:
        """The streams whose new events do not follow the last one, version by version."""
        versions: dict[Stream, int] = {}
        moved = set()
        for append in batch:
            if append.events:
                last = versions.get(append.stream, len(self._log.streams.get(append.stream, ())))
                if append.version != last:
                    moved.add(append.stream)
                versions[append.stream] = append.version + len(append.events)
        return moved

    def _taken(self, append: Append) -> bool:
        return (append.keyed is not None and append.keyed.command_id in self._log.answers) or any(
            event_id in self._log.event_ids for event_id in self._event_ids(append)
        )

    def _event_ids(self, append: Append) -> list[UUID]:
        if append.keyed is None:
            return [self._new_id() for _ in append.events]
        return [uuid5(append.keyed.command_id, str(number)) for number in range(len(append.events))]

    def _store(self, append: Append) -> Position:
        rows = self._log.streams.setdefault(append.stream, [])
        for event, event_id in zip(append.events, self._event_ids(append), strict=True):
            place = len(self._log.rows) + 1, append.stream, len(rows) + 1
            row = Row(*place, event_id, self._codec.encode(event), append.at)
            rows.append(row)
            self._log.rows.append(row)
            self._log.event_ids.add(event_id)
        if append.keyed is not None:
            keyed = append.keyed
            position = rows[keyed.version - 1].position if keyed.version else 0
            self._log.answers[keyed.command_id] = Answered(
                keyed.fingerprint, keyed.outcome, position
            )
        return len(self._log.rows) if append.events else 0

    async def after(self, position: Position, limit: int) -> AsyncIterator[list[Recorded]]:
        while rows := self._log.rows[position : position + limit]:
            await asyncio.sleep(0)
            position += len(rows)
            yield [self._recorded(row) for row in rows]

    async def alike(self, asked: AlikeOf) -> list[Alike]:
        await asyncio.sleep(0)
        found: dict[Any, list[Row]] = {}
        for row in self._log.rows[: asked.position]:
            inside = row.stream.startswith(asked.prefix) and row.at <= asked.until
            if inside and row.position not in asked.without:
                event = msgspec.structs.replace(self._recorded(row).event, **asked.masked)
                stretch = max((row.at - asked.since) // asked.width, -1)
                found.setdefault((event, stretch), []).append(row)
        return [Alike(*key, len(rows), rows[-1].position) for key, rows in found.items()]

    async def last_of_prefix(self, prefix: str, limit: int) -> list[Recorded]:
        await asyncio.sleep(0)
        names = sorted(name for name, rows in self._log.streams.items() if rows)
        found = [name for name in names if name.startswith(prefix)][:limit]
        return [self._recorded(self._log.streams[name][-1]) for name in found]

    async def head(self) -> Position:
        await asyncio.sleep(0)
        return len(self._log.rows)

    async def epoch(self) -> str:
        return "inmemory"

    async def at(self, positions: Collection[Position]) -> list[Recorded]:
        await asyncio.sleep(0)
        return [self._recorded(row) for row in self._log.rows if row.position in positions]
