"""Cohorts: a tool's tally split by what logins say of those who voted.

A claim with few heads says how these few voted. So no part of a tally is shown that few made, also
not by what is left of the whole, which everybody knows.
"""

from collections.abc import Mapping

from msgspec import Struct

from votes.app.catalogue.stored import StoredValues
from votes.app.catalogue.tools import Tool
from votes.domain.terms import Time, ToolSlug
from votes.domain.verdict import share
from votes.engine.log import Position
from votes.engine.reading.reader import ReadSource
from votes.projections.cohorts import COHORTS, keys_of
from votes.projections.tallies import TALLIES, Counts

SHOWN_MAX = 100


class CohortTally(Struct, frozen=True):
    """Votes that count; each is of another voter."""

    ship: int
    skip: int
    total: int
    ship_share: float | None


class CohortView(CohortTally, frozen=True):
    """Those of the voters whose login had this value of the claim when they voted."""

    value: str


class CohortsView(Struct, frozen=True):
    """A tool's tally by the values of a claim, most votes first: at most 100, and none with fewer
    than `minimum` votes. All other votes that count are `others`, also those without the claim.
    `distinct` is the number of values with any vote.

    Where `others` would be fewer than `minimum`, the last value is among them. `position`, `as_of`
    and `stale` are as in a tally.
    """

    tool: ToolSlug
    claim: str
    values: list[CohortView]
    others: CohortTally
    distinct: int
    minimum: int
    position: Position
    as_of: Time
    stale: bool


async def cohorts(
    stored: StoredValues, source: ReadSource, tool: Tool, claim: str, minimum: int
) -> CohortsView:
    """The tally and its parts at one moment. Raises `Unavailable`."""
    keys = [(COHORTS, key) for key in keys_of(tool.id, claim)]
    tally, *parts = await stored.read(source, [(TALLIES, tool.id), *keys])
    by_value = {
        value: counts
        for part in parts
        for value, tally_part in (part or {}).items()
        if (counts := tally_part.clipped).total
    }
    shown, others = shown_of(tally.counts, by_value, minimum)
    return CohortsView(
        tool=tool.slug,
        claim=claim,
        values=[CohortView(*_numbers(counts), value) for value, counts in shown],
        others=CohortTally(*_numbers(others)),
        distinct=len(by_value),
        minimum=minimum,
        position=tally.position,
        as_of=tally.as_of,
        stale=source.stale,
    )


def shown_of(
    tally: Counts, by_value: Mapping[str, Counts], minimum: int
) -> tuple[list[tuple[str, Counts]], Counts]:
    """The values that are shown, and what is left of the tally."""
    ranked = sorted(by_value.items(), key=lambda one: (-one[1].total, one[0]))
    shown = [(value, counts) for value, counts in ranked if counts.total >= minimum][:SHOWN_MAX]
    if shown and 0 < _left(tally, shown).total < minimum:
        shown.pop()
    return shown, _left(tally, shown)


def _left(tally: Counts, shown: list[tuple[str, Counts]]) -> Counts:
    return (tally + sum((counts for _, counts in shown), Counts()) * -1).clipped


def _numbers(counts: Counts) -> tuple[int, int, int, float | None]:
    return counts.ship, counts.skip, counts.total, share(counts.ship, counts.skip)
