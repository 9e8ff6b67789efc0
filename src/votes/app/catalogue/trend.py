"""Votes over time: windows of whole hours or days, and the votes in them."""

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
"""About a month of hours, or two years of days."""

WIDTH: dict[Bucket, timedelta] = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
BUCKETS_DEFAULT: dict[Bucket, int] = {"hour": 48, "day": 30}
assert max(BUCKETS_DEFAULT.values()) <= BUCKETS_MAX

_ORIGIN = datetime(1970, 1, 1, tzinfo=UTC)


class BadRange(ValueError):
    """Votes cannot be counted for this range of time; the message says why."""


class TrendBucket(Struct, frozen=True):
    """The votes of the hour or day (UTC) that starts at `at`.

    `ship` and `skip` are the changes of the tally in it: negative where votes were retracted or
    changed. `ship_total` and `skip_total` are the tally at its end.
    """

    at: Time
    ship: int
    skip: int
    ship_total: int
    skip_total: int


class TrendView(Struct, frozen=True):
    """The votes on a tool, oldest bucket first; `position` is that of the tool's last vote."""

    tool: ToolSlug
    bucket: Bucket
    buckets: list[TrendBucket]
    position: Position


class Window(Struct, frozen=True):
    """`count` whole buckets, the first at `start`."""

    bucket: Bucket
    start: datetime
    count: int

    @property
    def end(self) -> datetime:
        return self.start + self.count * WIDTH[self.bucket]

    def starts(self) -> list[datetime]:
        return [self.start + number * WIDTH[self.bucket] for number in range(self.count)]


def window(bucket: Bucket, start: datetime | None, end: datetime | None, now: datetime) -> Window:
    """The whole buckets that overlap `start` to `end` (exclusive); without them, the latest ones.

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
            raise BadRange(f"from, to: {count} buckets, at most {BUCKETS_MAX} are possible.")
        window = Window(bucket, first, count)
        _ = window.end
    except OverflowError as error:
        raise BadRange("from, to: beyond the possible years.") from error
    return window


def _floor(at: datetime, width: timedelta) -> datetime:
    return at - (at - _ORIGIN) % width


def keys_of(tool: ToolId, window: Window) -> list[ValueKey]:
    """The keys of the values that a trend needs: the months, and the hours of each day from the
    first of the month in which it starts."""
    start = window.start.replace(day=1, hour=0)
    days = range((window.end - timedelta.resolution - start).days + 1)
    hours = [(HOURS, day_key(tool, start + timedelta(day))) for day in days]
    return [(MONTHS, tool), *hours]


def buckets(window: Window, values: Sequence[Slots | None]) -> list[TrendBucket]:
    """The buckets of the window, by the values under `keys_of`."""
    so_far, by_bucket = changes(window, values)
    buckets = []
    for at, change in zip(window.starts(), by_bucket, strict=True):
        so_far += change
        buckets.append(TrendBucket(at, change.ship, change.skip, so_far.ship, so_far.skip))
    return buckets


def changes(window: Window, values: Sequence[Slots | None]) -> tuple[Counts, list[Counts]]:
    """The tally before the window, and its change in each bucket, by the values under `keys_of`."""
    months, *hours = values
    so_far = total(before(months or (), month_number(window.start)))
    a_day = WIDTH["day"] // WIDTH[window.bucket]
    first = (window.start - window.start.replace(day=1, hour=0)) // WIDTH[window.bucket]
    by_bucket = [Counts()] * window.count
    for day, slots in enumerate(hours):
        for slot in slots or ():
            place = day * a_day + slot.number * a_day // 24 - first
            if place < 0:
                so_far += slot.counts
            elif place < window.count:
                by_bucket[place] += slot.counts
    return so_far, by_bucket


def before(slots: Iterable[Slot], number: int) -> Iterator[Slot]:
    """The slots with lower numbers."""
    return (slot for slot in slots if slot.number < number)


def total(slots: Iterable[Slot]) -> Counts:
    """The changes of the tally in all the slots."""
    return sum((slot.counts for slot in slots), Counts())
