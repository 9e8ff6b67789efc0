"""A persona of the panel has at most one review on a tool."""

import pytest

from tests.domain.names import NOTION
from tests.domain.specification import given
from votes.domain import review
from votes.domain.review import (
    Opinion,
    PublishReview,
    ReviewPublished,
    ReviewRevised,
    ReviewWithdrawn,
    WithdrawReview,
)
from votes.domain.tool import Entry, ToolDelisted, ToolListed, ToolRevised

LISTED = ToolListed("notion", Entry("Notion", "Notes"))
REVISED_TOOL = ToolRevised("notion", Entry("Notion", "Documents"))
DELISTED = ToolDelisted("notion")
GOOD = Opinion(80, "ship", "Well made.")
BAD = Opinion(30, "skip")
PUBLISHED = ReviewPublished(GOOD)
REVISED = ReviewRevised(BAD)
WITHDRAWN = ReviewWithdrawn()


def publish(opinion):
    return PublishReview(NOTION, "skeptic", opinion)


WITHDRAW = WithdrawReview(NOTION, "skeptic")


@pytest.mark.parametrize(
    "events", [(LISTED,), (LISTED, REVISED_TOOL), (LISTED, PUBLISHED, WITHDRAWN)]
)
def test_a_first_opinion_is_published(events):
    given(review.decider, *events).when(publish(GOOD)).then(PUBLISHED)


def test_the_same_opinion_again_changes_nothing():
    given(review.decider, LISTED, PUBLISHED).when(publish(GOOD)).then_nothing()
    given(review.decider, LISTED, PUBLISHED, REVISED).when(publish(BAD)).then_nothing()


@pytest.mark.parametrize(
    "opinion", [BAD, Opinion(81, "ship", "Well made."), Opinion(80, "ship", "Well made!")]
)
def test_an_opinion_that_differs_in_anything_revises_the_review(opinion):
    given(review.decider, LISTED, PUBLISHED).when(publish(opinion)).then(ReviewRevised(opinion))


def test_a_review_is_withdrawn_once():
    given(review.decider, LISTED, PUBLISHED, REVISED).when(WITHDRAW).then(WITHDRAWN)
    given(review.decider, LISTED, PUBLISHED, WITHDRAWN).when(WITHDRAW).then_nothing()
    given(review.decider, LISTED).when(WITHDRAW).then_nothing()


@pytest.mark.parametrize("command", [publish(GOOD), WITHDRAW])
@pytest.mark.parametrize("events", [(), (LISTED, DELISTED), (LISTED, PUBLISHED, DELISTED)])
def test_a_tool_that_is_not_listed_is_not_reviewed(events, command):
    given(review.decider, *events).when(command).then_refused("tool_unknown")


def test_reviews_outlive_a_delisting():
    relisted = given(review.decider, LISTED, PUBLISHED, DELISTED, LISTED)
    relisted.when(publish(GOOD)).then_nothing()


def test_a_command_writes_to_the_reviews_stream_and_reads_the_tools():
    for command in (publish(GOOD), WITHDRAW):
        assert review.decider.streams(command) == ("review:notion:skeptic", "tool:notion")


def test_a_stream_says_whose_it_is():
    assert review.persona_of(review.stream(NOTION, "skeptic")) == "skeptic"


@pytest.mark.parametrize("stream", ["", "review:", "review:notion", "review:notion:A", "tool:a:b"])
def test_no_other_stream_does(stream):
    with pytest.raises(ValueError, match=r"^not the stream of a review$|cannot be a slug$"):
        review.persona_of(stream)
