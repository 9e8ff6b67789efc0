"""The panel's verdict is the majority's, from three reviews on."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votes.domain.terms import Choice
from votes.domain.verdict import panel

SHIP: tuple[Choice, int] = ("ship", 50)
SKIP: tuple[Choice, int] = ("skip", 50)
opinions = st.lists(st.tuples(st.sampled_from(("ship", "skip")), st.integers(0, 100)), max_size=12)


@pytest.mark.parametrize(
    ("ship", "skip", "verdict"),
    [
        (0, 0, "pending"),
        (1, 0, "pending"),
        (2, 0, "pending"),
        (0, 2, "pending"),
        (1, 1, "pending"),
        (3, 0, "ship"),
        (2, 1, "ship"),
        (1, 2, "skip"),
        (0, 3, "skip"),
        (2, 2, "mixed"),
        (3, 2, "ship"),
        (2, 3, "skip"),
        (3, 3, "mixed"),
        (50, 51, "skip"),
    ],
)
def test_the_table(ship, skip, verdict):
    assert panel([SHIP] * ship + [SKIP] * skip).verdict == verdict


@pytest.mark.parametrize("score", [0, 50, 100])
def test_the_mean_score_never_breaks_a_tie(score):
    assert panel([("ship", score)] * 2 + [("skip", score)] * 2).verdict == "mixed"
    assert panel([("ship", 100), ("ship", 100), ("skip", score), ("skip", 0)]).verdict == "mixed"


def test_low_scores_do_not_outweigh_the_majority():
    assert panel([("ship", 1), ("ship", 2), ("skip", 100)]).verdict == "ship"


def test_what_is_shown_beside_it():
    shown = panel([("ship", 90), ("ship", 60), ("skip", 30)])
    assert (shown.ship, shown.skip, shown.ship_share) == (2, 1, 2 / 3)
    assert (shown.mean_score, shown.spread) == (60.0, 60)


def test_the_share_of_a_tie_is_a_half():
    assert panel([("ship", 90), ("skip", 30)]).ship_share == 0.5


def test_without_reviews_there_is_nothing_to_show():
    shown = panel([])
    assert (shown.ship_share, shown.mean_score, shown.spread) == (None, None, None)


@given(opinions)
def test_it_does_not_depend_on_the_order_of_the_reviews(said):
    assert panel(said) == panel(sorted(said)) == panel(iter(said[::-1]))


@given(opinions)
def test_exchanging_the_choices_exchanges_the_verdict(said):
    other: dict[Any, Choice] = {"ship": "skip", "skip": "ship"}
    exchanged = panel((other[choice], score) for choice, score in said)
    assert exchanged.verdict == other.get(panel(said).verdict, panel(said).verdict)
