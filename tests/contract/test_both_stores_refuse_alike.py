"""Whatever batches come, the store in memory and Postgres store the same of them."""

from itertools import count
from uuid import uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.domain.histories import START
from tests.engine.commands.sending import KEYS
from votes.domain.vote_events import VoteCast
from votes.engine.log import Stream
from votes.engine.ports import Addition, Append, KeyedResult, Meta

STREAMS = ("a", "b", "c", "d")
streams, versions = st.sampled_from(STREAMS), st.integers(0, 3)
places = st.tuples(streams, versions)
keys = st.sampled_from((None, None, None, 1, 2))


@st.composite
def batches(draw):
    """Batches most of which could be stored, by what the streams would hold if all were."""
    held, batches = dict.fromkeys(STREAMS, 0), []
    for _ in range(draw(st.integers(1, 4))):
        batch = []
        for _ in range(draw(st.integers(0, 5))):
            added = []
            for stream in draw(st.lists(streams, max_size=3)):
                wrong = draw(st.integers(0, 12)) == 0
                added.append((stream, draw(versions) if wrong else held[stream]))
                held[stream] += 1
            guards = [
                (stream, draw(versions) if draw(st.integers(0, 5)) == 0 else held[stream])
                for stream in draw(st.sets(streams, max_size=2)) - {stream for stream, _ in added}
            ]
            batch.append((added, guards, draw(keys), draw(streams)))
        batches.append(batch)
        if draw(st.booleans()):  # or what comes next follows what was refused
            held = {stream: draw(versions) for stream in STREAMS}
    return batches


def appends_of(name, batch):
    """The batch on streams and under keys that are this example's alone; each key once."""

    def of_name(stream):
        return Stream(f"{name}:{stream}")

    appends, used = [], set[int]()
    for added, guards, key, stream in batch:
        events = [
            Addition(of_name(stream), version, name, VoteCast("ship")) for stream, version in added
        ]
        keyed = None
        if key not in used | {None}:
            used.add(key)
            last, version = (added[-1][0], added[-1][1] + 1) if added else (stream, 0)
            keyed = KeyedResult(uuid5(KEYS, f"{name}:{key}"), b"", "[]", of_name(last), version)
        guarded = {of_name(stream): version for stream, version in guards}
        appends.append(Append(events, Meta("test"), START, guarded, keyed))
    return appends


def told(appends, positions):
    """What an answer says: of one alone, whether it was stored."""
    return [
        position if append.events else position is None
        for append, position in zip(appends, positions, strict=True)
    ]


NAMES = count()


@pytest.fixture
def memory():
    return MemoryEventStore(MemoryLog())


@given(batches())
async def test_whatever_is_appended(memory, store, batches):
    name, before = str(next(NAMES)), await store.head()
    for batch in batches:
        appends = appends_of(name, batch)
        stored = told(appends, await store.append(appends))
        assert stored == told(appends, await memory.append(appends))
    assert [stored async for stored in store.after(before, 100)] == [
        stored async for stored in memory.after(before, 100)
    ]
    answered = [uuid5(KEYS, f"{name}:{key}") for key in (1, 2)]
    assert await store.results(answered) == await memory.results(answered)
