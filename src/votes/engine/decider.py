"""What every aggregate has: rules that decide from a command and the folded state on events."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from msgspec import Struct

from votes.engine.heads import Head
from votes.engine.log import Stream

Command = TypeVar("Command")
State = TypeVar("State")


class Rejected(Struct, frozen=True):
    """A refusal is a value: `code` is stable and public, `detail` is for a reader."""

    code: str
    detail: str


class ForStream(Struct, frozen=True):
    """In a decision: an event for one of the other streams that the command names. It has the time
    `at`, where that is given, and else that of the command's other events."""

    stream: Stream
    event: Any
    at: datetime | None = None


def _whole(command: Any) -> Any:
    return command


def _none(_: Any, __: tuple[Stream, ...]) -> tuple[Stream, ...]:
    return ()


class Decider(Struct, Generic[Command, State], frozen=True):
    """The rules of one aggregate.

    `streams(command)` names the stream that the command appends to, then the streams that it only
    reads. `evolve` checks no rule. It raises on an event that these streams never hold; a command
    on such a stream is refused. `decide` returns the events that the command leads to, none where
    nothing changes. An event for a stream after the first is a `ForStream`. `subject(command)` is
    what the events are about. `as_sent(command)` is the command without the values that the program
    itself filled in, so it is equal when a client repeats a request. The names of `owned` streams
    say who appends to them, so their events need not. With `keeps_time` the events have the time of
    the last event of the command's own stream, not that of the command. With `state_of` the state
    is made of the last events of all the streams at once, and `evolve` only of what comes after:
    for a command that compares streams of one kind, or times. `usually_empty(command, streams)` are
    those of its streams that most such commands find without an event: they need not be read first.

    Every event holds the whole state of its stream, so the last event of a stream is enough: a
    command reads one row a stream, however long its history.
    """

    initial: State
    streams: Callable[[Command], tuple[Stream, ...]]
    subject: Callable[[Command], str]
    evolve: Callable[[State, Any], State]
    decide: Callable[[Command, State], Sequence[Any] | Rejected]
    as_sent: Callable[[Command], Any] = _whole
    usually_empty: Callable[[Command, tuple[Stream, ...]], tuple[Stream, ...]] = _none
    owned: bool = False
    keeps_time: bool = False
    state_of: Callable[[Command, Mapping[Stream, Head]], State] | None = None


def fold(decider: Decider[Any, State], events: Iterable[Any], base: State | None = None) -> State:
    """The state after the events, oldest first, from `base` on, or from the initial state."""
    state = decider.initial if base is None else base
    for event in events:
        state = decider.evolve(state, event)
    return state


def state_of(
    decider: Decider[Command, State], command: Command, heads: Mapping[Stream, Head]
) -> State:
    """The state that the command is decided on, given the heads of its streams, its own first, and
    perhaps of others without an event."""
    if decider.state_of is not None:
        return decider.state_of(command, heads)
    own, *others = heads.values()
    return fold(decider, [head.event for head in (*others, own) if head.version])
