"""A tally is folded from events alone and equals a count of the choices that stand."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from math import isclose, log2

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain import arbitrary
from tests.domain.histories import (
    START,
    choices,
    histories,
    log_of,
    ruling_commands,
    tools,
    vote_commands,
    voters,
)
from tests.domain.names import ANN, ATLAS, BOB, BOLT, CYD, FIRST
from votes.domain import vote
from votes.domain.terms import user
from votes.domain.tool import Entry, ListTool, ToolListed, ToolRenamed
from votes.domain.verdict import community
from votes.domain.vote import CastVote, RetractVote
from votes.domain.vote_events import (
    VOTE_EVENTS,
    VoteCast,
    VoteDiscounted,
    VoteRestored,
    VoteRetracted,
)
from votes.engine.decider import fold
from votes.engine.log import TIME_END, TIME_MIN, Recorded, Stream
from votes.engine.projection import partition_of
from votes.engine.read_models import ReadModels
from votes.projections import PROJECTIONS, tallies
from votes.projections.tallies import (
    HEAT_HALF_LIFE_S,
    TALLIES,
    Counts,
    Tally,
    TallyView,
    tally_view,
)

ANY, TOOL, VOTE = Stream("any"), Stream("tool:atlas"), Stream("vote:x")
EMPTY = Tally(Counts(), 0, START)
LISTINGS = [
    ListTool(ATLAS, "atlas", Entry("Atlas", "Maps")),
    ListTool(BOLT, "bolt", Entry("Bolt", "Tools")),
]


def cast(choice, previous=None):
    return VoteCast(choice, previous)


def evolved(tally, position, event, at=START) -> Tally:
    """The tally after an event on one vote."""
    after = tallies.evolve(tally, Recorded(position, VOTE, position, event, at))
    assert after is not None
    return after


def is_vote(event):
    return isinstance(event, VOTE_EVENTS)


def recounted(log, tool):
    """What stands at the end of each voter's own history."""
    standing: Counter[str] = Counter()
    for person in (ANN, BOB, CYD):
        stream = vote.stream(user(person), tool)
        state = fold(vote.decider, [recorded.event for recorded in log.of([stream])])
        if state.choice is not None:
            standing[state.against or state.choice] += 1
    return Counts(**standing)


def tally_of(log, tool):
    tally = None
    for recorded in log.events:
        if recorded.subject == tool:
            tally = tallies.evolve(tally, recorded)
            assert tally is None or min(tally.ship, tally.skip) >= 0
    return tally


@given(st.lists(vote_commands | ruling_commands, max_size=80))
def test_it_equals_a_recount_of_the_votes_that_stand(commands):
    log = log_of([*LISTINGS, *commands])
    for tool in ("atlas", "bolt"):
        assert tally_of(log, tool).counts == recounted(log, tool)


@given(
    st.lists(st.builds(CastVote, tools, voters, choices) | st.builds(RetractVote, tools, voters))
)
def test_votes_that_nothing_is_against_all_count(commands):
    said = {}
    for command in commands:
        said[command.tool, command.voter] = getattr(command, "choice", None)
    log = log_of([*LISTINGS, *commands])
    for tool in ("atlas", "bolt"):
        choices_of = [choice for (on, _), choice in said.items() if on == tool]
        tally = tally_of(log, tool)
        assert tally.counts == Counts(choices_of.count("ship"), choices_of.count("skip"))
        assert tally.total == tally.ship + tally.skip


@given(histories)
def test_it_is_never_negative_whatever_is_listed_and_delisted(history):
    log = log_of(history)
    for tool in ("atlas", "bolt"):
        tally_of(log, tool)


@given(histories)
def test_it_stands_at_the_last_event_that_moved_it(history):
    log = log_of([*LISTINGS, *history])
    tally = tally_of(log, "atlas")
    moving = [
        recorded
        for recorded in log.events
        if recorded.subject == "atlas" and (recorded.position == 2 or is_vote(recorded.event))
    ]
    assert (tally.position, tally.as_of) == (moving[-1].position, moving[-1].at)


@given(arbitrary.events, st.integers(1, 2**62))
def test_an_event_that_is_no_vote_leaves_it_as_it_is(event, position):
    before = Tally(Counts(2, 2, 2, 2, 2, 2, 2), 0, START)  # an event takes two away at most
    after = tallies.evolve(before, Recorded(position, ANY, 1, event, START))
    assert (after is before) == (not is_vote(event))


@pytest.mark.parametrize("year", [1, 1969, 2200, 9999])
def test_a_vote_at_a_time_that_was_never_is_refused(year):
    at = datetime(year, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="no vote was cast at"):
        tallies.evolve(EMPTY, Recorded(1, ANY, 1, cast("ship"), at))


@pytest.mark.parametrize("at", [TIME_MIN, TIME_END - timedelta(microseconds=1)])
def test_a_vote_at_the_first_time_and_at_the_last_counts(at):
    assert evolved(EMPTY, 1, cast("ship"), at).ship == 1


@pytest.mark.parametrize("event", [VoteRetracted("ship"), cast("ship", "skip")])
def test_a_vote_that_was_not_there_cannot_be_taken_back(event):
    with pytest.raises(ValueError, match=r"^it retracts a vote that does not exist$"):
        tallies.evolve(EMPTY, Recorded(1, ANY, 1, event, START))


def test_it_begins_at_nothing_when_the_tool_is_listed_and_outlives_a_second_listing():
    listed = ToolListed("atlas", Entry("Atlas", "Maps"))
    begun = tallies.evolve(None, Recorded(7, TOOL, 1, listed, START, "atlas"))
    assert begun == Tally(Counts(), 7, START)
    assert tallies.evolve(begun, Recorded(9, TOOL, 3, listed, START)) is begun
    assert tallies.evolve(None, Recorded(9, VOTE, 1, cast("ship"), START)) is None


def heat_of(*seconds):
    tally = EMPTY
    for position, second in enumerate(seconds, 1):
        at = datetime.fromtimestamp(second, UTC)
        tally = evolved(tally, position, cast("ship"), at)
    return tally.heat


@given(st.lists(st.integers(1_600_000_000, 1_700_000_000), min_size=1, max_size=20))
def test_heat_is_the_sum_of_the_decayed_votes(seconds):
    latest = max(seconds)
    total = sum(2 ** ((second - latest) / HEAT_HALF_LIFE_S) for second in seconds)
    assert isclose(heat_of(*seconds), latest / HEAT_HALF_LIFE_S + log2(total), rel_tol=1e-12)


def test_two_votes_of_one_half_life_ago_weigh_as_much_as_one_of_now():
    now = 1_650_000_000
    assert isclose(heat_of(now - HEAT_HALF_LIFE_S, now - HEAT_HALF_LIFE_S), heat_of(now))
    assert heat_of(now - HEAT_HALF_LIFE_S - 60) < heat_of(now - HEAT_HALF_LIFE_S) < heat_of(now)


def test_votes_two_centuries_apart_are_as_hot_in_either_order():
    first, last = 0, 7_000_000_000
    assert heat_of(first, last) == heat_of(last, first) == heat_of(last)


def test_a_retraction_leaves_the_heat():
    at = START + timedelta(days=1)
    warm = evolved(EMPTY, 1, cast("ship"))
    after = evolved(warm, 2, VoteRetracted("ship"), at)
    assert after == Tally(Counts(), 2, at, warm.heat, moves=2)


def test_a_vote_that_does_not_count_gives_no_heat_and_takes_its_own_when_discounted():
    def heat(*events):
        tally = EMPTY
        for position, (event, minutes) in enumerate(events, 1):
            at = START + timedelta(minutes=minutes)
            tally = evolved(tally, position, event, at)
        return tally.heat

    one, two = (cast("ship"), 0), (cast("ship"), 9)
    unproven = VoteCast("ship", against="unproven"), 5
    discounted = VoteDiscounted(FIRST, "ship"), 9
    restored = VoteRestored(FIRST, "ship", None, "ruling"), 9
    assert heat(one, unproven) == heat(one)
    assert isclose(heat(one, two, discounted), heat(one))
    assert isclose(heat(one, two, discounted, restored), heat(one, two))
    assert heat(two, discounted) == 0


def models_after(*events):
    """The read models after the events about one tool at positions 1, 2, …"""
    models = ReadModels(PROJECTIONS, "here")
    models.fold(
        Recorded(position, ANY, position, event, START, "id-1")
        for position, event in enumerate(events, 1)
    )
    return models


@pytest.mark.parametrize("stale", [True, False])
def test_it_is_shown_with_what_it_allows_to_say(stale):
    counts = Counts(9, 1, unproven=1, unchecked=2, ruled=4, ruling=8)
    assert tally_view("atlas", Tally(counts, 12, START), stale=stale) == TallyView(
        tool="atlas",
        ship=9,
        skip=1,
        total=10,
        ship_share=0.9,
        call="too_early",
        leaning="ship",
        estimate=11 / 14,
        interval=community(9, 1).interval,
        position=12,
        as_of=START,
        stale=stale,
        held=7,
        discounted=8,
        against={"unproven": 1, "unchecked": 2, "ruled": 4, "ruling": 8},
        under_review=True,
        close=False,
    )


@pytest.mark.parametrize(("held", "call"), [(0, "ship"), (5, "too_early")])
def test_while_many_votes_are_held_it_calls_nothing_that_a_few_could_change(held, call):
    counts = Counts(ship=10, unproven=held)
    assert tally_view("atlas", Tally(counts, 12, START), stale=False).call == call


def framed(models, stale=False):
    assert TALLIES.frame is not None
    return TALLIES.frame(models, "id-1", stale)


@pytest.mark.parametrize("stale", [True, False])
def test_its_frame_names_the_tool_by_the_slug_of_now(stale):
    entry = Entry("Atlas", "Maps")
    models = models_after(ToolListed("atlas", entry), cast("ship"), ToolRenamed("map", entry))
    shown = tally_view("map", Tally(Counts(1), 2, START), stale=stale)
    assert msgspec.json.decode(framed(models, stale), type=TallyView) == shown


def test_without_a_tally_or_the_profile_there_is_no_frame():
    models = models_after()
    assert framed(models) is None
    models.partitions[partition_of("id-1")].put(TALLIES.name, "id-1", EMPTY)
    assert framed(models) is None


def test_where_there_is_no_heat_none_is_taken():
    cold = Tally(Counts(ship=1), 0, START)
    assert evolved(cold, 1, VoteDiscounted(FIRST, "ship")).heat == 0.0


@given(tools, st.lists(st.tuples(voters, choices), max_size=30))
def test_voters_do_not_count_twice(tool, said):
    log = log_of([*LISTINGS, *(CastVote(tool, voter, choice) for voter, choice in said)])
    assert tally_of(log, tool).total == len({voter for voter, _ in said})
