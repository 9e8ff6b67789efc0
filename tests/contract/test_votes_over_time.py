"""A trend and a tally of the past say what a fold of the same events says."""

import asyncio
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.contract.requests import append_to
from votes.app.history import tally_at
from votes.app.trend import trend, window
from votes.domain.terms import VoterId
from votes.domain.vote import VoteCast, VoteRetracted, stream
from votes.engine.log import POSITION_MAX, Recorded
from votes.projections import tallies
from votes.projections.tallies import Tally

NOW = datetime(2026, 3, 9, 13, 45, tzinfo=UTC)
NOTHING = Tally(0, 0, 0, NOW)
DAYS = 5

VOTES = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob", "cyd"]),
        st.sampled_from(["ship", "skip", None]),
        st.integers(0, (DAYS + 3) * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes)),
    ),
    max_size=30,
)


async def recorded(store, votes) -> list[Recorded]:
    """The log of these votes; an imported one may be older than those before it."""
    current: dict[str, tuple[int, str | None]] = {}
    for voter, choice, at in votes:
        version, previous = current.get(voter, (0, None))
        if choice == previous:
            continue
        event = VoteCast(choice, previous) if choice else VoteRetracted(previous)
        where = stream(VoterId(voter), "atlas")
        await store.append([append_to(where, version, event, at=at)])
        current[voter] = version + 1, choice
    return [event async for events in store.after(0, 1_000) for event in events]


def folded(events) -> tuple[int, int, int]:
    """The sums of what they move. Old votes that were imported late are not in the log's order."""
    moves = [(*tallies.moved(event.event), event.position) for event in events]
    ships, skips, positions = zip(*moves, strict=True) if moves else ([0], [0], [0])
    return sum(ships), sum(skips), positions[-1]


@given(VOTES, st.integers(0, 30))
def test_a_tally_of_the_past_is_the_fold_up_to_there(votes, position):
    async def check():
        store = MemoryEventStore(MemoryLog())
        log = await recorded(store, votes)
        at = NOW - timedelta(days=2)
        then = await tally_at(store, "atlas", position, None) or NOTHING
        assert (then.ship, then.skip, then.position) == folded(log[:position])
        then = await tally_at(store, "atlas", POSITION_MAX, at) or NOTHING
        ship, skip, last = folded(e for e in log if e.at <= at)
        assert (then.ship, then.skip, then.position) == (max(ship, 0), max(skip, 0), last)

    asyncio.run(check())


@given(VOTES)
def test_each_bucket_s_totals_are_the_fold_up_to_its_end(votes):
    async def check():
        store = MemoryEventStore(MemoryLog())
        log = await recorded(store, votes)
        asked = window("day", NOW - timedelta(days=DAYS), NOW, NOW)
        view = await trend(store, "atlas", asked, POSITION_MAX)
        for bucket in view.buckets:
            end = bucket.at + timedelta(days=1)
            there = [event for event in log if event.at < end]
            within = [event for event in there if event.at >= bucket.at]
            assert (bucket.ship, bucket.skip) == folded(within)[:2]
            assert (bucket.ship_total, bucket.skip_total) == folded(there)[:2]

    asyncio.run(check())
