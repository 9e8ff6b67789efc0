"""The journal says of each ruling what was ruled, why, and on how many votes it is carried out."""

from datetime import timedelta
from itertools import accumulate

import pytest

from tests.domain.histories import START
from tests.domain.names import ATLAS, FIRST
from votes.domain.moderation.ruling import RulingLifted, RulingMade, Selector, stream
from votes.domain.vote_events import VoteDiscounted, VoteHeld, VoteReleased, VoteRestored
from votes.engine.log import Recorded, reason_of
from votes.engine.read_models import ReadModels
from votes.projections import PROJECTIONS
from votes.projections.rulings import RULINGS, Ruling

MADE = RulingMade(Selector(held=True), "discount", "A burst.")
ON_A_VOTE = (
    VoteDiscounted(FIRST, "ship"),
    VoteReleased(FIRST, "ship", "unproven"),
    VoteRestored(FIRST, "ship"),
    VoteHeld(FIRST, "ship", "unproven"),
)


def hours(number):
    return START + timedelta(hours=number)


def journal_after(*events):
    """The read models after events on the tool `atlas`, at positions 1, 2, …, one an hour."""
    models = ReadModels(PROJECTIONS, "here")
    of_ruling = stream(FIRST)
    models.fold(
        Recorded(number, of_ruling, number, event, hours(number), "atlas")
        for number, event in enumerate(events, 1)
    )
    return models


def test_it_begins_with_what_was_ruled():
    assert dict(journal_after(MADE).items(RULINGS)) == {
        "first": Ruling(
            tool=ATLAS,
            selector=Selector(held=True),
            verdict="discount",
            reason="A burst.",
            made=1,
            made_at=hours(1),
            lifted_at=None,
            votes=0,
            position=1,
        )
    }


def test_it_counts_the_votes_on_which_it_is_carried_out():
    discounted, released, restored, held = ON_A_VOTE
    steps = [discounted, released, discounted, restored, held]
    for number, votes in enumerate(accumulate([0, 1, 1, 1, -1, -1])):
        ruling = journal_after(MADE, *steps[:number]).get(RULINGS, "first")
        assert (ruling.votes, ruling.position) == (votes, number + 1)
        assert (ruling.made, ruling.made_at, ruling.lifted_at) == (1, hours(1), None)


def test_it_says_when_a_ruling_was_lifted_and_keeps_the_rest():
    ruling = journal_after(MADE, ON_A_VOTE[0], RulingLifted()).get(RULINGS, "first")
    assert (ruling.lifted_at, ruling.position, ruling.votes) == (hours(3), 3, 1)
    assert (ruling.tool, ruling.reason, ruling.made) == ("atlas", "A burst.", 1)


@pytest.mark.parametrize("event", [RulingLifted(), *ON_A_VOTE])
def test_what_belongs_to_no_ruling_is_parked(event):
    models = journal_after(event)
    assert models.get(RULINGS, "first") is None
    (parked,) = models.parked().values()
    assert parked.reason == reason_of(ValueError("no such ruling was made"))
