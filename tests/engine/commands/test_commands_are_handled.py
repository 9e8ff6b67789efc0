"""Load, decide, append: what becomes of the commands of a batch."""

from itertools import cycle

import pytest
from hypothesis import given

from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.domain import arbitrary
from tests.domain.histories import START, commands
from tests.domain.names import ANN, ATLAS
from tests.engine.commands.products import each_product
from tests.engine.commands.sending import (
    append_to,
    cast,
    delisted,
    everything,
    listed,
    obeyed,
    refusal,
    request,
    retract,
)
from votes.domain.bookmarks.bookmark import KeepBookmark
from votes.domain.events import EVENT_TYPES
from votes.domain.tool import Tool
from votes.domain.vote import Vote
from votes.domain.vote_events import VoteCast
from votes.engine.batcher import ATTEMPTS_MAX, BATCH_COMMANDS_MAX, CONTENDED
from votes.engine.bulk import submit_all
from votes.engine.decider import Rejected
from votes.engine.handle import Outcome, handle
from votes.engine.log import Stream, Unreadable
from votes.engine.ports import Append, KeyedResult, Meta
from votes.store.codec import Codec


async def test_each_command_is_answered_for_itself(log):
    batch = [listed(), cast("ann", "ship"), cast("bob", "skip", tool="bolt"), retract("cyd")]
    tool, ann, bob, cyd = await submit_all(log, batch)
    one = obeyed(tool)
    assert (type(one.before), one.before.listed, one.after.listed) == (Tool, None, True)
    assert ann == Outcome(Vote(True), Vote(True, "ship"), changed=True, position=3)
    assert refusal(bob) == "tool_unknown"
    assert cyd == Outcome(Vote(True), Vote(True), changed=False, position=0)
    assert await log.head() == 3


@each_product
async def test_a_command_sees_what_those_before_it_in_the_batch_lead_to(log, product):
    here, there = product.values
    put, clear = product.put, product.clear
    batch = [product.first(), put("ann", here), put("ann", there), put("ann", there), clear("ann")]
    answers = list(map(obeyed, await submit_all(log, batch)))
    assert [answer.changed for answer in answers] == [True, True, True, False, True]
    assert answers[3].position == answers[2].position
    assert [r.version for r in await everything(log)][product.opening :] == [1, 2, 3]


async def test_a_command_sees_what_those_before_it_did_to_its_other_streams(log):
    batch = [listed(), cast("ann", "ship"), delisted(), cast("ann", "skip")]
    *others, last = await submit_all(log, batch)
    assert [obeyed(answer).changed for answer in others] == [True, True, True]
    assert refusal(last) == "tool_unknown"


@each_product
async def test_what_changes_nothing_stands_at_the_streams_last_event(log, product):
    here, _ = product.values
    people = [product.put(who, here) for who in ("ann", "bob", "cyd")]
    await submit_all(log, [product.first(), *people])
    again = obeyed(*await submit_all(log, [product.put("ann", here)]))
    assert (again.changed, again.position) == (False, product.opening + 1)
    assert again.before == again.after
    assert product.of(again.after) == here


@each_product
async def test_a_command_that_lost_a_race_is_decided_anew(processes, product):
    mine, theirs = processes.store(), processes.store()
    here, there = product.values
    await submit_all(mine, [product.first()])
    raced = LosesRace(mine, theirs, [product.put("ann", there)])
    batch = [product.put("ann", here), product.put("bob", here)]
    lost, won = await handle(raced, batch)
    assert lost is None
    assert obeyed(won).position == product.opening + 2
    retried = obeyed(*await submit_all(mine, batch[:1]))
    assert (product.of(retried.before), product.of(retried.after)) == (there, here)


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

    def __init__(self, product):
        self._product, self._values = product, cycle(reversed(product.values))

    def __iter__(self):
        return iter([self._product.put("ann", next(self._values))])


@each_product
async def test_the_attempts_are_bounded(processes, product):
    mine, theirs = processes.store(), processes.store()
    await submit_all(mine, [product.first(), product.put("ann", product.values[0])])
    raced = LosesRace(mine, theirs, TurnsAbout(product), rounds=10 * ATTEMPTS_MAX)
    assert await submit_all(raced, [product.clear("ann")]) == [CONTENDED]
    streams = [recorded.stream for recorded in await everything(mine)]
    assert streams[product.opening :] == [product.stream("ann")] * (1 + ATTEMPTS_MAX)


@each_product
async def test_more_commands_than_a_batch_holds_are_handled_in_order(log, product):
    names = [f"v{number}" for number in range(BATCH_COMMANDS_MAX + 10)]
    asked = [product.put(name, product.values[0]) for name in names]
    answers = map(obeyed, await submit_all(log, [product.first(), *asked]))
    first = product.opening
    assert [answer.position for answer in answers] == list(range(first, first + len(names) + 1))
    streams = [recorded.stream for recorded in await everything(log)]
    assert streams[first:] == [product.stream(name) for name in names]


async def test_what_a_newer_release_wrote_is_not_decided_on(processes):
    known = tuple(kind for kind in EVENT_TYPES if kind is not VoteCast)
    newer, older = processes.store(), processes.store(codec=Codec(known))
    await submit_all(newer, [listed(), cast("ann", "ship")])
    (answer,) = await submit_all(older, [cast("ann", "skip")])
    assert (refusal(answer), await newer.head()) == ("written_by_newer_release", 3)
    (other,) = await submit_all(older, [retract("bob")])
    assert not obeyed(other).changed


async def test_no_commands_are_no_work(log):
    assert await submit_all(log, []) == []
    assert await handle(log, []) == []


async def test_where_an_event_comes_from_and_when_it_happened_is_kept(log):
    kept = KeepBookmark(ANN, ATLAS, b"x", START)
    await submit_all(log, [listed(), request(kept, at=START)])
    last = (await everything(log))[-1]
    assert (last.stream, last.at) == ("bookmark:ann:atlas", START)
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
    assert list(map(refusal, answers)) == ["idempotency_key_reused", "tool_unknown"]
    assert await everything(mine) == []


def keyed_elsewhere(wanted):
    """An append with the command id of the request, for another command."""
    keyed = KeyedResult(wanted.command_id, b"another", "[null,null,false]", Stream("tool:other"), 0)
    return Append([], Meta("other"), START, {}, keyed)


async def test_a_refusal_that_rests_on_an_event_of_the_batch_waits_for_it(processes):
    mine, theirs = processes.store(), processes.store()
    await submit_all(mine, [listed()])
    raced = LosesRace(mine, theirs, [listed(name="Revised")])
    first, second = await handle(raced, [delisted(), cast("ann", "ship")])
    assert first is None
    assert obeyed(second).changed


@given(command=commands, own=arbitrary.events, read=arbitrary.events)
async def test_whatever_stands_in_its_streams_a_command_is_answered(command, own, read):
    """As after a theft: an event of any type in any stream."""
    store, wanted = MemoryEventStore(MemoryLog()), request(command)
    for stream, event in zip(wanted.decider.streams(command), (own, read), strict=False):
        if not isinstance(event, Unreadable):
            await store.append([append_to(stream, 0, event)])
    (answer,) = await submit_all(store, [wanted])
    assert isinstance(answer, Outcome | Rejected)
