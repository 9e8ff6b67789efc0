"""Votes that are folded many at a time lead to what they lead to one by one."""

from copy import copy
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.contract.memory_store import MemoryEventStore, MemoryLog, Row
from votes.domain.bookmarks.bookmark import BookmarkRemoved
from votes.domain.events import EVENT_TYPES
from votes.domain.review import ReviewWithdrawn
from votes.domain.terms import RulingId
from votes.domain.tool import Entry, ToolListed
from votes.domain.vote_events import (
    Against,
    VoteCast,
    VoteDiscounted,
    VoteRetracted,
)
from votes.engine.log import Recorded, Stream, Unreadable
from votes.engine.projecting.columns import fold_columns
from votes.engine.projecting.projector import fold_log
from votes.engine.projection import ONE_BY_ONE, PARKED, Projection, Projections, partition_of
from votes.engine.read_models import ReadModels
from votes.projections import PROJECTIONS, over_time
from votes.projections.bulk import BULK
from votes.projections.tallies import TALLIES
from votes.store.codec import Codec

SINGLY = copy(PROJECTIONS)
SINGLY.bulk = ONE_BY_ONE
CODEC = Codec()
TOOLS = ("atlas", "bolt", "atlas@1")
HOURS = (datetime(1969, 12, 31, 23, tzinfo=UTC), datetime(2026, 1, 31, 22, tzinfo=UTC))

choices = st.sampled_from(["ship", "skip"])
against = st.sampled_from([*[None] * 5, *get_args(Against)])
claims = st.sampled_from([None, {"plan": "pro"}, {"plan": "free", "team": "red"}])
casts = st.builds(
    VoteCast,
    choices,
    st.none() | choices,
    against,
    against,
    claims=claims,
    previous_claims=claims,
)
first_casts = st.builds(VoteCast, choices)
retractions = st.builds(VoteRetracted, choices, against, previous_claims=claims)
others = st.sampled_from(
    [
        *(ToolListed("atlas", Entry("Atlas", "Tests")), ReviewWithdrawn(), BookmarkRemoved()),
        VoteDiscounted(RulingId("no such ruling"), "ship", claims={"plan": "pro"}),
        Unreadable("VoteCast", 9, "newer"),
    ]
)
times = st.builds(
    lambda start, minutes: start + timedelta(minutes=minutes),
    st.sampled_from([HOURS[0], *[HOURS[1]] * 9]),
    st.integers(0, 4 * 60),
)
written = st.tuples(
    st.one_of(*[first_casts] * 3, *[casts] * 3, *[retractions] * 2, others),
    st.sampled_from(TOOLS),
    times,
    st.booleans(),
)
LISTINGS = [(ToolListed(tool, Entry(tool, "Tests")), tool, HOURS[1], False) for tool in TOOLS]
STANDING = [
    (vote, tool, HOURS[1], False)
    for tool in TOOLS
    for vote in (
        VoteCast("ship"),
        VoteCast("skip"),
        *(VoteCast("ship", against=why) for why in get_args(Against)),
    )
    for _ in range(2)
]
"""So a few votes of each kind may be taken back, before one is to be parked."""


@pytest.fixture(autouse=True)
def _near_marks(monkeypatch):
    monkeypatch.setattr(over_time, "MARK_EVERY", 3)


def log_of(rows):
    return [
        Recorded(position, Stream(f"any:{position}"), 1, event, at, tool, late)
        for position, (event, tool, at, late) in enumerate(rows, 1)
    ]


def folded(projections, lists, ahead=None):
    """The read models, and those of who follows their changes."""
    models, follower = ReadModels(projections, "here"), ReadModels(projections, "here")
    if ahead is not None:
        models = ahead(projections)
        follower = ahead(projections)
    for events in lists:
        follower.adopt(models.fold(events))
    models.fold((), every=True)
    return models.partitions, [partition.values for partition in follower.partitions]


def cut(events, places):
    ends = sorted({min(place, len(events)) for place in places} | {len(events)})
    starts = [0, *ends]
    return [events[start:end] for start, end in zip(starts, ends, strict=False)]


@given(
    st.sampled_from([[], LISTINGS, [*LISTINGS, *STANDING], [*LISTINGS, *STANDING]]),
    st.lists(written, min_size=10, max_size=40),
    st.lists(st.integers(1, 60), max_size=4),
)
def test_they_lead_to_the_same(before, rows, places):
    """Whatever is between them, in whatever lists they come."""
    events = log_of([*before, *rows])
    lists = cut(events, places)
    assert folded(PROJECTIONS, lists) == folded(SINGLY, [[event] for event in events])


@given(
    st.sampled_from([[], LISTINGS, [*LISTINGS, *STANDING], [*LISTINGS, *STANDING]]),
    st.lists(written, min_size=10, max_size=40),
    st.sampled_from([1, 2, 7, 30]),
)
def test_a_rebuild_by_columns_leads_to_the_same(before, rows, at_once):
    store = MemoryEventStore(MemoryLog(rows=[*map(_stored, log_of([*before, *rows]))]))
    models, singly = ReadModels(PROJECTIONS, "here"), ReadModels(SINGLY, "here")
    uvloop.run(_rebuilt(store, models, at_once))
    uvloop.run(fold_log(store, singly))
    singly.fold((), every=True)
    assert models.partitions == singly.partitions
    assert (models.position, models.checksum) == (singly.position, singly.checksum)


async def _rebuilt(store, models, at_once):
    await fold_columns(store, models, at_once)
    assert models.position == await store.head() // at_once * at_once
    await fold_log(store, models)
    models.fold((), every=True)


def _stored(recorded):
    event = recorded.event
    is_readable = not isinstance(event, Unreadable)
    data = CODEC.encode(event) if is_readable else (event.type, event.schema, "{}")
    where = recorded.position, recorded.stream, recorded.version
    return Row(*where, data, recorded.at, recorded.subject, recorded.late)


class _Watched(MemoryEventStore):
    """`alone` are the positions that were read one by one."""

    def __init__(self, log):
        super().__init__(log)
        self.alone = []

    async def at(self, positions):
        self.alone.extend(positions)
        return await super().at(positions)


async def test_votes_in_columns_are_folded_together():
    """Else the test above compares nothing."""
    votes = [(VoteCast("ship"), tool, HOURS[1], False) for tool in TOOLS for _ in range(7)]
    events = log_of([*LISTINGS, *votes, (BookmarkRemoved(), "atlas", HOURS[1], False), *votes])
    store = _Watched(MemoryLog(rows=[*map(_stored, events)]))
    models = ReadModels(PROJECTIONS, "here")
    await fold_columns(store, models, len(events))
    parts = [each.position for each in events if each.subject == "atlas@1"]
    assert sorted(store.alone) == sorted([1, 2, *parts, len(events)])
    ships = {tool: tally.ship for tool, tally in models.items(TALLIES)}
    assert ships["atlas"] == ships["bolt"] == 14


@given(st.lists(written, min_size=20, max_size=40), st.integers(3, 80), st.integers(3, 80))
def test_a_partition_that_is_ahead_skips_what_it_has(rows, reached, ahead):
    events = log_of([*LISTINGS, *STANDING, *rows])

    def died_half_way(projections):
        """The partition of one tool has more events than the others."""
        models, further = ReadModels(projections, "here"), ReadModels(projections, "here")
        models.fold(events[: min(reached, ahead)])
        further.fold(events[: max(reached, ahead)])
        number = partition_of("atlas")
        models.partitions[number] = further.partitions[number]
        models.partitions[number].checkpoint = further.position
        return models

    together, _ = folded(PROJECTIONS, [events[min(reached, ahead) :]], died_half_way)
    one_by_one, _ = folded(SINGLY, [[each] for each in events])
    assert together == one_by_one


def test_late_votes_come_after_the_others_of_a_month():
    """Also where an earlier hour has late ones only."""
    votes = [
        (VoteCast("ship"), "atlas", HOURS[1] - timedelta(days=days, hours=hours), late)
        for days, hours, late in ((0, 0, False), (40, 1, True), (0, 1, True), (40, 0, False))
    ]
    events = log_of([*LISTINGS, *votes, *reversed(votes)])
    for lists in ([events], [events[:5], events[5:]]):
        assert folded(PROJECTIONS, lists) == folded(SINGLY, [[event] for event in events])


def test_they_are_folded_together():
    """Else the tests above compare nothing."""
    votes = log_of([*LISTINGS, *[(VoteCast("ship"), "atlas", HOURS[1], False)] * 7])
    seen = []

    def fold(tool, events, before):
        seen.append((tool, len(events.events)))
        return PROJECTIONS.bulk.fold(tool, events, before)

    watched = copy(PROJECTIONS)
    watched.bulk = replace(PROJECTIONS.bulk, fold=fold)
    ReadModels(watched, "here").fold(votes)
    assert seen == [("atlas", 7)]


def test_one_more_projection_of_votes_is_folded_one_by_one():
    """The bulk fold knows nothing of it."""
    seen = Projection(
        "seen",
        int,
        on={VoteCast: lambda recorded: (recorded.subject,)},
        evolve=lambda value, *_: (value or 0) + 1,
    )
    known = [one for one in PROJECTIONS.all if one is not PARKED]
    ignored = {kind for kind, each in PROJECTIONS.by_event.items() if not each}
    more = Projections([*known, seen], EVENT_TYPES, ignored, "tests", BULK)
    models = ReadModels(more, "here")
    models.fold(log_of([*LISTINGS, *[(VoteCast("ship"), "atlas", HOURS[1], False)] * 7]))
    assert models.get(seen, "atlas") == 7
    assert more.bulk.types == {VoteRetracted}
