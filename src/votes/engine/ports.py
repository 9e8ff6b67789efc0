"""The event store that the engine needs, and how it fails."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from msgspec import Struct

from votes.engine.log import Columns, Position, Recorded, Stream


class Unavailable(Exception):
    """A store does not respond now.

    After a write the outcome is unknown: the same command again settles it.
    """


class Meta(Struct, frozen=True, gc=False, omit_defaults=True):
    """Where an event comes from: who sent the command (unless its stream says so), in which
    request."""

    actor: str | None = None
    request: str | None = None


class StoredResult(Struct, frozen=True):
    """The result of an earlier command with an idempotency key: `outcome` is JSON."""

    fingerprint: bytes
    outcome: str
    position: Position


class KeyedResult(Struct, frozen=True):
    """A result to store under a command's id, from `version` of a stream (0: no event)."""

    command_id: UUID
    fingerprint: bytes
    outcome: str
    stream: Stream
    version: int


class Addition(Struct, frozen=True, gc=False):
    """An event to append after `version` of its stream (0: it is the first), of the time `at`;
    None for that of the append."""

    stream: Stream
    version: int
    subject: str
    event: Any
    at: datetime | None = None


class Append(Struct, frozen=True, gc=False):
    """What one command adds, all or nothing: events, and perhaps a result to store.

    `guards` are the streams that the command relied on without adding to them, each with its
    version then (0: no event).
    """

    events: Sequence[Addition]
    meta: Meta
    at: datetime
    guards: Mapping[Stream, int] = {}
    keyed: KeyedResult | None = None


class Part(Struct, frozen=True, gc=False):
    """What one command of an import adds after `version` of its stream: an event of the time `at`,
    or None where nothing changed, and the result to store under its id (in hexadecimal)."""

    stream: Stream
    version: int
    subject: str
    event: Any
    at: datetime
    command_id: str
    outcome: str


class Whole(Struct, frozen=True):
    """What many commands add, all or nothing. `guards` are the streams that they relied on without
    adding to them, each with its version in the log."""

    parts: Sequence[Part]
    meta: Meta
    guards: Mapping[Stream, int]


class CountQuery(Struct, frozen=True):
    """Selects events about the subject, of these types, late or not, at the positions `first` to
    `last` and the times `since` to `until`, without those at the positions `without`. Those that
    differ in the fields `apart_from` alone are equal; these need defaults."""

    subject: str
    types: Sequence[type]
    late: bool
    first: Position
    last: Position
    since: datetime
    until: datetime
    without: Collection[Position] = ()
    apart_from: Collection[str] = ()


class EventCount(Struct, frozen=True):
    """`count` events equal to `event`, which lacks the fields `apart_from`, the last of them at
    `position`."""

    event: Any
    count: int
    position: Position


class Unfinished(Struct, frozen=True):
    """A stream with events that the consumer of its name has not dealt with.

    `last` is its last event. The consumer has dealt with the log up to the position `reached`.
    """

    last: Recorded
    reached: Position


class EventStore(Protocol):
    """The log. All methods raise `Unavailable` when it does not respond."""

    async def last_events(self, streams: Collection[Stream]) -> dict[Stream, Recorded]:
        """The last event of each stream that has one."""
        ...

    async def results(self, command_ids: Collection[UUID]) -> dict[UUID, StoredResult]:
        """The stored results of those of these commands that have one."""
        ...

    async def append(self, batch: Sequence[Append]) -> list[Position | None]:
        """Store the batch durably, in order; return each append's last position, None if refused.

        An append is refused if it adds to, or is guarded by, a stream that has moved; if its
        command id is taken; or if it adds to, or is guarded by, a stream to which a refused append
        would have added. Nothing of a refused append is stored; all others are stored whole. An
        append with a result alone relies on no stream, only on the events that the batch adds
        before it to the stream of the result; its position only says that it was stored.

        Raises `ValueError` where an event's time is before 1970 or more than an hour from now:
        nothing of the batch is stored.
        """
        ...

    async def taken(self, command_ids: Collection[str]) -> set[str]:
        """Those of the command ids, in hexadecimal, that have a stored result."""
        ...

    async def append_whole(self, whole: Whole) -> bool:
        """Store all of it durably, in order; or nothing, and return False, where a stream has moved
        or a command id is taken. Raises `ValueError` as `append` does."""
        ...

    def after(self, position: Position, limit: int) -> AsyncIterator[list[Recorded]]:
        """The events after the position in order, in lists of about `limit`, up to the head.

        An event that cannot be read is an `Unreadable`, and so are positions without an event.
        """
        ...

    def columns(
        self, position: Position, limit: int
    ) -> AsyncIterator[tuple[Sequence[str], Columns]]:
        """The subjects and the columns of the events after the position, in order, exactly `limit`
        at a time. It ends where fewer are left, and where the next `limit` positions have a gap."""
        ...

    async def count_events(self, query: CountQuery) -> list[EventCount]:
        """The selected events, equal ones counted together."""
        ...

    async def last_about(
        self, subject: str, types: Sequence[type], position: Position, limit: int
    ) -> list[Recorded]:
        """The last events about the subject, of these types, up to the position, in order."""
        ...

    async def last_of_stream(self, stream: Stream, limit: int) -> list[Recorded]:
        """The last events of the stream, in order, at most `limit`."""
        ...

    async def about(
        self, subject: str, types: Sequence[type], after: Position, limit: int
    ) -> list[Recorded]:
        """The first events about the subject, of these types, after the position, in order."""
        ...

    async def standing(
        self, subject: str, types: Sequence[type], after: Position, until: Position, limit: int
    ) -> tuple[list[Recorded], Position]:
        """The events about the subject, of these types, that were the last of their stream at the
        position `until`: those of the next `limit` such events after the position `after`.

        Also returns the position from which to go on, `until` at the end.
        """
        ...

    async def unfinished(self, prefix: str, limit: int) -> list[Unfinished]:
        """Streams that begin with the prefix and have a consumer that is behind their last event,
        at most `limit`, in the order of these events."""
        ...

    async def reached(self, consumer: str) -> Position:
        """Up to which position the consumer has dealt with the log, 0 where it never began."""
        ...

    async def finish(self, consumer: str, position: Position) -> None:
        """Store that the consumer has dealt with the log up to the position, if it was behind."""
        ...

    async def last_of_prefix(
        self, prefix: str, limit: int, after: Stream | None = None
    ) -> list[Recorded]:
        """The last event of each stream that begins with the prefix, in the order of their names
        (by code points), at most `limit`; those of the streams after `after`, if it is given."""
        ...

    async def head(self) -> Position:
        """The last position, 0 in an empty log."""
        ...

    async def epoch(self) -> str:
        """Which log this is."""
        ...

    async def at(self, positions: Collection[Position]) -> list[Recorded]:
        """The events that exist at these positions, in order."""
        ...
