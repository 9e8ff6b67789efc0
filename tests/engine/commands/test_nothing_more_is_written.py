"""A command may rely on a stream that has no event: once it has one, nothing more is written."""

import asyncio
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.domain.names import ANN, BOB
from tests.engine.commands.sending import cast, everything, listed, obeyed, request, retract
from votes.domain.person import EraseSubject, SubjectErased, stream
from votes.engine.batcher import Batcher
from votes.engine.handle import ENDED, handle
from votes.engine.heads import NOTHING, Heads


def of(person, wanted):
    """The request of a person who may be erased."""
    return replace(wanted, unless=(stream(person),))


def erase(person):
    return request(EraseSubject(person))


async def test_before_it_is_decided_as_ever_and_after_it_refused(log):
    await handle(log, [listed()])
    before = await handle(log, [of(ANN, cast(ANN, "ship")), of(BOB, cast(BOB, "ship"))])
    assert [obeyed(answer).changed for answer in before] == [True, True]
    (erased,) = await handle(log, [erase(ANN)])
    assert obeyed(erased).changed
    answers = await handle(
        log,
        [
            of(ANN, cast(ANN, "skip")),
            of(ANN, cast(ANN, "ship")),  # would change nothing
            of(ANN, retract(ANN)),
            of(ANN, cast(ANN, "ship", "no-such-tool")),
            of(BOB, cast(BOB, "skip")),
        ],
    )
    assert answers[:4] == [ENDED] * 4
    assert obeyed(answers[4]).changed


async def test_a_stored_result_is_not_told_any_more(log):
    wanted = of(ANN, cast(ANN, "ship", key="k"))
    await handle(log, [listed()])
    (first,) = await handle(log, [wanted])
    (again,) = await handle(log, [wanted])
    assert (obeyed(first).changed, obeyed(again).repeated) == (True, True)
    await handle(log, [erase(ANN)])
    assert await handle(log, [wanted]) == [ENDED]


async def test_erased_in_the_same_batch(log):
    await handle(log, [listed()])
    wanted = [of(ANN, cast(ANN, "ship")), erase(ANN), of(ANN, cast(ANN, "skip")), erase(ANN)]
    first, erased, last, again = await handle(log, wanted)
    assert [obeyed(one).changed for one in (first, erased, again)] == [True, True, False]
    assert last == ENDED


@pytest.mark.parametrize("remembered", [{}, {stream(ANN): NOTHING}])
async def test_another_process_that_does_not_know_is_refused(processes, remembered):
    here, there = processes.store(), processes.store()
    heads = Heads()
    await handle(here, [listed()])
    await handle(there, [of(ANN, cast(ANN, "ship"))], heads)
    await handle(here, [erase(ANN)])
    heads.remember(remembered)
    answers = await handle(there, [of(ANN, cast(ANN, "skip")), of(BOB, cast(BOB, "ship"))], heads)
    assert answers[0] is None  # decided on what it knew, and refused by the log
    assert obeyed(answers[1]).changed
    assert await handle(there, [of(ANN, cast(ANN, "skip"))], heads) == [ENDED]
    key = [of(ANN, cast(ANN, "ship", key="k"))]  # changes nothing, and its result would be stored
    assert await handle(there, key) == [ENDED]


steps = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from([ANN, BOB]),
        st.sampled_from(["ship", "skip", "again", "erase"]),
    ),
    max_size=30,
)


@given(steps, st.randoms())
def test_whatever_processes_do_at_once_nothing_follows_an_erasure(asked, chance):
    async def run():
        log = MemoryLog()
        batchers = []
        for _ in range(2):
            store, heads = MemoryEventStore(log), Heads()
            batchers.append(Batcher(partial(handle, store, heads=heads)))
        await batchers[0].submit(listed())

        async def one(number, person, what):
            for _ in range(chance.randrange(8)):
                await asyncio.sleep(0)
            wanted = {
                "ship": of(person, cast(person, "ship")),
                "skip": of(person, cast(person, "skip")),
                "again": of(person, cast(person, "ship", key=f"{person}-{chance.randrange(3)}")),
                "erase": erase(person),
            }[what]
            return await batchers[number].submit(wanted)

        answers = await asyncio.gather(*(one(*step) for step in asked))
        erased = set()
        for recorded in await everything(MemoryEventStore(log)):
            if isinstance(recorded.event, SubjectErased):
                erased.add(recorded.subject)
            assert not any(f":{person}:" in recorded.stream for person in erased)
        for (_, person, _), answer in zip(asked, answers, strict=True):
            assert answer != ENDED or person in erased

    asyncio.run(run())
