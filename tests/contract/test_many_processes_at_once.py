"""Several processes decide at once on one log: it comes out as if one after another had."""

import asyncio
from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st

from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.contract.requests import cast, everything, listed, request, retract
from tests.domain.histories import commands as any_commands
from tests.domain.histories import log_of
from votes.domain.vote import Vote, VoteCast
from votes.engine.batcher import Batcher
from votes.engine.decider import Rejected
from votes.engine.handle import Outcome, handle
from votes.engine.models import Models
from votes.projections import PROJECTIONS
from votes.projections.tallies import TALLIES

PEOPLE = ("ann", "bob")
TOOLS = ("atlas", "bolt")
votes = st.builds(
    cast, st.sampled_from(PEOPLE), st.sampled_from(("ship", "skip")), st.sampled_from(TOOLS)
)
retractions = st.builds(retract, st.sampled_from(PEOPLE), st.sampled_from(TOOLS))
work = st.lists(st.lists(votes | retractions, max_size=12), min_size=2, max_size=4)


def batcher_on(store):
    async def handle_batch(requests):
        return await handle(store, requests)

    return Batcher(handle_batch)


async def decide_at_once(stores, work):
    """Each list of requests by a process of its own, all at once; (request, answer) of each."""
    batchers = [batcher_on(store) for store in stores]

    async def submit(batcher, wanted):
        return wanted, await batcher.submit(wanted)

    return await asyncio.gather(
        *(
            submit(batchers[number % len(batchers)], wanted)
            for number, requests in enumerate(work)
            for wanted in requests
        )
    )


def assert_as_if_one_after_another(events, answers):
    """The log numbers its streams without gaps, and decides as the answers say that it did."""
    assert [recorded.position for recorded in events] == list(range(1, len(events) + 1))
    streams = defaultdict(list)
    for recorded in events:
        streams[recorded.stream].append(recorded)
        assert recorded.version == len(streams[recorded.stream])
    at = {recorded.position: recorded for recorded in events}
    changed = [answer.position for _, answer in answers if answer.changed]
    assert len(changed) == len(set(changed))
    for wanted, answer in answers:
        recorded = at.get(answer.position)
        assert answer.after == after(wanted, recorded)
        if answer.changed:
            assert recorded.stream == wanted.decider.streams(wanted.command)[0]
            assert answer.before.choice == recorded.event.previous
        else:
            assert answer.before == answer.after


def after(wanted, recorded):
    """The state of the command's stream after the event; the tools are all listed."""
    state = Vote(listed=True)
    return state if recorded is None else wanted.decider.evolve(state, recorded.event)


def standing_votes(events):
    """The recount: each voter's current choice, from the last event of each stream."""
    last = {recorded.stream: recorded for recorded in events}
    return Counter(
        (recorded.subject, recorded.event.choice)
        for recorded in last.values()
        if isinstance(recorded.event, VoteCast)
    )


def assert_tallies_count_what_stands(events):
    models, standing = Models(PROJECTIONS, "test"), standing_votes(events)
    models.fold(events)
    for tool in TOOLS:
        tally = models.get(TALLIES, tool)
        assert (tally.ship, tally.skip) == (standing[tool, "ship"], standing[tool, "skip"])


LISTINGS = [listed(tool) for tool in TOOLS]


async def race(stores, work):
    await decide_at_once(stores[:1], [LISTINGS])
    answers = await decide_at_once(stores, work)
    events = await everything(stores[0])
    assert_as_if_one_after_another(events, answers)
    assert_tallies_count_what_stands(events)
    return events, answers


@given(work)
async def test_whatever_is_commanded_in_memory(work):
    log = MemoryLog()
    await race([MemoryEventStore(log) for _ in work], work)


async def test_hundreds_of_commands_on_a_few_streams(processes):
    stores = [processes.store() for _ in range(4)]
    said = ("ship", "skip", "skip", "ship", "ship")
    work = [
        [
            cast(PEOPLE[n % 2], said[(n + process) % 5], TOOLS[n // 2 % 2])
            if (n + process) % 7
            else retract(PEOPLE[n % 2], TOOLS[n // 2 % 2])
            for n in range(60)
        ]
        for process in range(4)
    ]
    events, answers = await race(stores, work)
    assert len(answers) == 240
    assert len(events) == 2 * len(LISTINGS) + sum(answer.changed for _, answer in answers)


@given(st.lists(any_commands, max_size=40))
async def test_one_process_alone_decides_as_one_command_after_another(commands):
    store, plain = MemoryEventStore(MemoryLog()), log_of(commands)
    answers = await decide_at_once([store], [[request(command) for command in commands]])
    recorded = await everything(store)
    assert [(r.stream, r.version, r.event) for r in recorded] == [
        (r.stream, r.version, r.event) for r in plain.events
    ]
    assert all(isinstance(answer, Outcome | Rejected) for _, answer in answers)
