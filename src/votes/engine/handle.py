"""Commands to events: load, decide, append — for all the commands of a batch at once.

Two calls to the store serve a whole batch. Commands on the same stream are decided one after
another, each on the state that the one before leaves. Where another process was faster, the
store refuses the stream and its commands are decided again on what is there now. A command that
reads another stream to which the batch adds (a vote on a tool just listed) waits until that is
stored, and with it all that follow.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from votes.engine.decider import Decider, Rejected, fold
from votes.engine.log import Position, Stream, Unreadable
from votes.engine.ports import Answered, Append, EventStore, Keyed, Meta


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


class Outcome(Struct, frozen=True):
    """What a command came to: the state before and after, and where the log then stood.

    `position` is that of the command's last event, or of the stream's when nothing changed.
    `repeated` says that this is the first answer once more, to a command with the same id.
    """

    before: Any
    after: Any
    changed: bool
    position: Position
    repeated: bool = False


Answer = Outcome | Rejected
Streams = tuple[Stream, ...]

KEY_REUSED = Rejected(
    "idempotency_key_reused", "This Idempotency-Key was used before, with another request."
)
_NEWER = Rejected(
    "written_by_newer_release",
    "A newer release, or another program, wrote to this last; this one cannot decide on it.",
)


class _Head(Struct):
    """The last event of a stream; `added_by` is the append of this batch that adds it."""

    event: Any = None
    version: int = 0
    position: Position = 0
    added_by: int | None = None


class _Decided(Struct):
    """An outcome that holds once append number `by` is stored.

    `moved_by` is the append of this batch that added the last event of the command's stream.
    """

    outcome: Outcome
    by: int | None
    moved_by: int | None


class _Batch:
    """The state of one batch while its commands are decided."""

    def __init__(self, heads: dict[Stream, _Head], answers: dict[UUID, Answered]) -> None:
        self.heads = heads
        self.answers = answers
        self.command_ids: set[UUID] = set()
        self.appends: list[Append] = []

    def reads_unstored(self, streams: Streams) -> bool:
        """Whether a command reads, besides its own stream, one to which this batch adds."""
        for stream in streams[1:]:
            head = self.heads.get(stream)
            if head is not None and head.added_by is not None:
                return True
        return False

    def decide(self, request: Request, streams: Streams) -> _Decided | Answer | None:
        """The decision; None where it has to wait for the next batch."""
        if request.command_id is not None:
            answered = self.answers.get(request.command_id)
            if answered is not None:
                return _again(request, answered)
            if request.command_id in self.command_ids:
                return None
            self.command_ids.add(request.command_id)
        own, *reads = streams
        events = [self.heads[stream].event for stream in (*reads, own) if stream in self.heads]
        if any(isinstance(event, Unreadable) for event in events):
            return _NEWER
        before = fold(request.decider, events)
        decision = request.decider.decide(request.command, before)
        if isinstance(decision, Rejected):
            return decision
        return self._append(request, own, before, decision)

    def _append(
        self, request: Request, own: Stream, before: Any, events: Sequence[Any]
    ) -> _Decided:
        head = self.heads.get(own) or _Head()
        after = before
        for event in events:
            after = request.decider.evolve(after, event)
        outcome = Outcome(before, after, bool(events), head.position)
        by = head.added_by
        if events or request.command_id is not None:
            by = len(self.appends)
            keyed = _keyed(request, outcome, head, events)
            self.appends.append(Append(own, head.version, events, request.meta, request.at, keyed))
        if events:
            self.heads[own] = _Head(events[-1], head.version + len(events), 0, by)
        return _Decided(outcome, by, self.heads[own].added_by if own in self.heads else None)


def _keyed(request: Request, outcome: Outcome, head: _Head, events: Sequence[Any]) -> Keyed | None:
    if request.command_id is None:
        return None
    kept = msgspec.json.encode([outcome.before, outcome.after, outcome.changed]).decode()
    return Keyed(request.command_id, request.fingerprint, kept, head.version + len(events))


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


async def handle(store: EventStore, requests: Sequence[Request]) -> list[Answer | None]:
    """Decide and store a batch; an answer for each request, None for one to be tried again."""
    answers: list[Answer | None] = []
    while len(answers) < len(requests):
        answers += await _handle_first(store, requests[len(answers) :])
    return answers


async def _handle_first(store: EventStore, requests: Sequence[Request]) -> list[Answer | None]:
    """Answers to the first of the requests, at least one: to those that can be stored at once."""
    asked = [request.decider.streams(request.command) for request in requests]
    command_ids = {r.command_id for r in requests if r.command_id is not None}
    answers = await store.answers(command_ids) if command_ids else {}
    last = await store.last_events({stream for streams in asked for stream in streams})
    heads = {
        stream: _Head(recorded.event, recorded.version, recorded.position)
        for stream, recorded in last.items()
    }
    batch = _Batch(heads, answers)
    decided = [
        batch.decide(request, streams)
        for request, streams in takewhile(
            lambda pair: not batch.reads_unstored(pair[1]), zip(requests, asked, strict=True)
        )
    ]
    positions = await store.append(batch.appends) if batch.appends else []
    return [_settled(decision, positions) for decision in decided]


def _settled(
    decision: _Decided | Answer | None, positions: Sequence[Position | None]
) -> Answer | None:
    if not isinstance(decision, _Decided):
        return decision
    outcome, moved_by = decision.outcome, decision.moved_by
    if decision.by is not None and positions[decision.by] is None:
        return None
    position = outcome.position if moved_by is None else positions[moved_by]
    return None if position is None else replace(outcome, position=position)
