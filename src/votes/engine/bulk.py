"""Submits many commands in order, for imports: batch after batch."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from votes.engine.batcher import ATTEMPTS_MAX, BATCH_COMMANDS_MAX, CONTENDED
from votes.engine.decider import Decider, Rejected, fold
from votes.engine.deciding import ENDED, NEWER, outcome_json, readable
from votes.engine.handle import Request, Result, handle, read_heads
from votes.engine.heads import NOTHING, Head
from votes.engine.log import Stream
from votes.engine.ports import EventStore, Meta, Part, Whole

_encode = msgspec.json.Encoder().encode


async def submit_all(store: EventStore, requests: Sequence[Request]) -> list[Result]:
    """Return a result for each request.

    Raises `Unavailable`: the batches before the failed one are stored.
    """
    results: list[Result] = []
    for start in range(0, len(requests), BATCH_COMMANDS_MAX):
        results += await _settle(store, requests[start : start + BATCH_COMMANDS_MAX])
    return results


async def _settle(store: EventStore, batch: Sequence[Request]) -> list[Result]:
    results: list[Result | None] = [None] * len(batch)
    for _ in range(ATTEMPTS_MAX):
        pending = [number for number, result in enumerate(results) if result is None]
        if not pending:
            break
        handled = await handle(store, [batch[number] for number in pending])
        for number, result in zip(pending, handled, strict=True):
            results[number] = result
    return [CONTENDED if result is None else result for result in results]


class Alike(Struct, frozen=True, gc=False):
    """A command of an import: what is decided depends on `command` alone, which stands for all that
    are decided alike, and on its `streams`, its own first.

    `command_id` is in hexadecimal and stands for all that was sent. The rest is as in `Request`.
    """

    command: Any
    streams: tuple[Stream, ...]
    subject: str
    at: datetime
    command_id: str
    unless: tuple[Stream, ...] = ()


class _Decision(Struct, frozen=True):
    """Of the command on this head: the event, None where nothing changes, and the result to store;
    or a refusal."""

    command: Any
    head: Head
    event: Any = None
    outcome: str = ""
    refused: Rejected | None = None


class Bulk:
    """Submits the commands of an import, piece by piece: the same events and results as by
    `submit_all`, for less. Each command leads to one event at most, on its own stream.

    A piece is stored whole or not at all. As long as all is new, the same is assumed of the next
    piece, and not looked up: what was assumed wrongly stores nothing. So a piece may be decided
    while the one before it is being stored.
    """

    def __init__(self, store: EventStore, decider: Decider[Any, Any], meta: Meta) -> None:
        self._store, self._decider, self._meta = store, decider, meta
        self._all_new = True

    async def assume(self, commands: Sequence[Alike]) -> "Assumed | None":
        """Decide the commands as if all were new; None where that is not to be expected. Raises
        `Unavailable`."""
        if not self._all_new:
            return None
        own, others = _streams(commands)
        heads = dict.fromkeys(own, NOTHING) | await read_heads(self._store, others)
        deciding = _Deciding(self._decider, heads, set())
        results = [deciding.decide(one) for one in commands]
        refused = any(isinstance(one, Rejected) for one in results)
        return None if refused else Assumed(deciding, results)

    async def submit(
        self, commands: Sequence[Alike], assumed: "Assumed | None" = None
    ) -> list[bool | Rejected] | None:
        """Store what was `assumed` of the commands, or decide them on what is in the log.

        Return of each command whether it added an event; or None where nothing is stored, as
        something moved meanwhile. Raises `Unavailable`: then the outcome is unknown."""
        if assumed is not None and await self._append(assumed.deciding):
            return assumed.results
        own, others = _streams(commands)
        taken = await self._store.taken([one.command_id for one in commands])
        heads = await read_heads(self._store, own | others)
        self._all_new = not taken and not any(heads[stream].version for stream in own)
        deciding = _Deciding(self._decider, heads, taken)
        results = [deciding.decide(one) for one in commands]
        return results if not deciding.parts or await self._append(deciding) else None

    async def _append(self, deciding: "_Deciding") -> bool:
        return await self._store.append_whole(Whole(deciding.parts, self._meta, deciding.guards))


def _streams(commands: Sequence[Alike]) -> tuple[set[Stream], set[Stream]]:
    """The streams that the commands add to, and those that they only read."""
    own = {one.streams[0] for one in commands}
    return own, {stream for one in commands for stream in (*one.streams[1:], *one.unless)}


class _Deciding:
    """Decides commands one after another, each on what the one before it leaves: pure. What is
    alike is decided once."""

    def __init__(
        self, decider: Decider[Any, Any], heads: dict[Stream, Head], taken: set[str]
    ) -> None:
        assert decider.state_of is None
        assert not decider.keeps_time
        self.parts: list[Part] = []
        self.guards: dict[Stream, int] = {}
        self._decider, self._heads, self._taken = decider, heads, taken
        self._added: set[Stream] = set()
        self._bases: dict[tuple[Stream, ...], Any] = {}
        self._equal: dict[bytes, Any] = {}
        self._decisions: dict[tuple[int, int, int], _Decision] = {}

    def decide(self, one: Alike) -> bool | Rejected:
        """Whether the command adds an event."""
        if any(self._heads[stream].version for stream in one.unless):
            return ENDED
        if one.command_id in self._taken:
            return False
        own = one.streams[0]
        head, version = self._heads[own], self._heads[own].version
        try:
            base = self._base(one.streams[1:])
            alike = id(one.command), id(base), id(head.event)
            if alike not in self._decisions:
                self._decisions[alike] = self._decision(one.command, base, head)
        except (AssertionError, ValueError):  # as in `Batch`
            return NEWER
        decision = self._decisions[alike]
        if decision.refused is not None:
            return decision.refused
        event, keyed = decision.event, (one.command_id, decision.outcome)
        self.parts.append(Part(own, version, one.subject, event, one.at, *keyed))
        self._taken.add(one.command_id)
        self.guards.update(dict.fromkeys(one.unless, 0))
        if event is not None:
            self._heads[own] = Head(event, version + 1)
            self._added.add(own)
        elif own not in self._added:
            self.guards[own] = version
        return event is not None

    def _base(self, streams: tuple[Stream, ...]) -> Any:
        """The state after the last events of the streams that a command only reads, one object for
        equal states. Raises `ValueError`, or `AssertionError`, for an event that says nothing."""
        if streams not in self._bases:
            heads = {stream: self._heads[stream] for stream in streams}
            self.guards.update({stream: head.version for stream, head in heads.items()})
            base = fold(self._decider, readable(heads.values()))
            self._bases[streams] = self._equal.setdefault(_encode(base), base)
        return self._bases[streams]

    def _decision(self, command: Any, base: Any, head: Head) -> _Decision:
        before = fold(self._decider, readable([head]), base)
        decided = self._decider.decide(command, before)
        if isinstance(decided, Rejected):
            return _Decision(command, head, refused=decided)
        if not decided:
            return _Decision(command, head, outcome=outcome_json(before, before, changed=False))
        if len(decided) > 1:
            raise TypeError("what is submitted in bulk leads to one event at most")
        event = decided[0]
        after = self._decider.evolve(before, event)
        return _Decision(command, head, event, outcome_json(before, after, changed=True))


class Assumed(Struct, frozen=True):
    """What commands lead to if all are new: what to append, and whether each adds an event."""

    deciding: _Deciding
    results: list[bool | Rejected]
