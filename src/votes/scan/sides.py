"""One-sidedness: whether the choices of a group are those of the others, or of one hand.

The null hypothesis is that on each tool the group chooses as the others do: by a Beta posterior of
the share of ship, from the votes of the others on the tool and a prior of the weight of two votes
with the share of all tools. The alternative is that on each tool most of the group's votes are for
one side, and a part is honest, with a share from that posterior. The parts are a mixture, and so
are the sides of each tool. The ratio of the two likelihoods is an e-value (Ramdas, Grünwald, Vovk
and Shafer 2023, "Game-theoretic statistics and safe anytime-valid inference"): where the null is
true, it reaches E with a chance of at most 1/E."""

from collections.abc import Iterable, Sequence
from math import exp, lgamma, log, sqrt

PRIOR_VOTES = 2.0
STRICT: Sequence[float] = (0.0, 0.1)
LOOSE: Sequence[float] = (*STRICT, 0.3)
"""Which parts of the group's votes may be honest."""
SHARE_MIN = 0.001
SPREAD = 1.5
"""How many standard deviations the honest share is below or above its mean, or not at all."""

Counts = tuple[int, int]
"""Votes of ship and of skip."""


def log_evidence(
    tools: Sequence[tuple[Counts, Counts]], share: float, parts: Sequence[float] = LOOSE
) -> float:
    """The natural log of the e-value, from the votes of the group and of the others on each tool.

    `share` is the share of ship on all tools.
    """
    share = min(max(share, 0.05), 0.95)
    return log_mean(
        sum(_log_ratio(group, others, share, part) for group, others in tools) for part in parts
    )


def _log_ratio(group: Counts, others: Counts, share: float, part: float) -> float:
    """The log of the ratio of the likelihoods where this part of the group's votes is honest."""
    a, b = PRIOR_VOTES * share + others[0], PRIOR_VOTES * (1 - share) + others[1]
    ship, skip = group
    honest = _log_beta(a + ship, b + skip) - _log_beta(a, b)
    mean = a / (a + b)
    spread = SPREAD * sqrt(mean * (1 - mean) / (a + b + 1))
    sided = []
    for side in (1.0, 0.0):
        for rest in (mean - spread, mean, mean + spread):
            p = (1 - part) * side + part * min(max(rest, 0.0), 1.0)
            p = min(max(p, SHARE_MIN), 1 - SHARE_MIN)
            sided.append(ship * log(p) + skip * log(1 - p))
    return log_mean(sided) - honest


def log_mean(logs: Iterable[float]) -> float:
    """The log of the mean of numbers, from their logs."""
    values = list(logs)
    top = max(values)
    return top + log(sum(exp(value - top) for value in values) / len(values))


def log_choose(n: int, k: int) -> float:
    """The natural log of the number of ways to choose k of n."""
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
