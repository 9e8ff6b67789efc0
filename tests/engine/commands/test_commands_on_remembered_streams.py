"""A process decides on what it remembers; whatever that is, it comes out as if it remembered none.

Stale memory is planted: for each stream of a command any of the heads that it ever had, or none.
"""

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.domain.histories import Log
from tests.domain.names import ATLAS
from tests.engine.commands.products import PRODUCTS
from tests.engine.commands.sending import cast, delisted, everything, listed, obeyed, retract
from votes.domain import tool, vote
from votes.domain.terms import VoterId, visitor
from votes.domain.tool import Tool
from votes.domain.vote_events import VoteCast
from votes.engine.batcher import Batcher
from votes.engine.decider import ForStream, Rejected
from votes.engine.handle import Outcome, handle
from votes.engine.heads import NOTHING, Head, Heads
from votes.engine.log import Stream
from votes.engine.ports import Unavailable

FORGOTTEN = None
OF_ATLAS, OF_ANN = tool.stream(ATLAS), vote.stream(VoterId("ann"), ATLAS)


def heads_ever(recorded, stream):
    """All heads that the stream ever had, one that it lost, and that nothing is known of it."""
    own = [one for one in recorded if one.stream == stream]
    heads = [Head(one.event, one.version, one.position, one.at) for one in own]
    lost = Head(heads[0].event, heads[-1].version + 1, heads[-1].position + 100)
    return [FORGOTTEN, NOTHING, *heads, lost]


async def settled(store, wanted, heads):
    """The answer after at most one more attempt, and what was appended."""
    before = await store.head()
    (answer,) = await handle(store, [wanted], heads)
    if answer is None:
        (answer,) = await handle(store, [wanted], heads)
    after = [one async for some in store.after(before, 100) for one in some]
    return answer, [(one.version, one.event) for one in after]


def seen(thing, answer, appended):
    """What can be seen of an answer, but for the thing's name and the places in the log."""
    if isinstance(answer, Rejected):
        return answer.code, appended
    said = answer.before, answer.after, *appended
    return answer.changed, [str(one).replace(thing, "") for one in said]


CASES = {
    f"{name}, {story}, {command}": (product, product.stories[story], product.asked[command])
    for name, product in PRODUCTS.items()
    for story in product.stories
    for command in product.asked
}


@pytest.mark.parametrize(("product", "story", "asked"), CASES.values(), ids=list(CASES))
async def test_whatever_is_remembered(processes, product, story, asked):
    stores = [processes.store(), processes.store()]

    async def prepared(*things):
        """What each stream of each thing could be remembered by."""
        for requests in zip(*map(story, things), strict=True):
            await handle(stores[1], requests)
        recorded = await everything(stores[1])
        return [
            {stream: heads_ever(recorded, stream) for stream in product.streams(thing)}
            for thing in things
        ]

    (ever,) = await prepared("fresh")
    expected = seen("fresh", *await settled(stores[0], asked("fresh"), None))
    choices = list(itertools.product(*(range(len(heads)) for heads in ever.values())))
    assert len(choices) >= 4 ** len(ever)
    things = [f"thing-{number}" for number in range(len(choices))]
    for thing, ever, places in zip(things, await prepared(*things), choices, strict=True):
        planted = {s: heads[place] for (s, heads), place in zip(ever.items(), places, strict=True)}
        heads = Heads()
        heads.remember({stream: head for stream, head in planted.items() if head})
        found = seen(thing, *await settled(stores[0], asked(thing), heads))
        assert found == expected, planted


class CountsReads:
    """A store that says of which streams the heads were read."""

    def __init__(self, store):
        self._store, self.read = store, []

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def last_events(self, streams):
        self.read.append(set(streams))
        return await self._store.last_events(streams)


async def test_what_is_remembered_is_not_read_again(log):
    store, heads = CountsReads(log), Heads()
    await handle(log, [listed()])
    assert obeyed(*await handle(store, [cast("ann", "ship")], heads)).position == 3
    assert store.read == [{OF_ATLAS}]
    assert obeyed(*await handle(store, [cast("ann", "skip")], heads)).position == 4
    assert store.read[1:] == []
    same = obeyed(*await handle(store, [cast("ann", "skip")], heads))
    assert (same.changed, same.position) == (False, 4)
    assert store.read[1:] == [{OF_ANN, OF_ATLAS}]


async def test_the_first_vote_of_a_visitor_is_one_call(log):
    store, heads = CountsReads(log), Heads()
    await handle(log, [listed()], heads)
    first = obeyed(*await handle(store, [cast(visitor("ann"), "ship")], heads))
    assert (first.changed, first.position) == (True, 3)
    assert store.read == []


async def test_a_vote_that_is_guessed_to_be_the_first_and_is_not_is_read_once(log):
    store, heads = CountsReads(log), Heads()
    await handle(log, [listed()], heads)
    await handle(log, [cast("ann", "skip")])
    assert await handle(store, [cast("ann", "ship")], heads) == [None]
    assert [one.event for one in (await everything(log))[2:]] == [VoteCast("skip")]
    again = obeyed(*await handle(store, [cast("ann", "ship")], heads))
    assert (again.before.choice, again.position) == ("skip", 4)
    assert store.read == [{OF_ANN, OF_ATLAS}]


async def test_a_vote_that_is_taken_back_is_read_first(log):
    store, heads = CountsReads(log), Heads()
    await handle(log, [listed()], heads)
    await handle(log, [cast("ann", "skip")])
    back = obeyed(*await handle(store, [retract("ann")], heads))
    assert (back.before.choice, back.position) == ("skip", 4)
    assert store.read == [{OF_ANN}]


async def test_without_a_cache_nothing_is_guessed(log):
    await handle(log, [listed()])
    await handle(log, [cast("ann", "skip")])
    changed = obeyed(*await handle(log, [cast("ann", "ship")]))
    assert changed.before.choice == "skip"


async def test_nothing_is_remembered_of_a_log_that_went_away(log):
    class Gone(CountsReads):
        async def append(self, batch):
            raise Unavailable("gone")

    heads = Heads()
    await handle(log, [listed()])
    await handle(log, [cast("ann", "ship")], heads)
    with pytest.raises(Unavailable):
        await handle(Gone(log), [cast("bob", "ship")], heads)
    assert heads.cached([OF_ATLAS, OF_ANN]) == {}


def test_what_was_not_used_for_longest_is_forgotten_first():
    heads, (a, b, c) = Heads(2), map(Stream, "abc")
    heads.remember({a: NOTHING, b: NOTHING})
    heads.remember({a: NOTHING})
    heads.remember({c: NOTHING})
    assert set(heads.cached([a, b, c])) == {a, c}


class Late:
    """A store each of whose calls lets others go first, for as many rounds as are drawn."""

    def __init__(self, store, rounds):
        self._store, self._rounds = store, iter(rounds)

    def __getattr__(self, name):
        async def call(*arguments):
            for _ in range(next(self._rounds, 0)):
                await asyncio.sleep(0)
            return await getattr(self._store, name)(*arguments)

        return call


class Asked:
    """A request, and where the log stood when it was asked and answered."""

    def __init__(self, wanted, since, answer, until):
        self.wanted, self.since, self.answer, self.until = wanted, since, answer, until


TOOLS, PEOPLE = ("atlas", "bolt"), ("ann", "bob")
tools, people = st.sampled_from(TOOLS), st.sampled_from(PEOPLE)
wanted = (
    st.builds(cast, people, st.sampled_from(("ship", "skip")), tools)
    | st.builds(retract, people, tools)
    | st.builds(listed, tools, st.sampled_from(("Atlas", "Bolt")))
    | st.builds(delisted, tools)
)
bursts = st.lists(st.lists(wanted, min_size=1, max_size=4), min_size=1, max_size=4)
delays = st.lists(st.integers(0, 6), max_size=24)
limits = st.sampled_from((1, 3, 100))
workers = st.lists(st.tuples(bursts, delays, limits), min_size=2, max_size=3)


async def work(log, bursts, delays, heads_max):
    """One process: the requests of a burst at once, one burst after another."""
    store, heads = Late(MemoryEventStore(log), delays), Heads(heads_max)
    batcher = Batcher(lambda requests: handle(store, requests, heads))

    async def ask(wanted):
        since = len(log.rows)
        answer = await batcher.submit(wanted)
        return Asked(wanted, since, answer, len(log.rows))

    return [
        asked for burst in bursts for asked in await asyncio.gather(*(ask(one) for one in burst))
    ]


def serial(events, wanted):
    """What the command comes to, decided alone on these events: the answer, and what it appends."""
    before = Log(events).state_for(wanted.command)
    decision = wanted.decider.decide(wanted.command, before)
    if isinstance(decision, Rejected):
        return decision, []
    after, appended = before, [e.event if isinstance(e, ForStream) else e for e in decision]
    for event in appended:
        after = wanted.decider.evolve(after, event)
    own = Log(events).of(wanted.decider.streams(wanted.command)[:1])
    position = own[-1].position if own else 0
    return Outcome(before, after, bool(decision), position), appended


def is_serial(events, asked):
    """Whether the command, alone at one moment while it was asked, would have been answered so."""
    answer = asked.answer
    if isinstance(answer, Outcome) and answer.changed:
        first = answer.position - (2 if answer.before == Tool() else 1)
        found, appended = serial(events[:first], asked.wanted)
        return (
            asked.since < answer.position <= asked.until
            and (found.before, found.after) == (answer.before, answer.after)
            and appended == [one.event for one in events[first : answer.position]]
        )
    moments = range(asked.since, asked.until + 1)
    return any(serial(events[:moment], asked.wanted) == (answer, []) for moment in moments)


@given(workers)
async def test_processes_at_once_do_what_one_without_memory_would_one_after_another(workers):
    log = MemoryLog()
    asked = await asyncio.gather(*(work(log, *worker) for worker in workers))
    events = await everything(MemoryEventStore(log))
    for one in [one for each in asked for one in each]:
        assert is_serial(events, one), (one.wanted.command, one.answer)
