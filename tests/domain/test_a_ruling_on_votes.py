"""A ruling takes votes out of a tally or lets held ones in, and lifted it leaves no trace."""

from datetime import timedelta
from typing import get_args

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from tests.domain.histories import START, carried_out, log_of, vote_commands, voters
from tests.domain.names import ATLAS, BOB, CYD, FIRST, NOTION, SECOND
from tests.domain.specification import given
from votes.domain import vote
from votes.domain.moderation import ruled_vote, ruling
from votes.domain.moderation.ruled_vote import CarryOut
from votes.domain.moderation.ruling import (
    LiftRuling,
    MakeRuling,
    RulingLifted,
    RulingMade,
    Selector,
)
from votes.domain.terms import PersonId, ToolId, user
from votes.domain.tool import Entry, ListTool, ToolDelisted, ToolListed
from votes.domain.vote import CastVote, RetractVote, Vote
from votes.domain.vote_events import (
    HELD,
    Against,
    VoteCast,
    VoteDiscounted,
    VoteHeld,
    VoteReleased,
    VoteRestored,
    VoteRetracted,
)
from votes.engine.log import Stream
from votes.projections import tallies
from votes.projections.tallies import Counts

LISTED = ToolListed("notion", Entry("Notion", "Notes"))
SELECTOR = Selector(held=True)
DISCOUNT = RulingMade(SELECTOR, "discount", "A burst.")
RELEASE = RulingMade(SELECTOR, "release", "An office.")
LIFTED = RulingLifted()
SHIP = VoteCast("ship")
UNPROVEN = VoteCast("ship", against="unproven")
DISCOUNTED = VoteDiscounted(FIRST, "ship")
OBEY = CarryOut(Stream("vote:x"), NOTION, FIRST)
ANN = user(PersonId("ann"))
MAKE = MakeRuling(FIRST, NOTION, SELECTOR, "discount", "A burst.")
LIFT = LiftRuling(FIRST, NOTION)


def test_a_ruling_is_made_once_and_lifted_once():
    given(ruling.decider, LISTED).when(MAKE).then(DISCOUNT)
    given(ruling.decider, LISTED, DISCOUNT).when(MAKE).then_nothing()
    given(ruling.decider, LISTED, DISCOUNT).when(LIFT).then(LIFTED)
    given(ruling.decider, LISTED, DISCOUNT, LIFTED).when(LIFT).then_nothing()
    given(ruling.decider, LISTED, DISCOUNT, LIFTED).when(MAKE).then_nothing()


def test_a_ruling_on_a_tool_that_was_delisted_can_be_made_and_lifted():
    delisted = ToolDelisted("notion")
    given(ruling.decider, LISTED, delisted).when(MAKE).then(DISCOUNT)
    given(ruling.decider, LISTED, DISCOUNT, delisted).when(LIFT).then(LIFTED)


@pytest.mark.parametrize("name", ["first", "", "a:b"])
def test_a_stream_says_which_ruling_it_is_of(name):
    assert ruling.ruling_of(ruling.stream(name)) == name


@pytest.mark.parametrize("name", ["", "ruling", "tool:first", "vote:3:ann:ruling:first"])
def test_no_other_stream_does(name):
    with pytest.raises(ValueError, match=r"^not the stream of a ruling$"):
        ruling.ruling_of(name)


def test_what_is_not_there_is_refused():
    given(ruling.decider).when(MAKE).then_refused("tool_unknown")
    given(ruling.decider, LISTED).when(LIFT).then_refused("ruling_unknown")


def test_a_selector_selects_votes_from_its_start_on_and_before_its_end():
    moment, hour = timedelta(microseconds=1), timedelta(hours=1)
    times = START - moment, START, START + hour - moment, START + hour
    window = Selector(START, START + hour)
    assert [window.selects(at, Vote()) for at in times] == [False, True, True, False]
    assert all(Selector().selects(at, Vote()) for at in times)


@pytest.mark.parametrize("against", [None, *get_args(Against)])
def test_a_selector_of_held_votes_selects_no_others(against):
    assert SELECTOR.selects(START, Vote(against=against)) == (against in HELD)
    assert Selector().selects(START, Vote(against=against))


@pytest.mark.parametrize("against", [None, "unproven", "unchecked"])
def test_a_vote_is_discounted_once_and_restored_to_what_stood_before(against):
    cast = VoteCast("ship", against=against)
    discounted = VoteDiscounted(FIRST, "ship", against)
    given(ruled_vote.decider, cast, DISCOUNT).when(OBEY).then(discounted)
    given(ruled_vote.decider, cast, discounted, DISCOUNT).when(OBEY).then_nothing()
    restored = VoteRestored(FIRST, "ship", against, "ruling")
    given(ruled_vote.decider, cast, discounted, LIFTED).when(OBEY).then(restored)
    given(ruled_vote.decider, cast, discounted, restored, LIFTED).when(OBEY).then_nothing()


@pytest.mark.parametrize("against", ["unproven", "unchecked"])
def test_a_held_vote_is_released_once_and_held_again_when_that_is_lifted(against):
    cast, released = VoteCast("ship", against=against), VoteReleased(FIRST, "ship", against)
    given(ruled_vote.decider, cast, RELEASE).when(OBEY).then(released)
    given(ruled_vote.decider, cast, released, RELEASE).when(OBEY).then_nothing()
    held = VoteHeld(FIRST, "ship", against)
    given(ruled_vote.decider, cast, released, LIFTED).when(OBEY).then(held)
    given(ruled_vote.decider, cast, released, held, LIFTED).when(OBEY).then_nothing()


def test_a_release_leaves_alone_what_counts_and_what_is_discounted():
    given(ruled_vote.decider, SHIP, RELEASE).when(OBEY).then_nothing()
    by_another = VoteDiscounted(SECOND, "ship")
    ruled = VoteCast("skip", "ship", "ruled", "ruling", SECOND)
    given(ruled_vote.decider, SHIP, by_another, RELEASE).when(OBEY).then_nothing()
    given(ruled_vote.decider, SHIP, by_another, ruled, RELEASE).when(OBEY).then_nothing()


def test_what_a_release_let_in_and_its_voter_changed_since_stays():
    released = VoteReleased(FIRST, "ship", "unproven")
    changed = VoteCast("skip", "ship")
    given(vote.decider, LISTED, UNPROVEN, released).when(CastVote(NOTION, ANN, "skip")).then(
        changed
    )
    given(ruled_vote.decider, UNPROVEN, released, changed, LIFTED).when(OBEY).then_nothing()


def test_a_vote_cast_after_the_ruling_and_before_it_is_carried_out_is_discounted():
    changed = VoteCast("skip", "ship")
    discounted = VoteDiscounted(FIRST, "skip")
    given(ruled_vote.decider, SHIP, DISCOUNT, changed).when(OBEY).then(discounted)


def test_what_one_ruling_discounted_is_left_to_it():
    for before in (None, "unproven"):
        by_another = VoteDiscounted(SECOND, "ship", before)
        for said in (DISCOUNT, LIFTED):
            given(ruled_vote.decider, SHIP, by_another, said).when(OBEY).then_nothing()


def test_a_vote_taken_back_before_it_is_discounted_is_marked_all_the_same():
    taken_back = SHIP, VoteRetracted("ship")
    marked = VoteDiscounted(FIRST, None)
    given(ruled_vote.decider, *taken_back, DISCOUNT).when(OBEY).then(marked)
    lifted = given(ruled_vote.decider, *taken_back, marked, LIFTED).when(OBEY)
    lifted.then(VoteRestored(FIRST, None))


def test_a_held_vote_taken_back_after_it_was_discounted_leaves_nothing_held():
    back = VoteRetracted("ship", "ruling", FIRST, "unproven")
    lifted = given(ruled_vote.decider, UNPROVEN, DISCOUNTED_UNPROVEN, back, LIFTED).when(OBEY)
    lifted.then(VoteRestored(FIRST, None))


def test_later_votes_of_a_discounted_voter_are_held_and_stand_when_it_is_lifted():
    there = LISTED, UNPROVEN, DISCOUNTED_UNPROVEN
    cast = VoteCast("skip", "ship", "ruled", "ruling", FIRST, "unproven")
    given(vote.decider, *there).when(CastVote(NOTION, ANN, "skip")).then(cast)
    given(vote.decider, *there).when(CastVote(NOTION, ANN, "ship")).then_nothing()
    back = VoteRetracted("ship", "ruling", FIRST, "unproven")
    given(vote.decider, *there).when(RetractVote(NOTION, ANN)).then(back)
    again = VoteCast("ship", None, "ruled", None, FIRST, "unproven")
    given(vote.decider, *there, back).when(CastVote(NOTION, ANN, "ship")).then(again)
    restored = VoteRestored(FIRST, "ship", "unproven", "ruled")
    given(ruled_vote.decider, *there[1:], back, again, LIFTED).when(OBEY).then(restored)


DISCOUNTED_UNPROVEN = VoteDiscounted(FIRST, "ship", "unproven")

tool = ToolId("atlas")
LISTING = ListTool(tool, tool, Entry("Atlas", "Maps"))
cast_commands = vote_commands.map(lambda command: type(command)(tool, *_rest(command)))
everybody = [ANN, user(BOB), user(CYD)]


def _rest(command):
    return [getattr(command, name) for name in command.__struct_fields__[1:]]


def counts(log):
    tally = None
    for recorded in log.events:
        if recorded.subject == tool:
            tally = tallies.evolve(tally, recorded)
    assert tally is not None
    return tally.counts


def submit(log, *commands):
    for command in commands:
        log.submit(command)


def all_of(name):
    return [carried_out(voter, tool, name) for voter in everybody]


@for_all(st.lists(cast_commands, max_size=20), st.lists(voters, max_size=9))
def test_discounted_votes_are_gone_and_lifted_all_is_as_it_was(history, some):
    """Whatever was carried out already, and however often."""
    log = log_of([LISTING, *history])
    before = counts(log)
    made = MakeRuling(FIRST, tool, Selector(), "discount", "A burst.")
    partly = [carried_out(voter, tool, FIRST) for voter in some]
    submit(log, made, *partly, *all_of("first"), *partly)
    assert counts(log) == Counts(ruling=before.total + before.held + before.on_behalf)
    submit(log, LiftRuling(FIRST, tool), *partly, *all_of("first"), *partly)
    assert counts(log) == before


@for_all(st.lists(cast_commands, max_size=20), st.lists(voters, max_size=9))
def test_released_votes_count_and_lifted_all_is_as_it_was(history, some):
    log = log_of([LISTING, *history])
    before = counts(log)
    made = MakeRuling(FIRST, tool, Selector(), "release", "An office.")
    partly = [carried_out(voter, tool, FIRST) for voter in some]
    submit(log, made, *partly, *all_of("first"))
    assert (counts(log).held, counts(log).total) == (0, before.total + before.held)
    submit(log, LiftRuling(FIRST, tool), *partly, *all_of("first"))
    assert counts(log) == before


@for_all(
    st.lists(cast_commands, max_size=9),
    st.lists(cast_commands | st.builds(carried_out, voters, st.just(tool), st.just("first"))),
)
def test_when_a_ruling_is_carried_out_does_not_matter(before, since):
    """Who had voted when it was made has no vote that counts, be it carried out at once or late."""
    made = MakeRuling(FIRST, tool, Selector(), "discount", "A burst.")
    early, late = log_of([LISTING, *before, made]), log_of([LISTING, *before, made])
    there = {recorded.stream for recorded in early.events if "vote:" in recorded.stream}
    ruled = [command for command in all_of("first") if command.vote in there]
    others = [one for one in since if not isinstance(one, CarryOut) or one.vote in there]
    submit(early, *ruled, *others, *ruled)
    submit(late, *others, *ruled)
    assert (counts(early).ship, counts(early).skip) == (counts(late).ship, counts(late).skip)


@pytest.mark.parametrize("first", [None, "on_behalf"])
@pytest.mark.parametrize("later", [None, "on_behalf"])
def test_a_later_vote_is_told_apart_after_the_ruling_if_it_came_so(first, later):
    ruled = [
        ListTool(ATLAS, "atlas", Entry("Atlas", "Maps")),
        CastVote(ATLAS, ANN, "ship", first),
        MakeRuling(FIRST, ATLAS, Selector(), "discount", "A burst."),
        carried_out(ANN, ATLAS, FIRST),
        CastVote(ATLAS, ANN, "skip", later),
    ]
    assert counts(log_of(ruled)) == Counts(ruled=1)
    lifted = [*ruled, LiftRuling(FIRST, ATLAS), carried_out(ANN, ATLAS, FIRST)]
    assert counts(log_of(lifted)) == (Counts(on_behalf=1) if later else Counts(skip=1))


def test_no_ruling_releases_what_is_told_apart():
    told = VoteCast("ship", against="on_behalf")
    given(ruled_vote.decider, told, RELEASE).when(OBEY).then_nothing()
    assert not SELECTOR.selects(START, vote.evolve(Vote(), told))
