"""Commands to events, for all the commands of a batch: pure, between what is read and the append.

Commands on the same stream are decided one after another, each on the state that the one before
leaves. What each relied on without adding to it becomes a guard of its append.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, Generic
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from votes.engine.decider import Decider, Elsewhere, Rejected, State, fold
from votes.engine.heads import Head
from votes.engine.log import Position, Stream, Unreadable
from votes.engine.ports import Addition, Answered, Append, Keyed, Meta


class Request(Struct, frozen=True):
    """A command on its way.

    `command_id` comes from an idempotency key, `fingerprint` from all that was asked under it.
    """

    decider: Decider[Any, Any]
    command: Any
    meta: Meta
    at: datetime
    command_id: UUID | None = None
    fingerprint: bytes = b""


class Outcome(Struct, Generic[State], frozen=True):
    """What a command came to: the state before and after, and where the log then stood.

    `position` is that of the command's last event, or of the stream's when nothing changed.
    `repeated` says that this is the first answer once more, to a command with the same id.
    """

    before: State
    after: State
    changed: bool
    position: Position
    repeated: bool = False


Answer = Outcome[Any] | Rejected
Streams = tuple[Stream, ...]

KEY_REUSED = Rejected(
    "idempotency_key_reused", "This Idempotency-Key was used before, with another request."
)
_NEWER = Rejected(
    "written_by_newer_release",
    "A newer release, or another program, wrote to this last; this one cannot decide on it.",
)


class _Added(Struct, frozen=True, gc=False):
    """Where a new event stands: in append number `by`, with so many events of it to follow."""

    by: int
    followed_by: int = 0

    def position(self, positions: Sequence[Position | None]) -> Position | None:
        last = positions[self.by]
        return None if last is None else last - self.followed_by


class Decided(Struct, frozen=True, gc=False):
    """An answer that holds once append number `by` is stored, decided on the heads of `streams`.

    An outcome's position is that of the new event `at`, if it is of a new one. `appends` says
    whether the command has events to append.
    """

    answer: Answer
    streams: Streams
    appends: bool
    by: int | None
    at: _Added | None = None

    def settled(self, positions: Sequence[Position | None]) -> Answer | None:
        """The answer after the append; None where what it rests on was refused."""
        if self.by is not None and positions[self.by] is None:
            return None
        if isinstance(self.answer, Rejected) or self.at is None:
            return self.answer
        position = self.at.position(positions)
        return None if position is None else replace(self.answer, position=position)


class Batch:
    """The commands of a batch with their streams, decided as far as they can be stored at once.

    `heads` are those of all these streams, `answers` those that the commands had before.
    `decided` has an element for each of the first commands, at least one: an answer to be settled,
    one given before, or None for a command that has to wait for another with its id.
    """

    def __init__(
        self,
        asked: Sequence[tuple[Request, Streams]],
        heads: Mapping[Stream, Head],
        answers: Mapping[UUID, Answered],
    ) -> None:
        self.heads = dict(heads)
        self.added: dict[Stream, _Added] = {}
        self.appends: list[Append] = []
        self._answers = answers
        self._command_ids: set[UUID] = set()
        self.decided = [
            self._decide(request, streams)
            for request, streams in takewhile(lambda pair: not self._reads_added(pair[1]), asked)
        ]

    def standing(self, positions: Sequence[Position | None]) -> dict[Stream, Head]:
        """The heads after the append, but for those of streams where it was refused."""
        standing = {}
        for stream, head in self.heads.items():
            added = self.added.get(stream)
            if added is None:
                standing[stream] = head
            elif (position := added.position(positions)) is not None:
                standing[stream] = Head(head.event, head.version, position)
        return standing

    def _reads_added(self, streams: Streams) -> bool:
        """Whether a command reads, besides its own stream, one to which this batch adds."""
        return not self.added.keys().isdisjoint(streams[1:])

    def _state(self, request: Request, streams: Streams) -> Any:
        """The state that the command is decided on.

        Raises `ValueError` for an event that cannot be read, and what `assert_never` raises for one
        that these streams never hold.
        """
        heads = [self.heads[stream] for stream in (*streams[1:], streams[0])]
        events = [head.event for head in heads if head.version]
        if any(isinstance(event, Unreadable) for event in events):
            raise ValueError("an event cannot be read")
        return fold(request.decider, events)

    def _decide(self, request: Request, streams: Streams) -> Decided | Answer | None:
        if request.command_id is not None:
            answered = self._answers.get(request.command_id)
            if answered is not None:
                return _again(request, answered)
            if request.command_id in self._command_ids:
                return None
            self._command_ids.add(request.command_id)
        try:
            before = self._state(request, streams)
        except (AssertionError, ValueError):  # an event that no release of ours puts there
            return self._answered(_NEWER, streams)
        decision = request.decider.decide(request.command, before)
        if isinstance(decision, Rejected):
            return self._answered(decision, streams)
        if decision:
            return self._append(request, streams, before, decision)
        outcome = Outcome(before, before, False, self.heads[streams[0]].position)
        if request.command_id is None:
            return self._answered(outcome, streams)
        return self._keep(request, streams, outcome)

    def _answered(self, answer: Answer, streams: Streams) -> Decided:
        """Nothing to append; what the command's own stream holds may be new itself."""
        at = self.added.get(streams[0])
        return Decided(answer, streams, False, None if at is None else at.by, at)

    def _keep(self, request: Request, streams: Streams, outcome: Outcome[Any]) -> Decided:
        """Nothing to append but the answer, under the command's id."""
        own = streams[0]
        keyed = _keyed(request, outcome, own, self.heads[own].version)
        by = len(self.appends)
        self.appends.append(Append([], request.meta, request.at, {}, keyed))
        return Decided(outcome, streams, False, by, self.added.get(own))

    def _append(
        self, request: Request, streams: Streams, before: Any, decision: Sequence[Any]
    ) -> Decided:
        by, after = len(self.appends), before
        subject = request.decider.subject(request.command)
        additions = []
        for number, decided in enumerate(decision, 1):
            stream, event = _placed(decided, streams)
            after = request.decider.evolve(after, event)
            version = self.heads[stream].version
            additions.append(Addition(stream, version, subject, event))
            self.heads[stream] = Head(event, version + 1)
            self.added[stream] = _Added(by, len(decision) - number)
        onto = {addition.stream for addition in additions}
        guards = {stream: self.heads[stream].version for stream in streams if stream not in onto}
        outcome = Outcome(before, after, True, 0)
        last = additions[-1]
        keyed = _keyed(request, outcome, last.stream, last.version + 1)
        self.appends.append(Append(additions, request.meta, request.at, guards, keyed))
        return Decided(outcome, streams, True, by, self.added[last.stream])


def _placed(decided: Any, streams: Streams) -> tuple[Stream, Any]:
    """The stream that a decided event is for, and the event."""
    if not isinstance(decided, Elsewhere):
        return streams[0], decided
    if decided.stream not in streams:
        raise ValueError(f"an event for {decided.stream}, a stream that was not read")
    return decided.stream, decided.event


def _keyed(request: Request, outcome: Outcome[Any], stream: Stream, version: int) -> Keyed | None:
    if request.command_id is None:
        return None
    kept = msgspec.json.encode([outcome.before, outcome.after, outcome.changed]).decode()
    return Keyed(request.command_id, request.fingerprint, kept, stream, version)


def _again(request: Request, answered: Answered) -> Answer:
    """The first answer to a command with this id, if it was the same command."""
    if answered.fingerprint != request.fingerprint:
        return KEY_REUSED
    state = type(request.decider.initial)
    before, after, changed = msgspec.json.decode(
        answered.outcome,
        type=tuple[state, state, bool],  # type: ignore[valid-type]
    )
    return Outcome(before, after, changed, answered.position, repeated=True)
