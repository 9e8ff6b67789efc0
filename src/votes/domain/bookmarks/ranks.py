"""Ranks: places in an order that a person gives, so that a move writes the moved thing alone.

A rank is a fraction between 0 and 1, its digits in base 62 after the point: there is always one
between two others. After "Implementing Fractional Indexing" by David Greenspan
(https://observablehq.com/@dgreensp/implementing-fractional-indexing). What has no rank of its own
has one by when it was added: so nothing has to be written for it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from zlib import crc32

from votes.domain.terms import RANK_LENGTH_MAX, Rank

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BASE = len(DIGITS)
TIME_DIGITS = 14
"""Enough for the microseconds of 2,000 years."""
DAY_S = 86_400

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NoRoom(ValueError):
    """A rank between the two would be longer than a rank may be."""


def default_rank(added_at: datetime, name: str) -> Rank:
    """The rank of what was added at that time; the name tells it apart from others of that time.

    Its digits are hexadecimal, which are in the same order.
    """
    since = added_at - _EPOCH
    time = (since.days * DAY_S + since.seconds) * 10**6 + since.microseconds
    return f"{time:0{TIME_DIGITS}x}{crc32(name.encode()):08x}".rstrip("0")


def between(low: Rank | None, high: Rank | None) -> Rank:
    """A short rank between the two; None is no bound.

    Next to one bound alone it is a step away, and not half-way to the end: so ranks stay short
    while things are moved to the first or last place. Raises `NoRoom`.
    """
    places = (TIME_DIGITS,) if low is None or high is None else ()
    for digits in (*places, *range(1, RANK_LENGTH_MAX + 1)):
        rank = _text(_middle(low, high, digits), digits).rstrip("0")
        if (low or "") < rank and (high is None or rank < high):
            return rank
    raise NoRoom("no rank is between these")


def moved(ranks: Sequence[Rank], place: int, *, up: bool) -> Rank:
    """The rank with which the thing at the place comes before the one above it, or after the one
    below, among things of these ranks in their order. At the end it is its own. Raises `NoRoom`.

    Of things of one rank it passes all at once.
    """
    beside = place - 1 if up else place + 1
    if not 0 <= beside < len(ranks):
        return ranks[place]
    next_to = ranks[beside]
    if up:
        return between(max((rank for rank in ranks if rank < next_to), default=None), next_to)
    return between(next_to, min((rank for rank in ranks if rank > next_to), default=None))


def _middle(low: Rank | None, high: Rank | None, digits: int) -> int:
    end: int = BASE**digits
    if digits == TIME_DIGITS and (low is None or high is None):
        step = _number(high, digits) - 1 if high is not None else _number(low or "", digits) + 1
        return min(max(step, 0), end - 1)
    above = end if high is None else _number(high, digits)
    return min((_number(low or "", digits) + above + 1) // 2, end - 1)


def _number(rank: str, digits: int) -> int:
    """The first digits of the rank."""
    number = 0
    for digit in rank[:digits].ljust(digits, DIGITS[0]):
        number = number * BASE + DIGITS.index(digit)
    return number


def _text(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, BASE)
        text = DIGITS[digit] + text
    return text
