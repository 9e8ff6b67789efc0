"""The shape shared by all aggregates: a command and the folded state are decided into events."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from msgspec import Struct

from votes.engine.log import Stream

Command = TypeVar("Command")
State = TypeVar("State")


class Rejected(Struct, frozen=True):
    """A refusal is a value: `code` is stable and public, `detail` is for a reader."""

    code: str
    detail: str


class Elsewhere(Struct, frozen=True):
    """In a decision: an event for another of the streams that the command names."""

    stream: Stream
    event: Any


def _whole(command: Any) -> Any:
    return command


class Decider(Struct, Generic[Command, State], frozen=True):
    """The rules of one aggregate.

    `streams(command)` names the stream that the command appends to, then those that it only
    reads. `evolve` checks no rule; what it raises on, an event that these
    streams never hold, cannot be decided on.
    `decide` answers the events that the command leads to, none where nothing is to change; one
    for a stream that the command else only reads is an `Elsewhere`. `subject(command)` is what
    the events are about. `asked(command)` is the command without what the program itself has
    filled in, and so the same when the same is asked again. `owned` streams say in their names
    who appends to them, so their events need not.

    Every event says all that its stream's state holds, so the last event of a stream tells as
    much as all of them: a command reads one row a stream, however long its history.
    """

    initial: State
    streams: Callable[[Command], tuple[Stream, ...]]
    subject: Callable[[Command], str]
    evolve: Callable[[State, Any], State]
    decide: Callable[[Command, State], Sequence[Any] | Rejected]
    asked: Callable[[Command], Any] = _whole
    owned: bool = False


def fold(decider: Decider[Any, State], events: Iterable[Any]) -> State:
    """The state after the events, oldest first."""
    state = decider.initial
    for event in events:
        state = decider.evolve(state, event)
    return state
