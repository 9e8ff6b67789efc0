"""Votes over time: windows of whole hours or days, and what they hold."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from msgspec import Struct

from votes.domain.terms import Time, ToolId, ToolSlug
from votes.engine.log import Position
from votes.engine.read_model_store import ValueKey
from votes.projections.over_time import (
    HOURS,
    MONTHS,
    Slot,
    Slots,
    day_key,
    month_number,
)
from votes.projections.tallies import Counts

Bucket = Literal["hour", "day"]

BUCKETS_MAX = 750
"""A month of hours, two years of days."""

WIDTH: dict[Bucket, timedelta] = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
BUCKETS_DEFAULT: dict[Bucket, int] = {"hour": 48, "day": 30}
assert max(BUCKETS_DEFAULT.values()) <= BUCKETS_MAX

_ORIGIN = datetime(1970, 1, 1, tzinfo=UTC)


class BadRange(ValueError):
    """No votes can be counted for this range of time; the message says why."""


class TrendBucket(Struct, frozen=True):
    """The votes from `at` on, for one hour or day (UTC).

    `ship` and `skip` are by how much the tally changed in it: below zero where votes were taken
    back or changed sides. `ship_total` and `skip_total` are the tally as it stood at its end.
    """

    at: Time
    ship: int
    skip: int
    ship_total: int
    skip_total: int


class TrendView(Struct, frozen=True):
    """The votes on a tool, oldest bucket first; `position` is that of its last vote."""

    tool: ToolSlug
    bucket: Bucket
    buckets: list[TrendBucket]
    position: Position


class Window(Struct, frozen=True):
    """`count` whole buckets from `start` on."""

    bucket: Bucket
    start: datetime
    count: int

    @property
    def end(self) -> datetime:
        return self.start + self.count * WIDTH[self.bucket]

    def starts(self) -> list[datetime]:
        return [self.start + number * WIDTH[self.bucket] for number in range(self.count)]


def window(bucket: Bucket, start: datetime | None, end: datetime | None, now: datetime) -> Window:
    """The whole buckets that `start` to `end` (exclusive) touches; without them, the latest ones.

    Raises `BadRange`.
    """
    width = WIDTH[bucket]
    try:
        end = end or (start + BUCKETS_DEFAULT[bucket] * width if start else now)
        start = start or _floor(end, width) - (BUCKETS_DEFAULT[bucket] - 1) * width
        if start >= end:
            raise BadRange("from: must be before to.")
        first = _floor(start, width)
        count = -((first - end) // width)
        if count > BUCKETS_MAX:
            raise BadRange(f"from, to: {count} buckets, at most {BUCKETS_MAX} are given at once.")
        found = Window(bucket, first, count)
        _ = found.end
    except OverflowError as error:
        raise BadRange("from, to: beyond the years that there are.") from error
    return found


def _floor(at: datetime, width: timedelta) -> datetime:
    return at - (at - _ORIGIN) % width


def read_in(tool: ToolId, asked: Window) -> list[ValueKey]:
    """The values that a trend is made of: the months, and the hours of each day from the first of
    the month in which it starts."""
    start = asked.start.replace(day=1, hour=0)
    days = range((asked.end - timedelta.resolution - start).days + 1)
    hours = [(HOURS, day_key(tool, start + timedelta(day))) for day in days]
    return [(MONTHS, tool), *hours]


def buckets(asked: Window, found: Sequence[Slots | None]) -> list[TrendBucket]:
    """What the window holds, by the values that `read_in` names."""
    months, *hours = found
    so_far = total(before(months or (), month_number(asked.start)))
    a_day = WIDTH["day"] // WIDTH[asked.bucket]
    first = (asked.start - asked.start.replace(day=1, hour=0)) // WIDTH[asked.bucket]
    given = [Counts()] * asked.count
    for day, slots in enumerate(hours):
        for slot in slots or ():
            place = day * a_day + slot.number * a_day // 24 - first
            if place < 0:
                so_far += slot.counts
            elif place < asked.count:
                given[place] += slot.counts
    shown = []
    for at, made in zip(asked.starts(), given, strict=True):
        so_far += made
        shown.append(TrendBucket(at, made.ship, made.skip, so_far.ship, so_far.skip))
    return shown


def before(slots: Iterable[Slot], number: int) -> Iterator[Slot]:
    return (slot for slot in slots if slot.number < number)


def total(slots: Iterable[Slot]) -> Counts:
    """The difference that the votes of the slots made."""
    return sum((slot.counts for slot in slots), Counts())
