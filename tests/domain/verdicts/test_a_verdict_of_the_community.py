"""The community's verdict is called when the votes are evidence enough, however often one looks."""

from bisect import bisect_left
from fractions import Fraction
from math import isclose, log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.verdicts import evidence
from votes.domain.verdict import (
    CLOSE_WIDTH_MAX,
    DOUBTED_VOTES,
    EXACT_VOTES_MAX,
    WILSON_Z,
    Community,
    community,
    is_under_review,
    wilson_lower,
)

LOOKS = 1_000
GRID = 300
counts = st.integers(0, 400)


@pytest.mark.parametrize(
    ("ship", "skip", "call"),
    [
        (0, 0, "none"),
        (1, 0, "too_early"),
        (8, 0, "too_early"),
        (9, 0, "ship"),
        (0, 8, "too_early"),
        (0, 9, "skip"),
        (9, 1, "too_early"),
        (60, 40, "too_early"),
        (125, 125, "too_early"),
        (125, 126, "too_early"),
        (126, 126, "split"),
        (127, 127, "split"),
        (5_000, 5_000, "split"),
        (5_400, 4_600, "split"),
        (4_600, 5_400, "split"),
        (7_000, 3_000, "ship"),
        (10**9, 10**9 - 1, "split"),
        (10**9, 10**8, "ship"),
    ],
)
def test_the_table(ship, skip, call):
    assert community(ship, skip).call == call


@pytest.mark.parametrize(
    ("total", "held", "under_review"),
    [
        (0, 0, False),
        (0, 4, False),
        (0, 5, True),
        (20, 5, False),
        (19, 5, True),
        (10**6, 10**5, False),
    ],
)
def test_it_is_under_review_while_many_votes_are_held(total, held, under_review):
    assert is_under_review(total, held) == under_review


@pytest.mark.parametrize(
    ("ship", "skip", "call"),
    [
        (9, 0, "too_early"),
        (16, 0, "too_early"),
        (17, 0, "ship"),
        (0, 17, "skip"),
        (100, 10, "ship"),
        (127, 127, "too_early"),
        (200, 200, "split"),
        (0, 0, "none"),
    ],
)
def test_under_review_it_calls_what_a_few_votes_could_not_change(ship, skip, call):
    assert community(ship, skip, under_review=True).call == call


def test_what_new_visitors_can_add_unproven_calls_nothing():
    assert community(DOUBTED_VOTES, 0).call == "too_early"


@given(counts, counts)
def test_under_review_nothing_else_is_called(ship, skip):
    calls = community(ship, skip), community(ship, skip, under_review=True)
    assert calls[1].call in (calls[0].call, "too_early")
    assert calls[1].interval == calls[0].interval


def test_where_both_hold_it_is_split():
    """A small lead in many votes is beyond chance, and still no more than a split."""
    assert evidence.refutes(5_300, 4_700, Fraction(1, 2), 10_000)
    assert community(5_300, 4_700).call == "split"
    assert community(6_200, 3_800).call == "ship"


def test_without_votes_there_is_nothing_to_show():
    assert community(0, 0) == Community("none", None, None, None)


@pytest.mark.parametrize(
    ("ship", "skip", "leaning"), [(3, 1, "ship"), (1, 3, "skip"), (2, 2, None)]
)
def test_while_it_is_too_early_the_side_in_the_lead_is_named(ship, skip, leaning):
    assert community(ship, skip).leaning == leaning
    assert community(ship * 10**6, skip * 10**6).leaning is None


def test_the_estimate_is_the_mean_under_the_prior():
    assert community(1, 0).estimate == 3 / 5
    assert community(7, 2).estimate == 9 / 13


@pytest.mark.parametrize("total", range(0, GRID + 1, 20))
def test_it_equals_the_evidence_reckoned_vote_by_vote(total):
    for votes in range(total, min(total + 20, GRID + 1)):
        for ship in range(votes // 2 + 1):
            skip = votes - ship
            assert community(ship, skip).call == evidence.call(ship, skip, 4_000), (ship, skip)


def test_beyond_the_exact_reckoning_logarithms_say_the_same():
    random = Random(2_026)
    for _ in range(300):
        total = random.randint(EXACT_VOTES_MAX + 1, 4_000)
        # Where calls begin and end: shares near 1/2, and near the ends of the split.
        share = random.choice((random.random(), random.gauss(0.5, 0.03), random.gauss(0.4, 0.03)))
        ship = min(total, max(0, round(share * total)))
        assert community(ship, total - ship).call == evidence.call(ship, total - ship, 4_000)


@given(counts, counts)
def test_exchanging_the_sides_exchanges_the_verdict(ship, skip):
    here, there = community(ship, skip), community(skip, ship)
    other: dict[str | None, str] = {"ship": "skip", "skip": "ship"}
    assert there.call == other.get(here.call, here.call)
    assert there.leaning == other.get(here.leaning, here.leaning)
    if here.interval is not None:
        assert here.estimate is not None
        assert there.interval == pytest.approx([1 - end for end in here.interval[::-1]], abs=2e-6)
        assert there.estimate == pytest.approx(1 - here.estimate)


@given(counts, counts.filter(bool))
def test_the_interval_holds_the_share_seen_and_the_estimate(ship, skip):
    shown = community(ship, skip)
    assert shown.interval is not None
    assert shown.estimate is not None
    low, high = shown.interval
    assert 0 <= low <= ship / (ship + skip) <= high <= 1
    assert low <= shown.estimate <= high


def interval(ship: int, skip: int) -> tuple[float, float]:
    """Of a tool that has votes."""
    shown = community(ship, skip).interval
    assert shown is not None
    return shown


def test_the_interval_of_a_unanimous_vote_reaches_the_end():
    assert interval(1, 0)[1] == interval(9, 0)[1] == 1.0
    assert interval(0, 1)[0] == interval(0, 9)[0] == 0.0


@given(counts, counts.filter(bool))
def test_the_ends_of_the_interval_are_told_to_six_decimals(ship, skip):
    for end in interval(ship, skip):
        assert end == round(end, 6)


@given(counts, counts)
def test_the_interval_leaves_out_a_half_exactly_when_the_votes_refute_it(ship, skip):
    shown = community(ship, skip)
    if shown.interval is None:
        return
    low, high = shown.interval
    if min(abs(low - 0.5), abs(high - 0.5)) > 1e-6:
        refuted = evidence.refutes(ship, skip, Fraction(1, 2), 4_000)
        assert refuted == (not low <= 0.5 <= high)


@given(counts, counts.filter(bool), st.sampled_from((0, 1)))
def test_at_the_ends_of_the_interval_the_evidence_is_what_refutes(ship, skip, side):
    end = interval(ship, skip)[side]
    if 0 < end < 1:
        step = (2e-6, -2e-6)[side]
        inside, outside = Fraction(end) + Fraction(step), Fraction(end) - Fraction(step)
        assert not evidence.refutes(ship, skip, inside, 4_000)
        assert not 0 < outside < 1 or evidence.refutes(ship, skip, outside, 4_000)


def bounds(calls):
    """For each number of votes, the least and the most for ship at which there is no call."""
    for votes in range(1, LOOKS + 1):
        half = votes // 2
        above = bisect_left(
            range(half, votes + 1), True, key=lambda ship: calls(ship, votes - ship)
        )
        most = half + above - 1
        yield votes - most, most


def test_one_fair_tool_in_twenty_at_most_is_ever_called_in_a_thousand_looks():
    falsely = evidence.chance_to_stop(
        bounds(lambda ship, skip: community(ship, skip).call in ("ship", "skip"))
    )
    assert 0.03 < falsely < 0.04


def test_a_plain_interval_of_95_percent_would_call_every_second():
    def beyond(ship: int, skip: int) -> bool:
        return abs(ship - skip) > 1.96 * (ship + skip) ** 0.5

    assert evidence.chance_to_stop(bounds(beyond)) > 0.4


def test_fair_votes_as_they_fall_are_rarely_called():
    random = Random(7)
    limits = list(bounds(lambda ship, skip: community(ship, skip).call in ("ship", "skip")))
    called = 0
    for _ in range(2_000):
        ship = 0
        for bit, (least, most) in zip(
            f"{random.getrandbits(LOOKS):0{LOOKS}b}", limits, strict=True
        ):
            ship += bit == "1"
            if not least <= ship <= most:
                called += 1
                break
    assert called <= 0.05 * 2_000


def test_the_wilson_bound_of_a_unanimous_vote():
    assert isclose(wilson_lower(9, 0), 9 / (9 + WILSON_Z**2))
    assert round(wilson_lower(9, 0), 6) == 0.845666
    assert wilson_lower(0, 9) == pytest.approx(0, abs=1e-12)
    assert wilson_lower(0, 0) == 0.0


@given(counts, counts.filter(bool))
def test_the_wilson_bound_is_the_share_from_which_the_votes_are_z_deviations_away(ship, skip):
    bound, total = wilson_lower(ship, skip), ship + skip
    deviation = (bound * (1 - bound) / total) ** 0.5 if bound > 0 else 0.0
    assert ship / total - bound == pytest.approx(WILSON_Z * deviation, abs=1e-7)


def test_more_votes_of_one_share_rank_higher():
    ranks = [wilson_lower(3 * many, many) for many in (1, 10, 100, 1_000)]
    assert ranks == sorted(ranks)
    assert log(ranks[-1]) < log(0.75)


@given(counts, counts, st.booleans())
def test_only_what_is_not_called_is_close_and_only_where_the_interval_is_narrow(ship, skip, review):
    says = community(ship, skip, under_review=review)
    if says.interval is None:
        assert not says.close
        return
    low, high = says.interval
    narrow = high - low <= CLOSE_WIDTH_MAX
    assert says.close == (says.call == "too_early" and narrow and not review)
    assert not says.close or low < 0.5 < high


@pytest.mark.parametrize(("votes", "close"), [(10, False), (49, False), (50, True), (120, True)])
def test_many_even_votes_are_close_and_few_are_early(votes, close):
    says = community(votes, votes)
    assert (says.call, says.close) == ("too_early", close)


def test_even_votes_under_review_may_be_of_one_hand_so_they_are_not_called_close():
    assert not community(60, 60, under_review=True).close
