"""Cohorts: the votes on a tool by what logins say of their voters, such as a plan or an
organisation.

A claim may have many values, so they are spread over `PARTS` values of the projection by a hash:
all of a claim are read by known keys, and a vote changes a small one.
"""

from collections.abc import Iterable, Iterator
from typing import Any
from zlib import crc32

from votes.domain.terms import Claims
from votes.domain.vote_events import (
    VoteCast,
    VoteDiscounted,
    VoteHeld,
    VoteMoved,
    VoteReleased,
    VoteRestored,
    VoteRetracted,
    VoteReverted,
)
from votes.engine.log import Recorded
from votes.engine.projection import PART, Before, Projection
from votes.projections.tallies import TALLIES, Counts, change, moved

PARTS = 64

Cohorts = dict[str, Counts]
"""The votes by value of the claim, of the values in one part that have any."""


def keys_of(tool: str, claim: str) -> list[str]:
    """The keys of all parts of the claim."""
    return [_key(tool, claim, part) for part in range(PARTS)]


def _key(tool: str, claim: str, part: int) -> str:
    return f"{tool}{PART}{claim}{PART}{part}"


def _key_of(tool: str, claim: str, value: str) -> str:
    return _key(tool, claim, crc32(value.encode()) % PARTS)


def split(tool: str, event: Any) -> Iterator[tuple[str, str, Counts]]:
    """How votes with claims change the tally: of each claim its key, its value and the change."""
    for claims, counts in _changes(event):
        for claim, value in (claims or {}).items():
            yield _key_of(tool, claim, value), value, counts


def add(cohorts: Cohorts, value: str, counts: Counts) -> None:
    """Add the change to the votes with the value; a value without votes is left out."""
    cohorts[value] = cohorts.get(value, Counts()) + counts
    if cohorts[value] == Counts():
        del cohorts[value]


def _changes(event: Any) -> Iterator[tuple[Claims | None, Counts]]:
    """The parts of the change, each of one vote with its claims."""
    match event:
        case VoteCast() | VoteReverted():
            before = event.previous, event.previous_against
            yield event.claims, change(event.choice, event.against, None, None)
            yield event.previous_claims, change(None, None, *before)
        case VoteRetracted() | VoteMoved():
            before = event.previous, event.previous_against
            yield event.previous_claims, change(None, None, *before)
        case _:
            yield event.claims, moved(event)


def evolve(cohorts: Cohorts | None, recorded: Recorded, key: str, before: Before) -> Cohorts | None:
    """A vote before the listing of the tool does not count, as in the tally."""
    if cohorts is None and before(TALLIES, recorded.subject) is None:
        return None
    after = dict(cohorts or {})
    for changed, value, counts in split(recorded.subject, recorded.event):
        if changed == key:
            add(after, value, counts)
    return after or None


def _keys(recorded: Recorded, *sets: Claims | None) -> Iterable[str]:
    if not any(sets):
        return ()
    each = (pair for claims in sets if claims for pair in claims.items())
    return {_key_of(recorded.subject, claim, value) for claim, value in each}


def _of_cast(recorded: Recorded) -> Iterable[str]:
    return _keys(recorded, recorded.event.claims, recorded.event.previous_claims)


def _of_previous(recorded: Recorded) -> Iterable[str]:
    return _keys(recorded, recorded.event.previous_claims)


def _of_ruled(recorded: Recorded) -> Iterable[str]:
    return _keys(recorded, recorded.event.claims)


COHORTS: Projection[Cohorts] = Projection(
    "cohorts",
    Cohorts,
    on={
        **dict.fromkeys((VoteCast, VoteReverted), _of_cast),
        **dict.fromkeys((VoteRetracted, VoteMoved), _of_previous),
        **dict.fromkeys((VoteDiscounted, VoteRestored, VoteReleased, VoteHeld), _of_ruled),
    },
    evolve=evolve,
    replicated=False,
)
"""By tool, claim and part: `ID@plan@17`. Visitors have no claims, so the withdrawal of a visitor's
vote changes none."""
