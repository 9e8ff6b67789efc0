"""Votes over time: windows of whole hours or days, and what they hold."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from msgspec import Struct

from votes.domain.terms import Time, ToolSlug
from votes.engine.keeping import Asked
from votes.engine.log import Position
from votes.engine.read_model import ReadModel
from votes.projections.over_time import (
    DAYS,
    HOURS,
    MONTHS,
    Slot,
    Slots,
    day_key,
    hour_key,
    month_number,
)

Bucket = Literal["hour", "day"]

BUCKETS_MAX = 750
"""A month of hours, two years of days."""

WIDTH: dict[Bucket, timedelta] = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
BUCKETS_DEFAULT: dict[Bucket, int] = {"hour": 48, "day": 30}
assert max(BUCKETS_DEFAULT.values()) <= BUCKETS_MAX

_ORIGIN = datetime(1970, 1, 1, tzinfo=UTC)
NO_VOTES = Slot(0, 0, 0, 0, 0)


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


def read_in(tool: ToolSlug, asked: Window) -> list[Asked]:
    """The values that a trend is made of: the months, the days of those that the window touches or
    starts in, and for hours the hours of its days."""
    days = sorted({at.date() for at in asked.starts()})
    months = sorted({day.replace(day=1) for day in days})
    values: list[Asked] = [(MONTHS, tool)]
    values += [(DAYS, day_key(tool, month)) for month in months]
    if asked.bucket == "hour":
        values += [(HOURS, hour_key(tool, day)) for day in days]
    return values


def buckets(asked: Window, found: Mapping[Asked, Slots], tool: ToolSlug) -> list[TrendBucket]:
    """What the window holds, by the values that `read_in` names."""

    def slots(model: ReadModel[Slots], key: str) -> Slots:
        return found.get((model, key)) or ()

    start = asked.start
    ship_total, skip_total = total(
        before(slots(MONTHS, tool), month_number(start)),
        before(slots(DAYS, day_key(tool, start)), start.day),
        before(slots(HOURS, hour_key(tool, start)), start.hour),
    )
    moved: dict[tuple[str, int], Slot] = {}
    for model, key in read_in(tool, asked)[1:]:
        moved |= {(key, slot.number): slot for slot in slots(model, key)}
    given = []
    for at in asked.starts():
        here = hour_key(tool, at), at.hour
        if asked.bucket == "day":
            here = day_key(tool, at), at.day
        slot = moved.get(here, NO_VOTES)
        ship_total, skip_total = ship_total + slot.ship, skip_total + slot.skip
        given.append(TrendBucket(at, slot.ship, slot.skip, ship_total, skip_total))
    return given


def before(slots: Iterable[Slot], number: int) -> Iterator[Slot]:
    return (slot for slot in slots if slot.number < number)


def total(*parts: Iterable[Slot]) -> tuple[int, int]:
    """By how much the slots changed ship and skip."""
    slots = [slot for part in parts for slot in part]
    return sum(slot.ship for slot in slots), sum(slot.skip for slot in slots)
