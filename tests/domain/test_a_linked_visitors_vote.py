"""A visitor who logs in has one vote with the user, and nothing that did not count counts by it."""

from datetime import timedelta

import pytest
from hypothesis import example
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.domain.histories import START, carried_out, log_of
from tests.domain.names import ANN, BOB, FIRST, HERE, SECOND, THERE
from tests.domain.specification import given
from votes.domain import link, moved_vote, vote
from votes.domain.link import LinkVisitor, UnlinkVisitor, VisitorLinked, VisitorUnlinked
from votes.domain.moderation.ruling import LiftRuling, MakeRuling, Selector
from votes.domain.moved_vote import Both, MoveVote
from votes.domain.terms import ToolId, user, visitor
from votes.domain.tool import Entry, ListTool, ToolListed
from votes.domain.vote import CastVote, RetractVote, Vote
from votes.domain.vote_events import (
    Before,
    Origin,
    VoteCast,
    VoteMoved,
    VoteRetracted,
    VoteWithdrawn,
)
from votes.engine.decider import ForStream, state_of
from votes.engine.heads import NOTHING, Head
from votes.projections import tallies
from votes.projections.tallies import Counts

TOOL = ToolId("atlas")
LISTING = ListTool(TOOL, TOOL, Entry("Atlas", "Maps"))
LISTED = ToolListed(TOOL, Entry("Atlas", "Maps"))
LINK, MOVE = LinkVisitor(HERE, ANN), MoveVote(HERE, ANN, TOOL)
THEIRS, OWN = vote.stream(visitor(HERE), TOOL), vote.stream(user(ANN), TOOL)
TO_ANN = VisitorLinked(ANN)


def test_the_last_link_of_a_visitor_holds():
    given(link.decider).when(LINK).then(TO_ANN)
    given(link.decider, TO_ANN).when(LINK).then_nothing()
    given(link.decider, TO_ANN).when(LinkVisitor(HERE, BOB)).then(VisitorLinked(BOB))


def test_a_link_is_taken_back_by_whom_it_is_to():
    given(link.decider, TO_ANN).when(UnlinkVisitor(HERE, BOB)).then_nothing()
    given(link.decider, TO_ANN).when(UnlinkVisitor(HERE, ANN)).then(VisitorUnlinked())
    given(link.decider, TO_ANN, VisitorUnlinked()).when(UnlinkVisitor(HERE, ANN)).then_nothing()


VOTES = (
    CastVote(TOOL, visitor(HERE), "ship"),
    RetractVote(TOOL, visitor(HERE)),
    CastVote(TOOL, user(BOB), "ship", by=HERE),
    RetractVote(TOOL, user(BOB), HERE),
)


@pytest.mark.parametrize("command", VOTES)
def test_a_linked_visitor_votes_for_nobody_else(command):
    given(vote.decider, LISTED, TO_ANN).when(command).then_refused("visitor_linked")


def test_a_linked_visitor_votes_for_the_user():
    asked = CastVote(TOOL, user(ANN), "ship", "unproven", HERE)
    held = VoteCast("ship", against="unproven")
    given(vote.decider, LISTED, TO_ANN).when(asked).then(held)
    given(vote.decider, LISTED).when(asked).then_refused("visitor_linked")
    given(vote.decider, LISTED, TO_ANN, VisitorUnlinked()).when(asked).then_refused(
        "visitor_linked"
    )


def test_whosever_it_is_a_visitors_vote_relies_on_the_links_of_the_visitor():
    for command in VOTES:
        assert link.stream(HERE) in vote.decider.streams(command)
    assert vote.decider.streams(CastVote(TOOL, user(ANN), "ship"))[2:] == ()


def heads(theirs=None, own=None, linked=TO_ANN, *, newer=True):
    at = START + timedelta(hours=1 if newer else -1)
    return {
        THEIRS: NOTHING if theirs is None else Head(theirs, 1, 5, at),
        OWN: NOTHING if own is None else Head(own, 1, 4, START),
        link.stream(HERE): NOTHING if linked is None else Head(linked, 1, 6, START),
    }


def withdrawn(to=None, left=None, **before):
    return VoteWithdrawn(6, Before(**before), to, left)


def of_own(**own):
    return Origin(HERE, 6, Before(**own), START)


def moved(**said):
    state = state_of(moved_vote.decider, MOVE, heads(**said))
    return moved_vote.decide(MOVE, state)


def test_the_newer_choice_of_the_visitor_becomes_the_users():
    to_ann, origin = withdrawn(ANN, choice="ship"), Origin(HERE, 6)
    assert moved(theirs=VoteCast("ship")) == [
        ForStream(OWN, VoteMoved("ship", origin=origin)),
        to_ann,
    ]
    replaced = VoteMoved("ship", previous="skip", origin=of_own(choice="skip"))
    theirs = moved(theirs=VoteCast("ship"), own=VoteCast("skip"))
    assert theirs == [ForStream(OWN, replaced), to_ann]


def test_the_older_one_is_no_more():
    gone = moved(theirs=VoteCast("ship", against="unproven"), own=VoteCast("skip"), newer=False)
    assert gone == [withdrawn(choice="ship", against="unproven")]


def test_a_vote_taken_back_later_is_taken_back():
    back = VoteRetracted("ship")
    both = moved(theirs=back, own=VoteCast("skip"))
    to_none = VoteMoved(None, previous="skip", origin=of_own(choice="skip"))
    assert both == [ForStream(OWN, to_none), withdrawn(ANN)]
    first = VoteMoved(None, origin=Origin(HERE, 6))
    assert moved(theirs=back) == [ForStream(OWN, first), withdrawn(ANN)]
    older = moved(theirs=VoteCast("skip"), own=back, newer=False)
    assert older == [withdrawn(choice="skip")]


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"own": VoteCast("ship")},
        {"theirs": VoteWithdrawn(6, to=ANN), "own": VoteMoved("ship")},
        {"theirs": VoteCast("ship"), "linked": None},
        {"theirs": VoteCast("ship"), "linked": VisitorUnlinked()},
        {"theirs": VoteCast("ship"), "linked": VisitorLinked(BOB)},
    ],
)
def test_nothing_is_moved_that_is_not_there_or_not_the_users(said):
    assert moved(**said) == []


def test_of_two_votes_under_two_rulings_the_users_stays_under_its_own():
    first, second = (
        VoteCast("ship", against="ruled", discounted_by=name) for name in (FIRST, SECOND)
    )
    assert moved(theirs=first, own=second) == [
        withdrawn(None, FIRST, choice="ship", against="ruled", discounted_by=FIRST)
    ]


def test_of_two_links_with_acts_of_one_moment_the_one_that_was_first_stays():
    asked = moved_vote.OfferVote(HERE, ANN, TOOL, 6)
    theirs, own = VoteWithdrawn(6, Before("ship")), VoteMoved("skip", origin=Origin(THERE, 5))
    heads = {THEIRS: Head(theirs, 2, 7, START), OWN: Head(own, 1, 4, START)}
    state = state_of(moved_vote.offering, asked, heads)
    assert moved_vote.offering.decide(asked, state) == []
    later = replace(state, visitors_at=START + timedelta(seconds=1))
    assert moved_vote.offering.decide(asked, later) != []


def tally(log):
    found = None
    for recorded in log.events:
        if recorded.subject == TOOL:
            found = tallies.evolve(found, recorded)
    return found


def counts(log):
    return tally(log).counts


helds = st.none() | st.sampled_from(("unproven", "unchecked"))
choices = st.sampled_from(("ship", "skip"))
voters = st.sampled_from((visitor(HERE), user(ANN)))
acts = st.lists(
    st.builds(CastVote, st.just(TOOL), voters, choices, helds)
    | st.builds(RetractVote, st.just(TOOL), voters),
    max_size=8,
)
selectors = st.sampled_from(
    [
        Selector(),
        Selector(held=True),
        *(Selector(START + timedelta(minutes=number)) for number in range(3, 9)),
        *(Selector(None, START + timedelta(minutes=number)) for number in range(3, 9)),
    ]
)
verdicts = st.sampled_from(("discount", "release"))


def last_of(log, stream):
    head = log.head(stream)
    return head, vote.evolve(Vote(), head.event) if head.version else Vote()


def carry_out(log, ruling, selector=None):
    """As the worker does: on the votes that stand now, and on what they became."""
    for stream in (THEIRS, OWN):
        head, there = last_of(log, stream)
        if head.version and (selector is None or selector.selects(head.at, there)):
            yield ruled(stream, ruling)


def ruled(stream, ruling):
    return carried_out(vote.voter_of(stream), TOOL, ruling)


def follow(log, commands):
    for command in commands:
        log.submit(command)
        if last_of(log, command.vote)[1].moved_to is not None:
            log.submit(ruled(OWN, command.ruling))


@for_all(acts)
def test_one_vote_counts_and_it_is_the_newest_act(history):
    log = log_of([LISTING, *history])
    before = {stream: last_of(log, stream) for stream in (THEIRS, OWN)}
    log.submit(LINK)
    log.submit(MOVE)
    (theirs, _), (own, _) = before[THEIRS], before[OWN]
    newest = before[THEIRS if theirs.version and theirs.at >= own.at else OWN][1]
    assert last_of(log, THEIRS)[1].choice is None
    assert last_of(log, OWN)[1].choice == newest.choice
    expected = {} if newest.choice is None else {newest.against or newest.choice: 1}
    assert counts(log) == Counts(**expected)


@for_all(acts, selectors)
@example([CastVote(TOOL, visitor(HERE), "ship")], Selector())
def test_when_votes_are_discounted_does_not_matter_to_a_link(history, selector):
    made = MakeRuling(FIRST, TOOL, selector, "discount", "A burst.")
    early, late = (log_of([LISTING, *history]) for _ in range(2))
    for log in (early, late):
        log.submit(made)
    follow(early, list(carry_out(early, "first", selector)))
    asked = list(carry_out(late, "first", selector))
    for log in (early, late):
        log.submit(LINK)
        log.submit(MOVE)
    follow(late, asked)
    assert counts(early).total == counts(late).total


@for_all(acts, selectors, verdicts, st.booleans())
def test_a_ruling_lifted_after_a_link_leaves_no_trace(history, selector, verdict, late):
    """Carried out before the link or, where `late`, after it."""
    plain, log = (log_of([LISTING, *history]) for _ in range(2))
    log.submit(MakeRuling(FIRST, TOOL, selector, verdict, "A burst."))
    asked = list(carry_out(log, "first", selector))
    if not late:
        follow(log, asked)
    for one in (plain, log):
        one.submit(LINK)
        one.submit(MOVE)
    follow(log, asked)
    log.submit(LiftRuling(FIRST, TOOL))
    follow(log, list(carry_out(log, "first")))
    assert counts(log) == counts(plain)


@for_all(acts, selectors)
@example(
    [CastVote(TOOL, user(ANN), "ship"), CastVote(TOOL, visitor(HERE), "skip")],
    Selector(None, START + timedelta(minutes=4)),
)
def test_a_link_lets_no_discounted_or_held_vote_count(history, selector):
    log = log_of([LISTING, *history])
    log.submit(MakeRuling(FIRST, TOOL, selector, "discount", "A burst."))
    follow(log, list(carry_out(log, "first", selector)))
    before = [last_of(log, stream)[1] for stream in (THEIRS, OWN)]
    counting = [one for one in before if one.choice is not None and one.against is None]
    log.submit(LINK)
    log.submit(MOVE)
    assert counts(log).total <= len(counting)
    own = last_of(log, OWN)[1]
    if before[1].discounted_by is not None:
        assert counts(log).total == 0
        assert own.discounted_by == "first"


def test_both():
    assert state_of(moved_vote.decider, MOVE, heads(linked=None)) == Both()
