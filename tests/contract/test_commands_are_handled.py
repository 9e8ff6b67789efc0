"""Load, decide, append: what becomes of the commands of a batch."""

import pytest
from hypothesis import given

from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.contract.requests import append_to, cast, delisted, everything, listed, request, retract
from tests.domain import arbitrary
from tests.domain.histories import START, commands
from votes.domain.bookmark import Annotations, KeepBookmark
from votes.domain.events import EVENT_TYPES
from votes.domain.tool import Tool
from votes.domain.vote import Vote, VoteCast
from votes.engine.batcher import ATTEMPTS_MAX, BATCH_COMMANDS_MAX, CONTENDED
from votes.engine.bulk import submit_all
from votes.engine.decider import Rejected
from votes.engine.handle import Outcome, handle
from votes.engine.log import Unreadable
from votes.engine.ports import Append, Keyed, Meta
from votes.store.codec import Codec


async def voters(store):
    return [
        r.stream.split(":")[2] for r in await everything(store) if isinstance(r.event, VoteCast)
    ]


async def test_each_command_is_answered_for_itself(log):
    batch = [listed(), cast("ann", "ship"), cast("bob", "skip", tool="bolt"), retract("cyd")]
    one, ann, bob, cyd = await submit_all(log, batch)
    assert (type(one.before), one.before.listed, one.after.listed) == (Tool, None, True)
    assert ann == Outcome(Vote(True), Vote(True, "ship"), changed=True, position=3)
    assert isinstance(bob, Rejected)
    assert bob.code == "tool_unknown"
    assert cyd == Outcome(Vote(True), Vote(True), changed=False, position=0)
    assert await log.head() == 3


async def test_a_command_sees_what_those_before_it_in_the_batch_lead_to(log):
    batch = [
        listed(),
        cast("ann", "ship"),
        cast("ann", "skip"),
        cast("ann", "skip"),
        retract("ann"),
    ]
    answers = await submit_all(log, [*batch, delisted(), cast("ann", "ship")])
    assert [getattr(answer, "changed", None) for answer in answers] == [
        *(True, True, True, False, True, True),
        None,
    ]
    assert answers[3].position == answers[2].position
    assert [r.version for r in await everything(log)] == [1, 1, 1, 2, 3, 2]


async def test_what_changes_nothing_stands_at_the_streams_last_event(log):
    await submit_all(log, [listed(), cast("ann", "ship"), cast("bob", "ship"), cast("cyd", "ship")])
    (again,) = await submit_all(log, [cast("ann", "ship")])
    assert again == Outcome(Vote(True, "ship"), Vote(True, "ship"), changed=False, position=3)


async def test_a_command_that_lost_a_race_is_decided_anew(processes):
    mine, theirs = processes.store(), processes.store()
    await submit_all(mine, [listed()])
    raced = LosesRace(mine, theirs, [cast("ann", "skip")])
    batch = [cast("ann", "ship"), cast("bob", "ship")]
    lost, won = await handle(raced, batch)
    assert lost is None
    assert won.position == 4
    (retried,) = await submit_all(mine, batch[:1])
    assert (retried.before.choice, retried.after.choice) == ("skip", "ship")


class LosesRace:
    """A store before whose every append another process is faster."""

    def __init__(self, store, others, requests, rounds=1):
        self._store, self._others, self._requests, self._rounds = store, others, requests, rounds

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def append(self, batch):
        if self._rounds:
            self._rounds -= 1
            for wanted in self._requests:
                await handle(self._others, [wanted])
        return await self._store.append(batch)


class TurnsAbout:
    """Requests that change something every time they are sent."""

    def __init__(self):
        self._choice = "ship"

    def __iter__(self):
        self._choice = "skip" if self._choice == "ship" else "ship"
        return iter([cast("ann", self._choice)])


async def test_the_attempts_are_bounded(processes):
    mine, theirs = processes.store(), processes.store()
    await submit_all(mine, [listed(), cast("ann", "ship")])
    raced = LosesRace(mine, theirs, TurnsAbout(), rounds=10 * ATTEMPTS_MAX)
    assert await submit_all(raced, [retract("ann")]) == [CONTENDED]
    assert len(await voters(mine)) == 1 + ATTEMPTS_MAX


async def test_more_commands_than_a_batch_holds_are_handled_in_order(log):
    names = [f"v{number}" for number in range(BATCH_COMMANDS_MAX + 10)]
    answers = await submit_all(log, [listed(), *(cast(name, "ship") for name in names)])
    assert [answer.position for answer in answers] == list(range(2, len(names) + 3))
    assert await voters(log) == names


async def test_what_a_newer_release_wrote_is_not_decided_on(processes):
    known = tuple(kind for kind in EVENT_TYPES if kind is not VoteCast)
    newer, older = processes.store(), processes.store(codec=Codec(known))
    await submit_all(newer, [listed(), cast("ann", "ship")])
    (answer,) = await submit_all(older, [cast("ann", "skip")])
    assert (answer.code, await newer.head()) == ("written_by_newer_release", 3)
    (other,) = await submit_all(older, [retract("bob")])
    assert not other.changed


async def test_no_commands_are_no_work(log):
    assert await submit_all(log, []) == []
    assert await handle(log, []) == []


async def test_where_an_event_comes_from_and_when_it_happened_is_kept(log):
    kept = KeepBookmark("ann", "atlas", Annotations("x"), START)
    await submit_all(log, [listed(), request(kept, at=START)])
    last = (await everything(log))[-1]
    assert (last.stream, last.at) == ("bookmark:3:ann:atlas", START)
    assert last.event.added_at == START


class TakesKeyFirst(LosesRace):
    """Another process uses the key of a command just before it is stored."""

    async def append(self, batch):
        if self._rounds:
            self._rounds -= 1
            await self._others.append(self._requests)
        return await self._store.append(batch)


@pytest.mark.parametrize("then", [cast("ann", "ship"), cast("ann", "ship", key="k2")])
async def test_nothing_is_decided_on_what_is_not_stored_yet(processes, then):
    """A tool whose listing is refused in the end has no vote: a tally begins at the listing."""
    mine, theirs = processes.store(), processes.store()
    wanted = listed(key="k")
    taken = keyed_elsewhere(wanted)
    answers = await submit_all(TakesKeyFirst(mine, theirs, [taken]), [wanted, then])
    assert [answer.code for answer in answers] == ["idempotency_key_reused", "tool_unknown"]
    assert await everything(mine) == []


def keyed_elsewhere(wanted):
    """An append with the command id of the request, for another command."""
    keyed = Keyed(wanted.command_id, b"another", "[null,null,false]", "tool:other", 0)
    return Append([], Meta("other"), START, {}, keyed)


async def test_a_refusal_that_rests_on_an_event_of_the_batch_waits_for_it(processes):
    mine, theirs = processes.store(), processes.store()
    await submit_all(mine, [listed()])
    raced = LosesRace(mine, theirs, [listed(name="Revised")])
    first, second = await handle(raced, [delisted(), cast("ann", "ship")])
    assert first is None
    assert second.changed


@given(command=commands, own=arbitrary.events, read=arbitrary.events)
async def test_whatever_stands_in_its_streams_a_command_is_answered(command, own, read):
    """As after a theft: an event of any type in any stream."""
    store, wanted = MemoryEventStore(MemoryLog()), request(command)
    for stream, event in zip(wanted.decider.streams(command), (own, read), strict=False):
        if not isinstance(event, Unreadable):
            await store.append([append_to(stream, 0, event)])
    (answer,) = await submit_all(store, [wanted])
    assert isinstance(answer, Outcome | Rejected)
