"""Unmatched pages: what a user saved elsewhere and brought here, and that is no tool of ours.

Events have a page only encrypted with the user's key. Its stream is named after its content, so to
bring the same again changes nothing, and two that differ are both kept. The subject of the events
is the user.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Annotated, NewType, assert_never

from msgspec import Meta, Struct

from votes.domain.terms import PersonId
from votes.engine.decider import Decider
from votes.engine.log import Stream

PREFIX = "unmatched:"
UNMATCHED_MAX = 100_000
"""Of one user."""
_TIME_MAX = 0xFFFF_FFFF_FFFF
_ID = r"\A[0-9a-f]{12}-[0-9a-f]{32}\Z"
UnmatchedId = NewType(
    "UnmatchedId", Annotated[str, Meta(pattern=_ID, description="An unmatched page's id.")]
)
Sealed = bytes


def unmatched_id(sealed: Sealed, added_at: datetime | None) -> UnmatchedId:
    """The id of a page. In the order of their ids the newest come first, those without a time
    last."""
    milliseconds = int(added_at.timestamp() * 1_000) if added_at is not None else 0
    place = max(_TIME_MAX - milliseconds, 0)
    return UnmatchedId(f"{place:012x}-{sha256(sealed).hexdigest()[:32]}")


def prefix(user: PersonId) -> str:
    """The prefix of the streams of all unmatched pages of a user, and of no other stream."""
    return f"{PREFIX}{user}:"


def stream(user: PersonId, page: UnmatchedId) -> Stream:
    return Stream(f"{prefix(user)}{page}")


def parts_of(stream: Stream) -> tuple[PersonId, UnmatchedId]:
    """The user and the id of a page's stream. Raises `ValueError` for another stream."""
    kind, _, rest = stream.partition(":")
    user, colon, page = rest.partition(":")
    if f"{kind}:" != PREFIX or not colon:
        raise ValueError("not the stream of an unmatched page")
    return PersonId(user), UnmatchedId(page)


class UnmatchedKept(Struct, frozen=True):
    page: Sealed


class UnmatchedRemoved(Struct, frozen=True): ...


UnmatchedEvent = UnmatchedKept | UnmatchedRemoved
UNMATCHED_EVENTS = (UnmatchedKept, UnmatchedRemoved)


class Unmatched(Struct, frozen=True):
    kept: bool = False


class KeepUnmatched(Struct, frozen=True):
    user: PersonId
    id: UnmatchedId
    page: Sealed


class RemoveUnmatched(Struct, frozen=True):
    user: PersonId
    id: UnmatchedId


UnmatchedCommand = KeepUnmatched | RemoveUnmatched


def evolve(_: Unmatched, event: UnmatchedEvent) -> Unmatched:
    match event:
        case UnmatchedKept():
            return Unmatched(True)
        case UnmatchedRemoved():
            return Unmatched()
    assert_never(event)


def decide(command: UnmatchedCommand, state: Unmatched) -> Sequence[UnmatchedEvent]:
    match command:
        case KeepUnmatched(page=page):
            return [] if state.kept else [UnmatchedKept(page)]
        case RemoveUnmatched():
            return [UnmatchedRemoved()] if state.kept else []
    assert_never(command)


decider: Decider[UnmatchedCommand, Unmatched] = Decider(
    initial=Unmatched(),
    streams=lambda command: (stream(command.user, command.id),),
    subject=lambda command: command.user,
    evolve=evolve,
    decide=decide,
    owned=True,
)
