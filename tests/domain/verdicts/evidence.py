"""The community's rule once more, derived another way: vote by vote.

Under a Beta(2,2) prior the next vote is ship with the chance (s + 2) / (n + 4), so the likelihood
of all votes is a product of such chances. Divided by their likelihood under a share p it is the
evidence against p. All in integers.
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

EVIDENCE = 20


@lru_cache
def products(to: int) -> list[int]:
    """At m: the product of 2, 3, … m + 1."""
    values = [1]
    for m in range(2, to + 2):
        values.append(values[-1] * m)
    return values


@lru_cache
def denominators(to: int) -> list[int]:
    """At n: the product of 4, 5, … n + 3."""
    values = [1]
    for n in range(4, to + 4):
        values.append(values[-1] * n)
    return values


def refutes(ship: int, skip: int, share: Fraction, to: int) -> bool:
    """Whether the votes refute the share of ship; `to` is the most votes ever asked about."""
    under_mixture = products(to)[ship] * products(to)[skip]
    for_ship, out_of = share.numerator, share.denominator
    under_share = for_ship**ship * (out_of - for_ship) ** skip
    total = ship + skip
    return under_mixture * out_of**total >= EVIDENCE * denominators(to)[total] * under_share


def call(ship: int, skip: int, to: int) -> str:
    total = ship + skip
    if total == 0:
        return "none"
    near_half = Fraction(2, 5) <= Fraction(ship, total) <= Fraction(3, 5)
    ends = (Fraction(2, 5), Fraction(3, 5))
    if near_half and all(refutes(ship, skip, end, to) for end in ends):
        return "split"
    if ship != skip and refutes(ship, skip, Fraction(1, 2), to):
        return "ship" if ship > skip else "skip"
    return "too_early"


def chance_to_stop(stops: Iterator[tuple[int, int]]) -> float:
    """The chance that fair votes ever leave the bounds, looked at after each vote.

    `stops` are, for 1, 2, … votes, the most and the least votes for ship that do not stop.
    """
    going, stopped = {0: 1.0}, 0.0
    for least, most in stops:
        after: dict[int, float] = {}
        for ship, chance in going.items():
            for now in (ship, ship + 1):
                if least <= now <= most:
                    after[now] = after.get(now, 0.0) + chance / 2
                else:
                    stopped += chance / 2
        going = after
    return stopped
