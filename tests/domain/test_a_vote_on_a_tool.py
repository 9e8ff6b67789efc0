"""Each voter has one current choice on each tool. Never a toggle."""

import pytest
from msgspec.structs import replace

from tests.domain.names import BOB, NOTION
from tests.domain.specification import given
from votes.domain import vote
from votes.domain.terms import PersonId, VoterId, user, visitor
from votes.domain.tool import Entry, ToolDelisted, ToolListed, ToolRenamed, ToolRevised
from votes.domain.vote import CastVote, RetractVote
from votes.domain.vote_events import VoteCast, VoteRetracted

ANN = user(PersonId("ann"))
LISTED = ToolListed("notion", Entry("Notion", "Notes"))
REVISED = ToolRevised("notion", Entry("Notion", "Documents"))
DELISTED = ToolDelisted("notion")
RENAMED = ToolRenamed("lotion", Entry("Lotion", "Notes"))
SHIP = VoteCast("ship")
TO_SKIP = VoteCast("skip", previous="ship")
RETRACTED = VoteRetracted(previous="ship")


def cast(choice):
    return CastVote(NOTION, ANN, choice)


RETRACT = RetractVote(NOTION, ANN)
CLAIMS = (None, {"plan": "free"}, {"plan": "pro"})


@pytest.mark.parametrize("choice", ["ship", "skip"])
def test_a_first_vote_replaces_nothing(choice):
    given(vote.decider, LISTED).when(cast(choice)).then(VoteCast(choice, None))


@pytest.mark.parametrize(
    "tool_events", [(LISTED, REVISED), (LISTED, RENAMED), (LISTED, DELISTED, LISTED)]
)
def test_a_tool_revised_renamed_or_listed_again_can_be_voted_on(tool_events):
    given(vote.decider, *tool_events).when(cast("ship")).then(SHIP)


def test_the_same_choice_again_changes_nothing():
    given(vote.decider, LISTED, SHIP).when(cast("ship")).then_nothing()
    given(vote.decider, LISTED, SHIP, TO_SKIP).when(cast("skip")).then_nothing()


def test_another_choice_names_the_one_that_it_replaces():
    given(vote.decider, LISTED, SHIP).when(cast("skip")).then(TO_SKIP)


def test_a_vote_has_the_claims_with_which_it_was_cast():
    """The same choice again changes nothing, whatever the claims are now."""
    free, pro = {"plan": "free"}, {"plan": "pro"}
    as_free, as_pro = (CastVote(NOTION, ANN, "ship", claims=one) for one in (free, pro))
    shipped = VoteCast("ship", claims=free)
    given(vote.decider, LISTED).when(as_free).then(shipped)
    for same in (as_free, as_pro, cast("ship")):
        given(vote.decider, LISTED, shipped).when(same).then_nothing()
    skipped = VoteCast("skip", "ship", claims=pro, previous_claims=free)
    given(vote.decider, LISTED, shipped).when(replace(as_pro, choice="skip")).then(skipped)
    given(vote.decider, LISTED, shipped).when(RETRACT).then(
        VoteRetracted("ship", previous_claims=free)
    )
    given(vote.decider, LISTED, skipped).when(cast("ship")).then(
        VoteCast("ship", "skip", previous_claims=pro)
    )


def test_what_is_asked_is_the_same_with_other_claims():
    sent = {vote.decider.as_sent(CastVote(NOTION, ANN, "ship", claims=one)) for one in CLAIMS}
    assert len(sent) == 1


def test_a_retraction_names_what_it_takes_back():
    given(vote.decider, LISTED, SHIP).when(RETRACT).then(RETRACTED)
    given(vote.decider, LISTED, SHIP, TO_SKIP).when(RETRACT).then(VoteRetracted(previous="skip"))


def test_retracting_no_vote_changes_nothing():
    given(vote.decider, LISTED).when(RETRACT).then_nothing()
    given(vote.decider, LISTED, SHIP, RETRACTED).when(RETRACT).then_nothing()


def test_a_vote_after_a_retraction_replaces_nothing():
    given(vote.decider, LISTED, SHIP, RETRACTED).when(cast("ship")).then(SHIP)


@pytest.mark.parametrize("command", [cast("ship"), cast("skip"), RETRACT])
@pytest.mark.parametrize("events", [(), (LISTED, DELISTED), (LISTED, SHIP, DELISTED)])
def test_a_tool_that_is_not_listed_takes_no_votes(events, command):
    given(vote.decider, *events).when(command).then_refused("tool_unknown")


def test_votes_outlive_a_delisting():
    relisted = given(vote.decider, LISTED, SHIP, DELISTED, LISTED)
    relisted.when(cast("ship")).then_nothing()
    relisted.when(cast("skip")).then(TO_SKIP)


def test_votes_outlive_a_renaming():
    renamed = given(vote.decider, LISTED, SHIP, RENAMED)
    renamed.when(cast("ship")).then_nothing()
    renamed.when(cast("skip")).then(TO_SKIP)


@pytest.mark.parametrize("held", ["unproven", "unchecked"])
def test_a_held_vote_counts_when_it_comes_again_proven(held):
    cast_held, vote_held = CastVote(NOTION, ANN, "ship", held), VoteCast("ship", against=held)
    given(vote.decider, LISTED).when(cast_held).then(vote_held)
    given(vote.decider, LISTED, vote_held).when(cast_held).then_nothing()
    now_counts = VoteCast("ship", "ship", previous_against=held)
    given(vote.decider, LISTED, vote_held).when(cast("ship")).then(now_counts)
    given(vote.decider, LISTED, vote_held).when(RETRACT).then(VoteRetracted("ship", held))


def test_a_vote_that_counts_is_not_held_for_coming_again():
    again = CastVote(NOTION, ANN, "ship", "unproven")
    given(vote.decider, LISTED, SHIP).when(again).then_nothing()
    other = CastVote(NOTION, ANN, "skip", "unproven")
    given(vote.decider, LISTED, SHIP).when(other).then(VoteCast("skip", "ship", "unproven"))


def test_whether_a_vote_is_held_is_no_part_of_what_is_asked():
    asked = vote.decider.as_sent(cast("ship"))
    assert vote.decider.as_sent(CastVote(NOTION, ANN, "ship", "unproven")) == asked
    assert vote.decider.as_sent(cast("skip")) != asked
    assert vote.decider.as_sent(RETRACT) != asked


def test_nor_is_whose_vote_it_became():
    """So an idempotency key of a visitor is the same one after a link."""
    for command in (cast("ship"), RETRACT):
        linked = replace(command, voter=user(BOB), by="here")
        assert vote.decider.as_sent(linked) == vote.decider.as_sent(command)


def test_a_command_writes_to_the_voters_stream_and_reads_the_tools():
    assert vote.decider.streams(cast("ship")) == ("vote:8:user:ann:notion", "tool:notion")
    assert vote.decider.streams(RETRACT) == ("vote:8:user:ann:notion", "tool:notion")


@pytest.mark.parametrize("voter", [ANN, visitor("x"), VoterId("import:a:b"), VoterId("")])
def test_a_stream_says_whose_vote_it_is(voter):
    assert vote.voter_of(vote.stream(voter, NOTION)) == voter


def test_a_visitor_and_a_user_of_one_name_are_two_voters():
    streams = {
        vote.stream(voter, NOTION) for voter in (user(PersonId("x")), visitor("x"), VoterId("x"))
    }
    assert len(streams) == 3
