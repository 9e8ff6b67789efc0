"""The votes on a tool over time: months and hours say by how much the votes in them changed it."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.domain.histories import START
from tests.domain.names import FIRST
from votes.domain.vote_events import (
    VoteCast,
    VoteDiscounted,
    VoteHeld,
    VoteReleased,
    VoteRestored,
    VoteRetracted,
)
from votes.engine.log import Recorded, Stream
from votes.projections.over_time import HOURS, MARK_EVERY, MARKS, MONTHS, Slot, month_number
from votes.projections.tallies import Counts, Tally

ANY = Stream("any")
LISTED = Tally(Counts(), 1, START)
CHANGES = {
    VoteCast("ship"): Counts(ship=1),
    VoteCast("ship", "skip"): Counts(ship=1, skip=-1),
    VoteCast("skip", "ship", "unproven"): Counts(ship=-1, unproven=1),
    VoteCast("skip", "skip", None, "unchecked"): Counts(skip=1, unchecked=-1),
    VoteRetracted("skip"): Counts(skip=-1),
    VoteRetracted("skip", "ruled"): Counts(ruled=-1),
    VoteDiscounted(FIRST, "ship"): Counts(ship=-1, ruling=1),
    VoteDiscounted(FIRST, "ship", "unproven"): Counts(unproven=-1, ruling=1),
    VoteDiscounted(FIRST, None): Counts(),
    VoteRestored(FIRST, "skip", None, "ruling"): Counts(skip=1, ruling=-1),
    VoteRestored(FIRST, "skip", "unproven", "ruling"): Counts(unproven=1, ruling=-1),
    VoteReleased(FIRST, "skip", "unchecked"): Counts(skip=1, unchecked=-1),
    VoteHeld(FIRST, "ship", "unproven"): Counts(ship=-1, unproven=1),
}
"""What each event on a vote adds to the tally."""

times = st.integers(0, 5).map(lambda hours: START + timedelta(hours=hours)) | st.integers(
    0, 400
).map(lambda days: START + timedelta(days=days))
votes = st.lists(st.tuples(st.sampled_from(list(CHANGES)), times, st.booleans()), max_size=30).map(
    lambda said: [
        Recorded(position, ANY, 1, event, at, "atlas", late)
        for position, (event, at, late) in enumerate(said, 2)
    ]
)
"""Votes in the order of the log, at any times, late or not."""


def folded(model, recorded, tally=LISTED):
    """The values by key after the events; `tally` is that of the tool before each."""
    values: dict[str, Any] = {}
    for event in recorded:
        for key in model.on[type(event.event)](event):
            values[key] = model.evolve(values.get(key), event, key, lambda *_: tally)
    return values


def slots_of(recorded, number):
    """The slots reckoned one by one: what fell into each, late or not."""
    fell: dict[tuple[int, bool], list] = {}
    for event in recorded:
        fell.setdefault((number(event.at), event.late), []).append(event)
    return tuple(
        Slot(
            *place,
            sum((CHANGES[event.event] for event in events), Counts()),
            events[0].position,
            events[-1].position,
        )
        for place, events in sorted(fell.items())
    )


@given(votes)
def test_each_month_has_the_votes_cast_in_it_in_order_the_late_ones_apart(recorded):
    expected = {"atlas": slots_of(recorded, month_number)} if recorded else {}
    assert folded(MONTHS, recorded) == expected


def test_months_are_counted_on_over_the_turn_of_the_year():
    """Kept slots have these numbers; another count is another layout."""
    december, january = START - timedelta(days=1), START
    assert (month_number(december), month_number(january)) == (24_311, 24_312)


@given(votes)
def test_each_day_has_its_hours(recorded):
    days: dict[str, list[Recorded]] = {}
    for event in recorded:
        days.setdefault(f"atlas@{event.at.toordinal()}", []).append(event)
    hours = {key: slots_of(those, lambda at: at.hour) for key, those in days.items()}
    assert folded(HOURS, recorded) == hours


@given(votes)
def test_before_the_tool_is_listed_no_vote_counts(recorded):
    for model in (MONTHS, HOURS, MARKS):
        assert not any(folded(model, recorded, tally=None).values())


def test_a_mark_is_the_tally_before_every_so_many_votes():
    vote = Recorded(9, ANY, 1, VoteCast("ship"), START, "atlas")
    for moves in range(2 * MARK_EVERY + 1):
        tally = Tally(Counts(moves), 8, START, moves=moves)
        due = {"atlas@9": tally if moves % MARK_EVERY == 0 else None}
        assert folded(MARKS, [vote], tally) == due
