"""Votes over time: a tool's own vote events, counted into hours or days.

An imported vote stands late in the log but carries the time at which it was cast, so events are
put into buckets by their time and not by their order.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Literal

from msgspec import Struct

from votes.domain.terms import Time, ToolSlug
from votes.domain.vote import VOTE_EVENTS
from votes.engine.log import Position
from votes.engine.ports import Alike, AlikeOf, EventStore
from votes.projections import tallies

Bucket = Literal["hour", "day"]

BUCKETS_MAX = 750
"""A month of hours, two years of days."""

WIDTH: dict[Bucket, timedelta] = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
BUCKETS_DEFAULT: dict[Bucket, int] = {"hour": 48, "day": 30}
assert max(BUCKETS_DEFAULT.values()) <= BUCKETS_MAX

_ORIGIN = datetime(1970, 1, 1, tzinfo=UTC)
_EVER = timedelta(days=1_000_000)


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


async def trend(
    store: EventStore,
    tool: ToolSlug,
    asked: Window,
    position: Position,
    without: Collection[Position] = (),
) -> TrendView:
    """The votes in the window, of the events up to the position of the tool's last one, but for
    those that no model counts either.

    Raises `Unavailable`.
    """
    until, width = asked.end - timedelta.resolution, WIDTH[asked.bucket]
    votes = await votes_counted(store, tool, position, until, without, asked.start, width)
    return TrendView(tool, asked.bucket, count(votes, asked), position)


async def votes_counted(
    store: EventStore,
    tool: ToolSlug,
    position: Position,
    until: datetime,
    without: Collection[Position] = (),
    since: datetime = _ORIGIN,
    width: timedelta = _EVER,
) -> list[Alike]:
    """The tool's votes up to a position and a time, counted whoever cast them."""
    asked = AlikeOf(tool, VOTE_EVENTS, position, until, since, width, without)
    return await store.alike(asked)


def count(votes: Iterable[Alike], asked: Window) -> list[TrendBucket]:
    """The votes by bucket; those before the first bucket are in the totals alone."""
    moved = [[0, 0] for _ in range(asked.count)]
    ship_total = skip_total = 0
    for alike in votes:
        ship, skip = (alike.count * one for one in tallies.moved(alike.event))
        if alike.stretch < 0:
            ship_total, skip_total = ship_total + ship, skip_total + skip
        elif alike.stretch < asked.count:
            moved[alike.stretch][0] += ship
            moved[alike.stretch][1] += skip
    buckets = []
    for at, (ship, skip) in zip(asked.starts(), moved, strict=True):
        ship_total, skip_total = ship_total + ship, skip_total + skip
        buckets.append(TrendBucket(at, ship, skip, ship_total, skip_total))
    return buckets
