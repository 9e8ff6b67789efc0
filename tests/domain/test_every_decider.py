"""What holds for the deciders of all aggregates, whatever is commanded in whatever order."""

from copy import deepcopy

from hypothesis import assume, example, given

from tests.domain.histories import commands, decider_of, histories, log_of
from tests.domain.names import ANN, ATLAS
from votes.domain import link, moved_vote, person, returned_vote, review, tool, vote
from votes.domain.bookmarks import bookmark, collection, unmatched
from votes.domain.events import EVENT_TYPES
from votes.domain.moderation import ruled_vote, ruling
from votes.domain.terms import Choice, ToolId, user
from votes.domain.tool import Entry, ListTool, SlugTaken, ToolListed, ToolRenamed
from votes.domain.vote import CastVote
from votes.domain.vote_events import (
    UNTIL_PROVEN,
    VoteCast,
    VoteMoved,
    VoteRetracted,
    VoteReverted,
    VoteWithdrawn,
)
from votes.engine.decider import ForStream, Rejected, fold
from votes.engine.log import Stream

DECIDERS = [
    *(tool.decider, vote.decider, bookmark.decider, collection.decider, review.decider),
    *(ruling.decider, ruled_vote.decider, person.decider, link.decider, link.undoing),
    *(moved_vote.decider, moved_vote.offering, returned_vote.decider, unmatched.decider),
]


@given(histories, commands)
def test_the_last_event_of_each_stream_tells_as_much_as_all(history, command):
    log = log_of(history)
    decider = decider_of(command)
    assume(decider.state_of is None)  # which is made of last events alone
    lasts = [log.of([stream])[-1:] for stream in decider.streams(command)]
    for order in (lasts, lasts[::-1]):
        last_events = [recorded.event for last in order for recorded in last]
        assert fold(decider, last_events) == log.state_for(command)


@given(histories, commands)
def test_a_command_once_obeyed_changes_nothing_the_second_time(history, command):
    log = log_of(history)
    first, second = log.submit(command), log.submit(command)
    if isinstance(first, Rejected):
        assert second == first
    else:
        assert list(second) == []


@given(histories, commands)
def test_a_decision_depends_on_nothing_else_and_leaves_nothing_behind(history, command):
    state = log_of(history).state_for(command)
    command_before, state_before = deepcopy(command), deepcopy(state)
    decide = decider_of(command).decide
    assert decide(command, state) == decide(command, state)
    assert (command, state) == (command_before, state_before)


@given(histories, commands)
def test_a_decision_is_events_of_known_types_or_a_stable_refusal(history, command):
    decision = log_of(history).submit(command)
    if isinstance(decision, Rejected):
        codes = "tool_unknown", "slug_taken", "contended", "ruling_unknown", "visitor_linked"
        assert decision.code in codes
    else:
        events = [each.event if isinstance(each, ForStream) else each for each in decision]
        assert all(type(event) in EVENT_TYPES for event in events)


@given(histories)
def test_a_slug_leads_to_one_tool_for_good(history):
    taken: dict[str, ToolId] = {}
    called: dict[str, str] = {}
    for recorded in log_of(history).events:
        match recorded.event:
            case SlugTaken(holder):
                assert taken.setdefault(tool.slug_of(recorded.stream), holder) == holder
            case ToolListed(slug=slug) | ToolRenamed(slug=slug):
                called[recorded.subject] = slug
            case _:
                pass
    assert all(taken[slug] == holder for holder, slug in called.items())


HELD_THEN_PROVEN = [
    ListTool(ATLAS, "atlas", Entry("Atlas", "Maps")),
    CastVote(ATLAS, user(ANN), "ship", "unproven"),
    CastVote(ATLAS, user(ANN), "ship"),
    CastVote(ATLAS, user(ANN), "ship"),
]
"""The second makes the vote count, the third changes nothing."""


@given(histories)
@example(HELD_THEN_PROVEN)
def test_what_an_event_of_votes_replaces_is_what_was_there(history):
    current: dict[Stream, Choice | None] = {}
    for recorded in log_of(history).events:
        match recorded.event:
            case VoteCast(choice, previous, against, previous_against):
                assert previous == current.get(recorded.stream)
                counts_now = against is None and previous_against in UNTIL_PROVEN
                assert choice != previous or counts_now
                current[recorded.stream] = choice
            case VoteMoved(choice=choice, previous=previous):
                assert previous == current.get(recorded.stream)
                current[recorded.stream] = choice
            case VoteReverted(choice=choice, previous=previous):
                assert previous == current.get(recorded.stream)
                current[recorded.stream] = choice
            case VoteWithdrawn(before=before) if recorded.stream in current:
                assert before.choice == current.pop(recorded.stream)
            case VoteRetracted(previous=previous):
                assert previous == current.pop(recorded.stream)
            case _:
                pass
