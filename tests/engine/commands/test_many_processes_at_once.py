"""Several processes decide at once on one log: it comes out as if one after another had."""

import asyncio
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.domain.histories import commands as any_commands
from tests.domain.histories import log_of
from tests.engine.commands.products import CODEC, each_product
from tests.engine.commands.sending import everything, request
from votes.engine.batcher import Batcher
from votes.engine.decider import Rejected
from votes.engine.handle import Outcome, handle
from votes.engine.read_models import ReadModels

PEOPLE = ("ann", "bob")
THINGS = ("atlas", "bolt")


def work_on(product):
    """Requests for some processes."""
    people, things = st.sampled_from(PEOPLE), st.sampled_from(THINGS)
    put = st.builds(product.put, people, st.sampled_from(product.values), things)
    clear = st.builds(product.clear, people, things)
    return st.lists(st.lists(put | clear, max_size=12), min_size=2, max_size=4)


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


def assert_as_if_one_after_another(product, events, answers):
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
        assert answer.after == after(product, wanted, recorded)
        if answer.changed:
            assert recorded is not None
            assert recorded.stream == wanted.decider.streams(wanted.command)[0]
            assert product.of(answer.before) == getattr(recorded.event, product.replaced)
        else:
            assert answer.before == answer.after


def after(product, wanted, recorded):
    """The state of the command's stream after the event; the things are all ready."""
    ready = product.ready
    return ready if recorded is None else wanted.decider.evolve(ready, recorded.event)


def assert_models_count_what_stands(product, events):
    models = ReadModels(product.projections, "test")
    models.fold(events)
    assert product.counted(models) == product.recounted(events)


async def race(product, stores, work):
    await decide_at_once(stores[:1], [[product.first(thing) for thing in THINGS]])
    answers = await decide_at_once(stores, work)
    events = await everything(stores[0])
    obeyed = [(wanted, answer) for wanted, answer in answers if isinstance(answer, Outcome)]
    assert_as_if_one_after_another(product, events, obeyed)
    assert_models_count_what_stands(product, events)
    opening = product.opening * len(THINGS)
    assert len(events) == opening + sum(answer.changed for _, answer in obeyed)


@each_product
@given(st.data())
async def test_whatever_is_commanded_in_memory(product, data):
    log, work = MemoryLog(), data.draw(work_on(product))
    await race(product, [MemoryEventStore(log, CODEC) for _ in work], work)


@each_product
async def test_hundreds_of_commands_on_a_few_streams(processes, product):
    stores = [processes.store() for _ in range(4)]
    put = [product.values[place] for place in (0, 1, 1, 0, 0)]
    work = [
        [
            product.put(PEOPLE[n % 2], put[(n + process) % 5], THINGS[n // 2 % 2])
            if (n + process) % 7
            else product.clear(PEOPLE[n % 2], THINGS[n // 2 % 2])
            for n in range(60)
        ]
        for process in range(4)
    ]
    await race(product, stores, work)


@given(st.lists(any_commands, max_size=40))
async def test_one_process_alone_decides_as_one_command_after_another(commands):
    store, plain = MemoryEventStore(MemoryLog()), log_of(commands)
    answers = await decide_at_once([store], [[request(command) for command in commands]])
    recorded = await everything(store)
    assert [(r.stream, r.version, r.event) for r in recorded] == [
        (r.stream, r.version, r.event) for r in plain.events
    ]
    assert all(isinstance(answer, Outcome | Rejected) for _, answer in answers)
