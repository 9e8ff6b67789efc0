"""The two verdicts: the panel's rule, and the community's rule.

The community's rule is a test by betting. Against "the share of ship is p", the likelihood of
the votes under a Beta(2,2) mixture over all shares, divided by their likelihood under p, is an
e-value (Robbins 1970, "Statistical methods related to the law of the iterated logarithm";
Ramdas, Grünwald, Vovk and Shafer 2023, "Game-theoretic statistics and safe anytime-valid
inference"):

    E(p) = B(s+2, k+2) / B(2, 2) / (p^s (1-p)^k) = 6 (s+1)! (k+1)! / (n+3)! / (p^s (1-p)^k)

By Ville's inequality a true p is ever refuted (E >= 20) with a chance of at most 1/20, however
often one looks. So a verdict may be read after every vote.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import factorial, lgamma, log
from typing import Literal

from msgspec import Struct

from votes.domain.terms import Choice

EVIDENCE_TO_REFUTE = 20
PANEL_REVIEWS_MIN = 3
EXACT_VOTES_MAX = 1_000
_NEAR = 1e-6
"""Evidence that is so near to what refutes is compared exactly: up to `EXACT_VOTES_MAX` votes the
error of its logarithm is a ten-thousandth of this."""
WILSON_Z = 1.2816
"""The 90 % point of the normal distribution: one true share in ten is below the bound."""

HELD_TO_REVIEW_MIN = 5
HELD_SHARE_MAX = 0.2
DOUBTED_VOTES = 8
"""More than new visitors can add to a tool in an hour without a proof, too few for a call."""

CLOSE_WIDTH_MAX = 0.3
"""An interval no wider comes of a hundred votes on an even tool. Where such an interval still
contains one half, more votes say that it is close, rather than that it is early."""

_INTERVAL_STEPS = 24

PanelVerdict = Literal["pending", "ship", "mixed", "skip"]
Call = Literal["none", "too_early", "ship", "skip", "split"]


class Community(Struct, frozen=True):
    """The community's verdict.

    `leaning` is the side in the lead while it is too early for a call. `estimate` is the mean of
    the share of ship under a Beta(2,2) prior; `interval` holds the shares of ship that the votes
    do not refute (95 %, valid at every look). All three are None without votes. `close` tells the
    two kinds of `too_early` apart, by the width of that interval: a wide one has few votes, in one
    of `CLOSE_WIDTH_MAX` or less many disagree. Under review it is False.
    """

    call: Call
    leaning: Choice | None
    estimate: float | None
    interval: tuple[float, float] | None
    close: bool = False


class Panel(Struct, frozen=True):
    """The panel's verdict. Scores are 0 to 100; `spread` is the highest minus the lowest."""

    verdict: PanelVerdict
    ship: int
    skip: int
    ship_share: float | None
    mean_score: float | None
    spread: int | None


def share(ship: int, skip: int) -> float | None:
    """The share of ship, None without votes."""
    return ship / (ship + skip) if ship + skip else None


def panel(opinions: Iterable[tuple[Choice, int]]) -> Panel:
    """The panel's decision from (choice, score) of each review.

    Fewer than three reviews decide nothing; then the majority does, and a tie is mixed. The mean
    score is shown, and never breaks a tie.
    """
    choices, scores = [], []
    for choice, score in opinions:
        choices.append(choice)
        scores.append(score)
    ship = choices.count("ship")
    skip = len(choices) - ship
    return Panel(
        verdict=panel_verdict(choices),
        ship=ship,
        skip=skip,
        ship_share=share(ship, skip),
        mean_score=sum(scores) / len(scores) if scores else None,
        spread=max(scores) - min(scores) if scores else None,
    )


def panel_verdict(choices: Sequence[Choice]) -> PanelVerdict:
    """The verdict alone."""
    ship, skip = choices.count("ship"), choices.count("skip")
    if ship + skip < PANEL_REVIEWS_MIN:
        return "pending"
    if ship == skip:
        return "mixed"
    return "ship" if ship > skip else "skip"


def is_under_review(total: int, held: int) -> bool:
    """Whether so many votes are held, beside the total that counts, that somebody has to look."""
    return held >= HELD_TO_REVIEW_MIN and held > HELD_SHARE_MAX * (total + held)


@lru_cache(maxsize=65_536)
def community(ship: int, skip: int, *, under_review: bool = False) -> Community:
    """The community's verdict on the `ship` and `skip` votes that count.

    Under review a few of those may be of the same hand as the held ones. So nothing is called then
    that would not be called without any `DOUBTED_VOTES` of them; what many votes say stands.
    """
    says = call(ship, skip, under_review=under_review)
    if says == "none":
        return Community("none", None, None, None)
    interval = _interval(ship, skip)
    narrow = interval[1] - interval[0] <= CLOSE_WIDTH_MAX
    return Community(
        call=says,
        leaning=_leader(ship, skip) if says == "too_early" else None,
        estimate=(ship + 2) / (ship + skip + 4),
        interval=interval,
        close=says == "too_early" and narrow and not under_review,
    )


@lru_cache(maxsize=4_096)
def call(ship: int, skip: int, *, under_review: bool = False) -> Call:
    """The call of the community's verdict alone."""
    if ship + skip == 0:
        return "none"
    says = _call(ship, skip)
    return "too_early" if under_review and not _is_firm(says, ship, skip) else says


def _is_firm(call: Call, ship: int, skip: int) -> bool:
    fewer = (max(ship - DOUBTED_VOTES, 0), skip), (ship, max(skip - DOUBTED_VOTES, 0))
    return all(_call(*votes) == call for votes in fewer)


def _leader(ship: int, skip: int) -> Choice | None:
    if ship == skip:
        return None
    return "ship" if ship > skip else "skip"


def _call(ship: int, skip: int) -> Call:
    near_half = 2 * (ship + skip) <= 5 * ship <= 3 * (ship + skip)  # 40 % to 60 %
    if near_half and _refutes(ship, skip, 2, 3, 5) and _refutes(ship, skip, 3, 2, 5):
        return "split"
    leader = _leader(ship, skip)
    if leader is not None and _refutes(ship, skip, 1, 1, 2):
        return leader
    return "too_early"


def _refutes(ship: int, skip: int, for_ship: int, for_skip: int, out_of: int) -> bool:
    """Whether the votes refute that the share of ship is `for_ship / out_of`.

    By logarithms, whose error is far smaller than the effect of one vote. Up to `EXACT_VOTES_MAX`
    votes a near result is exact in integers, so that a replay is identical.
    """
    total, p = ship + skip, for_ship / out_of
    likelihood = ship * log(p) + skip * log(1 - p)
    evidence_left = _log_likelihood_refuted(ship, skip) - likelihood
    if total > EXACT_VOTES_MAX or abs(evidence_left) > _NEAR:
        return evidence_left >= 0
    evidence: int = 6 * factorial(ship + 1) * factorial(skip + 1) * out_of**total
    needed: int = EVIDENCE_TO_REFUTE * factorial(total + 3) * for_ship**ship * for_skip**skip
    return evidence >= needed


def _log_likelihood_refuted(ship: int, skip: int) -> float:
    """The log-likelihood at and below which a share is refuted: where log E(p) = log 20."""
    mixture = log(6) + lgamma(ship + 2) + lgamma(skip + 2) - lgamma(ship + skip + 4)
    return mixture - log(EVIDENCE_TO_REFUTE)


def _interval(ship: int, skip: int) -> tuple[float, float]:
    """The shares that the votes do not refute: the likelihood falls on both sides of `observed`."""
    observed = ship / (ship + skip)
    refuted = _log_likelihood_refuted(ship, skip)

    def boundary(inside: float, outside: float) -> float:
        for _ in range(_INTERVAL_STEPS):
            middle = (inside + outside) / 2
            if ship * log(middle) + skip * log(1 - middle) > refuted:
                inside = middle
            else:
                outside = middle
        return round(inside, 6)

    return boundary(observed, 0.0) if ship else 0.0, boundary(observed, 1.0) if skip else 1.0


def wilson_lower(ship: int, skip: int) -> float:
    """The lower bound of the share of ship, to rank by and never to label by; 0 without votes.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    total = ship + skip
    if total == 0:
        return 0.0
    observed, z2 = ship / total, WILSON_Z**2
    margin = WILSON_Z * (observed * (1 - observed) / total + z2 / (4 * total**2)) ** 0.5
    return float((observed + z2 / (2 * total) - margin) / (1 + z2 / total))
