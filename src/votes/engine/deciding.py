"""Decides all the commands of a batch, between the read and the append: pure.

Commands on the same stream are decided one after another, each on the state that the previous one
leaves. A stream that a command relies on without adding to it becomes a guard of its append.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, Generic
from uuid import UUID

import msgspec
from msgspec import Struct

from votes.engine.decider import Decider, ForStream, Rejected, State, fold
from votes.engine.heads import Head
from votes.engine.log import Position, Stream, Unreadable
from votes.engine.ports import Addition, Append, KeyedResult, Meta, StoredResult


class Request(Struct, frozen=True, gc=False):
    """A command to handle at the time `at`.

    `command_id` comes from an idempotency key, `fingerprint` from the request sent with it. Once
    one of the streams `unless` has an event, the command is refused, also where it had a result
    before.
    """

    decider: Decider[Any, Any]
    command: Any
    meta: Meta
    at: datetime
    command_id: UUID | None = None
    fingerprint: bytes = b""
    unless: tuple[Stream, ...] = ()

    @property
    def streams(self) -> "Streams":
        """The streams that the command relies on; its own comes first."""
        return (*self.decider.streams(self.command), *self.unless)

    def usually_empty(self, streams: "Streams") -> "Streams":
        """Those of its streams that most such commands find without an event."""
        own = streams[: len(streams) - len(self.unless)]
        return (*self.decider.usually_empty(self.command, own), *self.unless)


class Outcome(Struct, Generic[State], frozen=True, gc=False):
    """The state before and after a command, and a position.

    `position` is that of the command's last event, or of the stream's last event when nothing
    changed. `repeated` says that this is the stored result of an earlier command with the same id.
    """

    before: State
    after: State
    changed: bool
    position: Position
    repeated: bool = False


Result = Outcome[Any] | Rejected
Streams = tuple[Stream, ...]

_encode = msgspec.json.Encoder().encode

KEY_REUSED = Rejected(
    "idempotency_key_reused", "This Idempotency-Key was used before, with another request."
)
ENDED = Rejected("ended", "Nothing more is written here.")
NEWER = Rejected(
    "written_by_newer_release",
    "A newer release, or another program, wrote to this last; this one cannot decide on it.",
)


class _Added(Struct, frozen=True, gc=False):
    """The place of a new event: append number `by`, with `followed_by` more events after it."""

    by: int
    followed_by: int = 0

    def position(self, positions: Sequence[Position | None]) -> Position | None:
        last = positions[self.by]
        return None if last is None else last - self.followed_by


class Decided(Struct, frozen=True, gc=False):
    """A result that holds once append number `by` is stored, decided on the heads of `streams`.

    The outcome's position is that of the new event `at`, if there is one. `appends` says whether
    the command has events to append.
    """

    result: Result
    streams: Streams
    appends: bool
    by: int | None
    at: _Added | None = None

    def result_after(self, positions: Sequence[Position | None]) -> Result | None:
        """The result, given the positions that the append returned; None where it was refused."""
        if self.by is not None and positions[self.by] is None:
            return None
        if isinstance(self.result, Rejected) or self.at is None:
            return self.result
        position = self.at.position(positions)
        if position is None:
            return None
        return Outcome(self.result.before, self.result.after, self.result.changed, position)


class Batch:
    """The commands of a batch, decided as far as one append can store them.

    `commands` are the commands with their streams, `heads` the heads of all these streams, `stored`
    the results of earlier commands with the same ids. `decided` has an element for each of the
    first commands, at least one: a decision, a stored result, or None for a command that waits for
    another one with its id.
    """

    def __init__(
        self,
        commands: Sequence[tuple[Request, Streams]],
        heads: Mapping[Stream, Head],
        stored: Mapping[UUID, StoredResult],
    ) -> None:
        self.heads = dict(heads)
        self.added: dict[Stream, _Added] = {}
        self.appends: list[Append] = []
        self._stored = stored
        self._command_ids: set[UUID] = set()
        self._bases: dict[tuple[int, Streams], Any] = {}
        """By decider and streams with events that its commands only read: the state after their
        last events. The batch adds to none of them while a command that reads them follows."""
        self.decided = [
            self._decide(request, streams)
            for request, streams in takewhile(lambda pair: not self._reads_added(pair[1]), commands)
        ]

    def heads_after(self, positions: Sequence[Position | None]) -> dict[Stream, Head]:
        """The heads after the append, without those of streams where it was refused."""
        heads = {}
        for stream, head in self.heads.items():
            added = self.added.get(stream)
            if added is None:
                heads[stream] = head
            elif (position := added.position(positions)) is not None:
                heads[stream] = Head(head.event, head.version, position, head.at)
        return heads

    def _reads_added(self, streams: Streams) -> bool:
        """Whether a command reads a stream, other than its own, to which this batch adds."""
        return not self.added.keys().isdisjoint(streams[1:])

    def _state(self, request: Request, streams: Streams) -> Any:
        """The state that the command is decided on.

        Raises `ValueError` for an event that cannot be read, and `AssertionError` for an event that
        these streams never hold.
        """
        decider, heads = request.decider, self.heads
        if decider.state_of is not None:
            each = {stream: heads[stream] for stream in streams}
            readable(each.values())
            return decider.state_of(request.command, each)
        others = tuple(stream for stream in streams[1:] if heads[stream].version)
        base = self._bases.get((id(decider), others))
        if base is None:
            base = fold(decider, readable(heads[stream] for stream in others))
            self._bases[id(decider), others] = base
        own = heads[streams[0]]
        return fold(decider, readable([own]), base) if own.version else base

    def _decide(self, request: Request, streams: Streams) -> Decided | Result | None:
        for stream in request.unless:
            if self.heads[stream].version:
                return self._no_append(ENDED, streams)
        if request.command_id is not None:
            stored = self._stored.get(request.command_id)
            if stored is not None:
                return _first_result(request, stored)
            if request.command_id in self._command_ids:
                return None
            self._command_ids.add(request.command_id)
        try:
            before = self._state(request, streams)
        except (AssertionError, ValueError):  # no release of ours puts this event there
            return self._no_append(NEWER, streams)
        decision = request.decider.decide(request.command, before)
        if isinstance(decision, Rejected):
            return self._no_append(decision, streams)
        if decision:
            return self._append(request, streams, before, decision)
        outcome = Outcome(before, before, False, self.heads[streams[0]].position)
        if request.command_id is None:
            return self._no_append(outcome, streams)
        return self._append_result(request, streams, outcome)

    def _no_append(self, result: Result, streams: Streams) -> Decided:
        """A decision without an append; it may rest on an event that this batch adds."""
        at = self.added.get(streams[0])
        return Decided(result, streams, False, None if at is None else at.by, at)

    def _append_result(self, request: Request, streams: Streams, outcome: Outcome[Any]) -> Decided:
        """An append of the result alone, under the command's id."""
        own = streams[0]
        keyed = _keyed(request, outcome, own, self.heads[own].version)
        by = len(self.appends)
        self.appends.append(Append([], request.meta, request.at, {}, keyed))
        return Decided(outcome, streams, False, by, self.added.get(own))

    def _append(
        self, request: Request, streams: Streams, before: Any, decision: Sequence[Any]
    ) -> Decided:
        by, after = len(self.appends), before
        at = self.heads[streams[0]].at if request.decider.keeps_time else request.at
        subject = request.decider.subject(request.command)
        additions = []
        for number, decided in enumerate(decision, 1):
            stream, event, its_at = _placed(decided, streams)
            after = request.decider.evolve(after, event)
            version = self.heads[stream].version
            additions.append(Addition(stream, version, subject, event, its_at))
            self.heads[stream] = Head(event, version + 1, at=its_at or at)
            self.added[stream] = _Added(by, len(decision) - number)
        onto = {addition.stream for addition in additions}
        guards = {stream: self.heads[stream].version for stream in streams if stream not in onto}
        outcome = Outcome(before, after, True, 0)
        last = additions[-1]
        keyed = _keyed(request, outcome, last.stream, last.version + 1)
        self.appends.append(Append(additions, request.meta, at, guards, keyed))
        return Decided(outcome, streams, True, by, self.added[last.stream])


def readable(heads: Iterable[Head]) -> list[Any]:
    """The last events of the streams that have one. Raises `ValueError` for one that cannot be
    read."""
    events = [head.event for head in heads if head.version]
    for event in events:
        if isinstance(event, Unreadable):
            raise ValueError("an event is unreadable")
    return events


def outcome_json(before: Any, after: Any, *, changed: bool) -> str:
    """What is stored of an outcome."""
    return _encode([before, after, changed]).decode()


def _placed(decided: Any, streams: Streams) -> tuple[Stream, Any, datetime | None]:
    """The stream that a decided event is for, the event, and its own time, if it has one."""
    if not isinstance(decided, ForStream):
        return streams[0], decided, None
    if decided.stream not in streams:
        raise ValueError(f"an event for {decided.stream}, a stream that was not read")
    return decided.stream, decided.event, decided.at


def _keyed(
    request: Request, outcome: Outcome[Any], stream: Stream, version: int
) -> KeyedResult | None:
    if request.command_id is None:
        return None
    encoded = outcome_json(outcome.before, outcome.after, changed=outcome.changed)
    return KeyedResult(request.command_id, request.fingerprint, encoded, stream, version)


def _first_result(request: Request, stored: StoredResult) -> Result:
    """The stored result of the first command with this id, if it was the same command."""
    if stored.fingerprint != request.fingerprint:
        return KEY_REUSED
    state = type(request.decider.initial)
    before, after, changed = msgspec.json.decode(
        stored.outcome,
        type=tuple[state, state, bool],  # type: ignore[valid-type]
    )
    return Outcome(before, after, changed, stored.position, repeated=True)
