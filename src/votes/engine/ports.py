"""What the application needs from the outside, and how the outside fails."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from msgspec import Struct

from votes.engine.log import Position, Recorded, Stream


class Unavailable(Exception):
    """A store cannot be asked now.

    After a write the outcome is unknown: the same command again settles it.
    """


class Meta(Struct, frozen=True, omit_defaults=True):
    """Where an event comes from: who asked (unless its stream says so), in which request, because
    of what."""

    actor: str | None = None
    request: str | None = None
    causation: str | None = None


class Answered(Struct, frozen=True):
    """What a command with an idempotency key was answered: `outcome` is JSON."""

    fingerprint: bytes
    outcome: str
    position: Position


class Keyed(Struct, frozen=True):
    """An answer to keep under a command's id, given at `version` of a stream (0: no event)."""

    command_id: UUID
    fingerprint: bytes
    outcome: str
    stream: Stream
    version: int


class Addition(Struct, frozen=True, gc=False):
    """An event to be: it follows `version` of its stream (0: it is the first)."""

    stream: Stream
    version: int
    subject: str
    event: Any


class Append(Struct, frozen=True):
    """What one command adds, all or nothing: events, and perhaps an answer to keep.

    `guards` are the streams that it was decided on without adding to them, and the version at
    which each stood (0: no event).
    """

    events: Sequence[Addition]
    meta: Meta
    at: datetime
    guards: Mapping[Stream, int] = {}
    keyed: Keyed | None = None


class AlikeOf(Struct, frozen=True):
    """Events about the subject, of these types, late or not, at the positions `first` to `last` and
    of the times `since` to `until`; those at the positions `without` are left out."""

    subject: str
    types: Sequence[type]
    late: bool
    first: Position
    last: Position
    since: datetime
    until: datetime
    without: Collection[Position] = ()


class Alike(Struct, frozen=True):
    """`count` events that say the same, the last of them at `position`."""

    event: Any
    count: int
    position: Position


class EventStore(Protocol):
    """The log. All methods raise `Unavailable` when it does not answer."""

    async def last_events(self, streams: Collection[Stream]) -> dict[Stream, Recorded]:
        """The last event of each stream that has one."""
        ...

    async def answers(self, command_ids: Collection[UUID]) -> dict[UUID, Answered]:
        """What these commands were answered, as far as they were."""
        ...

    async def append(self, batch: Sequence[Append]) -> list[Position | None]:
        """Store the batch durably, in order; for each its last position, None where refused.

        Refused is what adds to a stream that has moved, or is guarded by one; what has a command
        id that is taken; and what adds to, or is guarded by, a stream to which a refused append
        would have added. Nothing of it is stored, and all of the others. An answer alone relies
        on no stream but on what the batch adds before it to the stream of the answer; its
        position says nothing but that it was stored.

        Raises `ValueError` where an event to be stored is of before 1970 or more than an hour to
        come: nothing of the batch is stored.
        """
        ...

    def after(self, position: Position, limit: int) -> AsyncIterator[list[Recorded]]:
        """Events after the position in order, in lists of about `limit`, up to the head.

        What cannot be read is an `Unreadable`, positions without any event among it.
        """
        ...

    async def alike(self, asked: AlikeOf) -> list[Alike]:
        """The events asked for, counted."""
        ...

    async def last_about(
        self, subject: str, types: Sequence[type], position: Position, limit: int
    ) -> list[Recorded]:
        """The last events about the subject, of these types, up to the position, in order."""
        ...

    async def last_of_prefix(self, prefix: str, limit: int) -> list[Recorded]:
        """The last event of each stream that begins with the prefix, at most `limit`."""
        ...

    async def head(self) -> Position:
        """The last position, 0 in an empty log."""
        ...

    async def epoch(self) -> str:
        """Which log this is."""
        ...

    async def at(self, positions: Collection[Position]) -> list[Recorded]:
        """The events at these positions, as far as there are any, in order."""
        ...
