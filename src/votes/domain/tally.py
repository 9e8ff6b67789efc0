"""How an event changes a tally."""

from datetime import datetime
from math import log2
from typing import Any

from msgspec import Struct

from votes.domain.terms import Choice
from votes.domain.vote import VoteCast, VoteRetracted
from votes.engine.log import TIME_END, TIME_MIN, Position, Recorded

HEAT_HALF_LIFE_S = 3 * 24 * 3600


class Tally(Struct, frozen=True, gc=False):
    """The counted votes on a tool after `position`, the last event that moved them.

    `heat` ranks what is voted on now: log2 of the sum over all votes cast of 2^(time/half-life).
    Such forward decay (Cormode et al. 2009, "Forward decay") needs no clock to compare by.
    """

    ship: int
    skip: int
    position: Position
    as_of: datetime
    heat: float = 0.0

    @property
    def total(self) -> int:
        return self.ship + self.skip


def evolve(tally: Tally, recorded: Recorded) -> Tally:
    """The tally after the event; the same one where the event is no vote.

    Raises `ValueError` for a vote that nobody can have cast: at a time that was never, or taken
    back where there is none.
    """
    match recorded.event:
        case VoteCast(choice=choice, previous=previous):
            return _moved(tally, choice, previous, recorded)
        case VoteRetracted(previous=previous):
            return _moved(tally, None, previous, recorded)
        case _:
            return tally


def moved(event: Any) -> tuple[int, int]:
    """What the event adds to ship and to skip; nothing where it is no vote."""
    match event:
        case VoteCast(choice=choice, previous=previous):
            return _difference(choice, previous)
        case VoteRetracted(previous=previous):
            return _difference(None, previous)
        case _:
            return 0, 0


def _difference(now: Choice | None, before: Choice | None) -> tuple[int, int]:
    return (now == "ship") - (before == "ship"), (now == "skip") - (before == "skip")


def _moved(tally: Tally, now: Choice | None, before: Choice | None, recorded: Recorded) -> Tally:
    ship, skip = _difference(now, before)
    ship, skip = tally.ship + ship, tally.skip + skip
    if ship < 0 or skip < 0:
        raise ValueError("it takes back a vote that was not there")
    return Tally(
        ship=ship,
        skip=skip,
        position=recorded.position,
        as_of=recorded.at,
        heat=tally.heat if now is None else _heated(tally.heat, recorded.at),
    )


def _heated(heat: float, at: datetime) -> float:
    if not TIME_MIN <= at < TIME_END:
        raise ValueError(f"no vote was cast at {at}")
    vote = at.timestamp() / HEAT_HALF_LIFE_S
    return max(heat, vote) + log2(1 + 2 ** -abs(heat - vote))


def event_of_votes(event: Any) -> bool:
    return isinstance(event, VoteCast | VoteRetracted)
