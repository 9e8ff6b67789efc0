"""A trend and a tally of the past say what a fold of the same events says."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.contract.memory_read_models import MemoryModels, MemoryReadModelStore
from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.domain.names import ATLAS
from tests.engine.commands.sending import append_to, everything
from votes.app.catalogue import past as past_module
from votes.app.catalogue.past import Past
from votes.app.catalogue.tools import Tool
from votes.app.catalogue.trend import BUCKETS_MAX, WIDTH, BadRange, window
from votes.domain.terms import VoterId
from votes.domain.tool import Entry, ToolListed
from votes.domain.vote import stream
from votes.domain.vote_events import VoteCast, VoteRetracted
from votes.engine.log import Recorded, Stream
from votes.engine.ports import Unavailable
from votes.engine.read_models import ReadModels
from votes.engine.reading.reader import Reader, ReadSource
from votes.engine.reading.replica import Replica
from votes.projections import PROJECTIONS, over_time, tallies
from votes.projections.profiles import PROFILES
from votes.projections.tallies import TALLIES, Counts

NOW = datetime(2026, 3, 2, 13, 45, tzinfo=UTC)
SPAN_DAYS = 70
CHOICES = ("ship", "skip", None)
SOON = timedelta(seconds=1)

minutes_ago = st.integers(0, 45) | st.integers(0, SPAN_DAYS * 24 * 60)
"""Half of them in one hour, so that late votes lie there among others."""

votes = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob", "cyd", "dan"]),
        st.sampled_from(CHOICES),
        minutes_ago.map(lambda minutes: NOW - timedelta(minutes=minutes)),
        st.sampled_from(["atlas", "bolt"]),
        st.sampled_from([SOON, timedelta(minutes=10), timedelta(days=99)]),
    ),
    max_size=40,
)
"""Votes in the order of the log, and how long after their time they are stored; imported ones are
late, and older than those before them."""

MIXED = [
    (voter, "ship", NOW, "atlas", after)
    for voter, after in zip("abcd", [SOON, timedelta(days=99)] * 2, strict=True)
]
"""Each kind of vote between two of the other, in one hour."""


class Kept(MemoryReadModelStore):
    """Read models as they are kept, but for a first time at which they are being replaced."""

    def __init__(self, models: ReadModels) -> None:
        super().__init__(MemoryModels(), PROJECTIONS)
        self.models, self.asked = models, 0

    async def values(self, generation, asked):
        self.asked += 1
        if self.asked == 1:
            return None
        return [self.models.get(model, key) for model, key in asked]


async def logged(given_votes):
    """The past of a log of these votes, its models, and the events about the first tool."""
    log = MemoryLog()
    current: dict[Stream, tuple[int, Any]] = {}
    store = MemoryEventStore(log)
    for tool in ("atlas", "bolt"):
        listed = ToolListed(tool, Entry(tool, "x"))
        await store.append([append_to(f"tool:{tool}", 0, listed, at=NOW, subject=tool)])
    for voter, choice, at, tool, after in given_votes:
        log.now = partial(at.__add__, after)
        where = stream(VoterId(voter), tool)
        version, previous = current.get(where, (0, None))
        if choice != previous:
            event = VoteCast(choice, previous) if choice else VoteRetracted(previous)
            await store.append([append_to(where, version, event, at=at, subject=tool)])
            current[where] = version + 1, choice
    events = await everything(store)
    models = ReadModels(PROJECTIONS, await store.epoch())
    models.fold(events)
    replica = Replica()
    replica.changed(models, None)
    past = Past(store, Reader(replica, store, PROJECTIONS), Kept(models))
    return past, models, [one for one in events if one.subject == "atlas"]


def atlas(models: ReadModels) -> Tool:
    profile, tally = models.get(PROFILES, "atlas"), models.get(TALLIES, "atlas")
    assert profile is not None
    assert tally is not None
    return Tool(ATLAS, profile, tally)


def moved(events: list[Recorded]) -> Counts:
    """The recount: the difference that the events make together."""
    return sum((tallies.moved(recorded.event) for recorded in events), Counts())


@pytest.mark.parametrize("stale", [False, True])
@given(given_votes=votes, position=st.integers(0, 50), between=st.integers(1, 9))
async def test_a_tally_at_a_position_is_the_fold_up_to_there(stale, given_votes, position, between):
    """However many votes lie between two marks."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (over_time, past_module):
            patch.setattr(module, "MARK_EVERY", between)
        past, models, events = await logged(given_votes)
        then = await past.tally_at_position(ReadSource(models, stale=stale), "atlas", position)
    expected = None
    for recorded in events:
        if recorded.position <= position:
            expected = tallies.evolve(expected, recorded)
    votes_there = [r for r in events if r.position <= position and "vote:" in r.stream]
    now = models.get(TALLIES, "atlas")
    assert then == (expected if votes_there or now.position <= position else None)


@pytest.mark.parametrize("stale", [False, True])
@given(given_votes=votes, minutes=minutes_ago | st.integers(-99, 0))
@example(given_votes=MIXED, minutes=0)
async def test_a_tally_at_a_time_counts_the_votes_cast_until_then(stale, given_votes, minutes):
    past, models, events = await logged(given_votes)
    at = NOW - timedelta(minutes=minutes)
    then = await past.tally_at_time(ReadSource(models, stale=stale), "atlas", at)
    there = [r for r in events if r.at <= at and "vote:" in r.stream]
    if not there:
        assert then is None
        return
    last = max(there, key=lambda recorded: recorded.position)
    assert then.counts == moved(there).clipped
    assert (then.position, then.as_of) == (last.position, last.at)


@given(votes, st.sampled_from(["hour", "day"]), st.integers(0, SPAN_DAYS + 5), st.integers(1, 200))
async def test_each_bucket_says_by_how_much_the_tally_changed(given_votes, bucket, ago, count):
    past, models, events = await logged(given_votes)
    start = NOW - timedelta(days=ago)
    asked = window(bucket, start, start + count * WIDTH[bucket] / 2, NOW)
    view = await past.trend(ReadSource(models, stale=False), atlas(models), asked)
    cast = [r for r in events if "vote:" in r.stream]
    assert [one.at for one in view.buckets] == asked.starts()
    assert view.position == max((r.position for r in cast), default=0)
    for one in view.buckets:
        there = [recorded for recorded in cast if recorded.at < one.at + WIDTH[bucket]]
        within = [recorded for recorded in there if recorded.at >= one.at]
        made, total = moved(within), moved(there)
        assert (one.ship, one.skip) == (made.ship, made.skip)
        assert (one.ship_total, one.skip_total) == (total.ship, total.skip)


def test_a_window_has_an_end():
    with pytest.raises(BadRange):
        window("hour", NOW, NOW + (BUCKETS_MAX + 1) * WIDTH["hour"], NOW)


async def test_a_position_that_is_not_projected_yet_is_waited_for():
    """However many votes came since: none of them is left out."""
    given_votes = [(str(number), "ship", NOW, "atlas", SOON) for number in range(40)]
    past, models, events = await logged(given_votes)
    behind = ReadModels(PROJECTIONS, models.epoch)
    behind.fold(events[:10])
    with pytest.MonkeyPatch.context() as patch:
        for module in (over_time, past_module):
            patch.setattr(module, "MARK_EVERY", 4)
        last = events[-1].position
        then = await past.tally_at_position(ReadSource(behind, stale=False), "atlas", last)
        assert (then.ship, then.position) == (40, last)
        later = await past.tally_at_position(ReadSource(behind, stale=False), "atlas", last + 99)
        assert later == then


async def test_who_has_lost_the_read_models_does_not_tell_of_a_part_as_if_it_were_all():
    """A replica lacks the months and hours, and so has what is folded on from it."""
    past, models, _ = await logged([("ann", "ship", NOW, "atlas", SOON)])
    replica = past._reader.replica
    replica.changed(replace(models, generation=7), None)
    replica.changed(None, None)
    source = await past._reader.models()
    assert (source.stale, source.models.get(TALLIES, "atlas").ship) == (True, 1)
    with pytest.raises(Unavailable):
        await past.trend(source, atlas(models), window("day", None, None, NOW))
    with pytest.raises(Unavailable):
        await past.tally_at_time(source, "atlas", NOW)


def test_a_vote_before_the_listing_counts_for_nothing():
    models = ReadModels(PROJECTIONS, "any")
    models.fold([Recorded(1, stream(VoterId("ann"), ATLAS), 1, VoteCast("ship"), NOW, "atlas")])
    assert not any(partition.values for partition in models.partitions)
