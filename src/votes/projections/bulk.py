"""Votes on a tool, many at a time: what all projections make of them, in one pass.

Nearly all events of a log are of these two types. The other events of votes are rare, and change
rulings too.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple

from votes.domain.vote_events import VoteCast, VoteRetracted
from votes.engine.log import Position, Recorded
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
from votes.projections.tallies import TALLIES, Counts, Tally, heat_after, moved, warmth_of


class _Sum(Struct):
    """The votes of an hour, or the late ones of it."""

    counts: list[int]
    first: Position
    last: Position = 0


_Hour = tuple[int, int, bool]
"""A day, as in `date.toordinal`, an hour of it, and whether the votes are late."""


_Parts = tuple[tuple[str, str, Counts], ...]
"""Changes of cohorts: the key, the value of the claim, and by how much."""
_Effect = tuple[tuple[tuple[int, int], ...], int, _Parts]
"""What an event changes: the steps of the counts, its warmth, and the cohorts."""

_steps = lru_cache(attrgetter("steps"))


def _effect(tool: str, event: Any) -> _Effect:
    has_claims = event.previous_claims or (type(event) is VoteCast and event.claims)
    return _steps(moved(event)), warmth_of(event), tuple(split(tool, event)) if has_claims else ()


def fold(tool: str, votes: Sequence[Recorded], before: Before) -> list[Change] | None:
    """The changes by these votes; None where the tool is not listed, or a vote is to be parked."""
    tally = before(TALLIES, tool)
    if tally is None:
        return None
    effects: dict[int, _Effect] = {}
    """By the id of an event: the same object often stands for the same event."""
    sums: dict[_Hour, _Sum] = {}
    cohorts: dict[str, Cohorts] = {}
    changes: list[Change] = []
    counts, heat, moves = list(astuple(tally.counts)), tally.heat, tally.moves
    position, as_of = tally.position, tally.as_of
    for vote in votes:
        event, at = vote.event, vote.at
        effect = effects.get(id(event))
        if effect is None:
            effect = effects[id(event)] = _effect(tool, event)
        steps, warmth, parts = effect
        if moves % over_time.MARK_EVERY == 0:
            mark = Tally(Counts(*counts), position, as_of, heat, moves)
            changes.append((MARKS.name, mark_key(tool, vote.position), mark))
        position, as_of, moves = vote.position, at, moves + 1
        hour = at.toordinal(), at.hour, vote.late
        total = sums.get(hour)
        if total is None:
            total = sums[hour] = _Sum([0] * len(counts), position)
        for number, step in steps:
            counts[number] += step
            if counts[number] < 0:
                return None
            total.counts[number] += step
        total.last = position
        if warmth:
            heat = heat_after(heat, warmth, at)
        if parts:
            _add_to(cohorts, parts, before)
    changes.append((TALLIES.name, tool, Tally(Counts(*counts), position, as_of, heat, moves)))
    changes += ((COHORTS.name, key, cohort or None) for key, cohort in cohorts.items())
    return [*changes, *_over_time(tool, sums, before)]


def _add_to(cohorts: dict[str, Cohorts], parts: _Parts, before: Before) -> None:
    for key, value, change in parts:
        if key not in cohorts:
            stored = before(COHORTS, key)
            cohorts[key] = dict(stored or {})
        add(cohorts[key], value, change)


def _over_time(tool: str, sums: dict[_Hour, _Sum], before: Before) -> Iterator[Change]:
    months = before(MONTHS, tool) or ()
    days: dict[str, Slots] = {}
    for (ordinal, hour, late), total in sums.items():
        day = date.fromordinal(ordinal)
        votes = Counts(*total.counts), total.first, total.last
        months = added(months, Slot(month_number(day), late, *votes))
        key = day_key(tool, day)
        if key not in days:
            days[key] = before(HOURS, key) or ()
        days[key] = added(days[key], Slot(hour, late, *votes))
    yield MONTHS.name, tool, months
    for key, slots in days.items():
        yield HOURS.name, key, slots


BULK = Bulk(frozenset({VoteCast, VoteRetracted}), (TALLIES, MONTHS, HOURS, MARKS, COHORTS), fold)
