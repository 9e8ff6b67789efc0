"""The words of the log: positions, streams, events as they stand there."""

from datetime import UTC, datetime
from typing import Annotated, Any, NewType

from msgspec import Meta, Struct

POSITION_MAX = 2**63 - 1
TIME_MIN = datetime(1970, 1, 1, tzinfo=UTC)
"""No event happened before."""
TIME_END = datetime(2200, 1, 1, tzinfo=UTC)
"""No event happened then or later."""
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
    """An event as it stands in the log.

    `position` is its place in the one order of all events, `version` its place in its stream
    (from 1), `at` the time (UTC) at which it happened, `subject` what it is about. `late` is
    whether it was stored more than ten minutes after `at`, as what is imported is.
    """

    position: Position
    stream: Stream
    version: int
    event: Any
    at: datetime
    subject: str = ""
    late: bool = False


class Unreadable(Struct, frozen=True):
    """What stands in the log where this release can read no event, and why it cannot.

    A newer release may have written it, or something that is no release of ours.
    """

    type: str
    schema: int
    reason: str

    @property
    def kind(self) -> str:
        return f"{self.type}/{self.schema}"


def told(error: Exception) -> str:
    """An error as a reason: short, whatever it quotes."""
    return f"{type(error).__name__}: {error}"[:REASON_LENGTH_MAX]
