"""The log's types: positions, streams, recorded events."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, NewType

from msgspec import Meta, Struct

POSITION_MAX = 2**63 - 1
TIME_MIN = datetime(1970, 1, 1, tzinfo=UTC)
"""No event happened before this."""
TIME_END = datetime(2200, 1, 1, tzinfo=UTC)
"""Every event happened before this."""
REASON_LENGTH_MAX = 200

Position = Annotated[
    int,
    Meta(
        ge=0,
        le=POSITION_MAX,
        description="A place in the log's one order.",
        extra_json_schema={"format": "int64"},
    ),
]
Stream = NewType("Stream", str)


class Recorded(Struct, frozen=True, gc=False):
    """An event in the log.

    `position` is its place in the one order of all events, `version` its place in its stream
    (from 1), `at` the time (UTC) at which it happened, `subject` what it is about. A `late` event
    was stored more than ten minutes after `at`, as imported events are.
    """

    position: Position
    stream: Stream
    version: int
    event: Any
    at: datetime
    subject: str = ""
    late: bool = False


class Columns(Struct, frozen=True, gc=False):
    """Events in order, without their streams: each list has one item an event.

    `seconds` are their times, since 1970 (UTC). Equal events are mostly the same object. The event
    is None where it has to be read by its position.
    """

    positions: Sequence[Position]
    events: Sequence[Any]
    seconds: Sequence[float]
    lates: Sequence[bool]

    @classmethod
    def of(cls, events: Sequence[Recorded]) -> "Columns":
        """The columns of these events."""
        return cls(
            [recorded.position for recorded in events],
            [recorded.event for recorded in events],
            [recorded.at.timestamp() for recorded in events],
            [recorded.late for recorded in events],
        )


class Unreadable(Struct, frozen=True):
    """An event in the log that this release cannot read, and why.

    A newer release may have written it, or another program.
    """

    type: str
    schema: int
    reason: str

    @property
    def kind(self) -> str:
        return f"{self.type}/{self.schema}"


def reason_of(error: Exception) -> str:
    """An error in at most `REASON_LENGTH_MAX` characters."""
    return f"{type(error).__name__}: {error}"[:REASON_LENGTH_MAX]
