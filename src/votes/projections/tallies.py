"""Tallies: the votes on each tool, and what they allow to say."""

from datetime import datetime
from functools import lru_cache
from math import log2
from typing import Any

import msgspec
from msgspec import Struct

from votes.domain import verdict
from votes.domain.terms import Choice, Time, ToolSlug, checked_slug
from votes.domain.tool import ToolListed
from votes.domain.verdict import Call
from votes.domain.vote import VoteCast, VoteRetracted
from votes.engine.log import TIME_END, TIME_MIN, Position, Recorded
from votes.engine.projection import Projection
from votes.engine.read_models import ReadModels
from votes.projections.profiles import PROFILES

HEAT_HALF_LIFE_S = 3 * 24 * 3600

_encode = msgspec.json.Encoder().encode


class Tally(Struct, frozen=True, gc=False):
    """The counted votes on a tool after `position`, the last of the `moves` events that moved them.

    `heat` ranks what is voted on now: log2 of the sum over all votes cast of 2^(time/half-life).
    Such forward decay (Cormode et al. 2009, "Forward decay") needs no clock to compare by.
    """

    ship: int
    skip: int
    position: Position
    as_of: datetime
    heat: float = 0.0
    moves: int = 0

    @property
    def total(self) -> int:
        return self.ship + self.skip


def evolve(tally: Tally | None, recorded: Recorded, *_: object) -> Tally | None:
    """The tally after the event; a tool's listing starts it at nothing.

    Raises `ValueError` for a vote that nobody can have cast: at a time that was never, or taken
    back where there is none.
    """
    match recorded.event:
        case VoteCast() | VoteRetracted() if tally is not None:
            return _moved(tally, recorded)
        case ToolListed() if tally is None:
            checked_slug(recorded.subject)
            return Tally(0, 0, recorded.position, recorded.at)
        case _:
            return tally


@lru_cache(maxsize=16)
def moved(event: Any) -> tuple[int, int]:
    """What the event adds to ship and to skip; nothing where it is no vote.

    It is remembered, for there are only eight votes.
    """
    match event:
        case VoteCast(choice=choice, previous=previous):
            return _difference(choice, previous)
        case VoteRetracted(previous=previous):
            return _difference(None, previous)
        case _:
            return 0, 0


def _difference(now: Choice | None, before: Choice | None) -> tuple[int, int]:
    return (now == "ship") - (before == "ship"), (now == "skip") - (before == "skip")


def _moved(tally: Tally, recorded: Recorded) -> Tally:
    ship, skip = moved(recorded.event)
    ship, skip = tally.ship + ship, tally.skip + skip
    if ship < 0 or skip < 0:
        raise ValueError("it takes back a vote that was not there")
    cast = isinstance(recorded.event, VoteCast)
    return Tally(
        ship=ship,
        skip=skip,
        position=recorded.position,
        as_of=recorded.at,
        heat=_heated(tally.heat, recorded.at) if cast else tally.heat,
        moves=tally.moves + 1,
    )


def _heated(heat: float, at: datetime) -> float:
    if not TIME_MIN <= at < TIME_END:
        raise ValueError(f"no vote was cast at {at}")
    vote = at.timestamp() / HEAT_HALF_LIFE_S
    low, high = (vote, heat) if vote < heat else (heat, vote)
    return high + log2(1 + 2 ** (low - high))


class TallyView(Struct, frozen=True):
    """The community's votes on a tool and what they allow to say.

    `position` is the log position of the last event that moved the tally and `as_of` its time.
    `interval` holds the shares of ship that the votes do not refute (95 %, at every look);
    `estimate` is the mean of the share under a Beta(2,2) prior. `stale` says that the read models
    could not be reached, or were not kept up to date, and this was read from the log.
    """

    tool: ToolSlug
    ship: int
    skip: int
    total: int
    ship_share: float | None
    call: Call
    leaning: Choice | None
    estimate: float | None
    interval: tuple[float, float] | None
    position: Position
    as_of: Time
    stale: bool


def tally_view(tool: ToolSlug, tally: Tally, *, stale: bool) -> TallyView:
    says = verdict.community(tally.ship, tally.skip)
    return TallyView(
        tool=tool,
        ship=tally.ship,
        skip=tally.skip,
        total=tally.total,
        ship_share=verdict.share(tally.ship, tally.skip),
        call=says.call,
        leaning=says.leaning,
        estimate=says.estimate,
        interval=says.interval,
        position=tally.position,
        as_of=tally.as_of,
        stale=stale,
    )


def _frame(models: ReadModels, tool: str, stale: bool) -> bytes | None:
    tally, profile = models.get(TALLIES, tool), models.get(PROFILES, tool)
    if tally is None or profile is None:
        return None
    return _encode(tally_view(profile.slug, tally, stale=stale))


def _tool(recorded: Recorded) -> tuple[str]:
    return (recorded.subject,)


TALLIES = Projection(
    "tallies",
    Tally,
    on={ToolListed: _tool, VoteCast: _tool, VoteRetracted: _tool},
    evolve=evolve,
    frame=_frame,
)
"""The votes on each tool, by tool."""
