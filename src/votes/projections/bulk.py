"""Votes on a tool, many at a time: what all projections make of them, in one pass.

Nearly all events of a log are of these two types. The other events of votes are rare, and change
rulings too.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache, reduce
from itertools import groupby, repeat
from operator import attrgetter, floordiv
from typing import Any

from msgspec import Struct, field
from msgspec.structs import astuple

from votes.domain.vote_events import VoteCast, VoteRetracted
from votes.engine.log import TIME_END, Columns, Position
from votes.engine.projection import Before, Bulk, Change
from votes.projections import over_time
from votes.projections.cohorts import COHORTS, Cohorts, add, split
from votes.projections.over_time import (
    HOURS,
    MARKS,
    MONTHS,
    Slot,
    Slots,
    added,
    day_key,
    mark_key,
    month_number,
)
from votes.projections.tallies import TALLIES, Counts, Tally, heated, moved, warmth_of

SECONDS_END = TIME_END.timestamp()
DAY_ZERO = date(1970, 1, 1).toordinal()
HOUR_S = 3_600


class _Effect(Struct, frozen=True):
    """What an event changes: the steps of the counts, its warmth, and the cohorts, each by key and
    value of the claim."""

    steps: tuple[tuple[int, int], ...]
    warmth: int
    parts: tuple[tuple[str, str, Counts], ...]


class _Sum(Struct):
    """Some votes: the change of the tally by them, and their first and last position."""

    first: Position
    last: Position
    counts: list[int] = field(default_factory=lambda: [0] * len(Counts.__struct_fields__))


_Effects = Mapping[int, _Effect]
"""By the id of an event: the same object often stands for equal events."""

_steps = lru_cache(attrgetter("steps"))


def _effect(tool: str, event: Any) -> _Effect:
    has_claims = event.previous_claims or (type(event) is VoteCast and event.claims)
    parts = tuple(split(tool, event)) if has_claims else ()
    return _Effect(_steps(moved(event)), warmth_of(event), parts)


def fold(tool: str, votes: Columns, before: Before) -> list[Change] | None:
    """The changes by these votes; None where the tool is not listed, or a vote is to be parked."""
    tally = before(TALLIES, tool)
    if tally is None or min(votes.seconds) < 0 or max(votes.seconds) >= SECONDS_END:
        return None
    ids = [*map(id, votes.events)]
    distinct = dict(zip(ids, votes.events, strict=True))
    effects = {number: _effect(tool, event) for number, event in distinct.items()}
    warmth = {number: effect.warmth for number, effect in effects.items()}
    warmths = [*map(warmth.__getitem__, ids)]
    changes: list[Change] = []
    place = 0
    while place < len(ids):
        left = -tally.moves % over_time.MARK_EVERY
        if not left:
            changes.append((MARKS.name, mark_key(tool, votes.positions[place]), tally))
        end = min(place + (left or over_time.MARK_EVERY), len(ids))
        counts = _counts_after(tally.counts, ids[place:end], effects)
        if counts is None:
            return None
        heat = heated(tally.heat, votes.seconds[place:end], warmths[place:end])
        last = votes.positions[end - 1], datetime.fromtimestamp(votes.seconds[end - 1], UTC)
        tally = Tally(counts, *last, heat, tally.moves + end - place)
        place = end
    changes.append((TALLIES.name, tool, tally))
    return [
        *changes,
        *_by_cohort(ids, effects, before),
        *_over_time(tool, ids, effects, votes, before),
    ]


def _counts_after(before: Counts, ids: Sequence[int], effects: _Effects) -> Counts | None:
    """The counts after these events; None where one of them would be below zero in between."""
    after, least = [*astuple(before)], [*astuple(before)]
    for number, times in Counter(ids).items():
        for place, step in effects[number].steps:
            after[place] += step * times
            least[place] += min(step, 0) * times
    if min(least) < 0 and _falls_below_zero(before, ids, effects):
        return None
    return Counts(*after)


def _falls_below_zero(before: Counts, ids: Sequence[int], effects: _Effects) -> bool:
    counts = [*astuple(before)]
    for number in ids:
        for place, step in effects[number].steps:
            counts[place] += step
            if counts[place] < 0:
                return True
    return False


def _by_cohort(ids: Sequence[int], effects: _Effects, before: Before) -> Iterator[Change]:
    cohorts: dict[str, Cohorts] = {}
    if any(effect.parts for effect in effects.values()):
        for number in ids:
            for key, value, change in effects[number].parts:
                if key not in cohorts:
                    stored = before(COHORTS, key)
                    cohorts[key] = dict(stored or {})
                add(cohorts[key], value, change)
    for key, cohort in cohorts.items():
        yield COHORTS.name, key, cohort or None


def _over_time(
    tool: str, ids: Sequence[int], effects: _Effects, votes: Columns, before: Before
) -> Iterator[Change]:
    sums = _by_hour(ids, effects, votes)
    months: defaultdict[tuple[int, bool], list[_Sum]] = defaultdict(list)
    for number, times in groupby(sorted(sums), lambda time: time[0] // 24):
        day, slots = date.fromordinal(DAY_ZERO + number), []
        for hour, late in times:
            total = sums[hour, late]
            slots.append(_slot(hour % 24, late, [total]))
            months[month_number(day), late].append(total)
        key = day_key(tool, day)
        yield HOURS.name, key, _joined(before(HOURS, key), slots)
    slots = [_slot(*month, months[month]) for month in sorted(months)]
    yield MONTHS.name, tool, _joined(before(MONTHS, tool), slots)


def _slot(number: int, late: bool, sums: Sequence[_Sum]) -> Slot:
    """The slot of all these votes."""
    if len(sums) == 1:
        return Slot(number, late, Counts(*sums[0].counts), sums[0].first, sums[0].last)
    counts = map(sum, zip(*(one.counts for one in sums), strict=True))
    first, last = min(one.first for one in sums), max(one.last for one in sums)
    return Slot(number, late, Counts(*counts), first, last)


def _joined(before: Slots | None, slots: Sequence[Slot]) -> Slots:
    """The slots after these, which are in order, are added."""
    return reduce(added, slots, before) if before else tuple(slots)


def _by_hour(ids: Sequence[int], effects: _Effects, votes: Columns) -> dict[tuple[int, bool], _Sum]:
    """The votes of each hour since 1970, and the late ones of it."""
    hours = map(int, map(floordiv, votes.seconds, repeat(HOUR_S)))
    times = [*zip(hours, votes.lates, strict=True)]
    last = dict(zip(times, votes.positions, strict=True))
    first = dict(zip(reversed(times), reversed(votes.positions), strict=True))
    sums = {time: _Sum(first[time], position) for time, position in last.items()}
    for (time, number), count in Counter(zip(times, ids, strict=True)).items():
        counts = sums[time].counts
        for place, step in effects[number].steps:
            counts[place] += step * count
    return sums


BULK = Bulk(frozenset({VoteCast, VoteRetracted}), (TALLIES, MONTHS, HOURS, MARKS, COHORTS), fold)
