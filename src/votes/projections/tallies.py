"""Tallies: the votes on each tool, and the community's verdict."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from math import log2
from typing import Any, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from votes.domain import verdict
from votes.domain.terms import Choice, Time, ToolSlug, checked_slug
from votes.domain.tool import ToolListed
from votes.domain.verdict import Call
from votes.domain.vote_events import (
    VOTE_EVENTS,
    Against,
    VoteCast,
    VoteDiscounted,
    VoteHeld,
    VoteMoved,
    VoteReleased,
    VoteRestored,
    VoteRetracted,
    VoteReverted,
    VoteWithdrawn,
)
from votes.engine.log import TIME_END, TIME_MIN, Position, Recorded
from votes.engine.projection import Projection
from votes.engine.read_models import ReadModels
from votes.projections.profiles import PROFILES

HEAT_HALF_LIFE_S = 3 * 24 * 3600

_encode = msgspec.json.Encoder().encode


class Counts(Struct, frozen=True, array_like=True, gc=False):
    """The number of votes that count, by choice, and of those that do not, by what is against them.

    Also the change of these numbers by an event.
    """

    ship: int = 0
    skip: int = 0
    unproven: int = 0
    unchecked: int = 0
    ruled: int = 0
    ruling: int = 0
    on_behalf: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.ship + other.ship,
            self.skip + other.skip,
            self.unproven + other.unproven,
            self.unchecked + other.unchecked,
            self.ruled + other.ruled,
            self.ruling + other.ruling,
            self.on_behalf + other.on_behalf,
        )

    @property
    def steps(self) -> tuple[tuple[int, int], ...]:
        """The numbers that are not zero, each with its place among the fields."""
        return tuple((place, number) for place, number in enumerate(astuple(self)) if number)

    def __mul__(self, times: int) -> "Counts":
        return Counts(*(times * number for number in astuple(self)))

    @property
    def clipped(self) -> "Counts":
        """Without numbers below zero."""
        return Counts(*(max(number, 0) for number in astuple(self)))

    @property
    def total(self) -> int:
        return self.ship + self.skip

    @property
    def held(self) -> int:
        return self.unproven + self.unchecked + self.ruled

    @property
    def against(self) -> dict[Against, int]:
        """How many votes do not count for each reason that there is."""
        numbers = {why: getattr(self, why) for why in get_args(Against)}
        return {why: number for why, number in numbers.items() if number}


class Tally(Struct, frozen=True, gc=False):
    """The votes on a tool after `position`, the last of the `moves` events that changed them.

    `heat` ranks tools by recent votes: log2 of the sum of 2^(time/half-life) over the votes cast,
    without those that do not count. With this forward decay (Cormode et al. 2009, "Forward decay")
    values compare without a clock.
    """

    counts: Counts
    position: Position
    as_of: datetime
    heat: float = 0.0
    moves: int = 0

    @property
    def ship(self) -> int:
        return self.counts.ship

    @property
    def skip(self) -> int:
        return self.counts.skip

    @property
    def total(self) -> int:
        return self.counts.total


def evolve(tally: Tally | None, recorded: Recorded, *_: object) -> Tally | None:
    """The tally after the event; the listing of a tool starts it at zero.

    Raises `ValueError` for an impossible vote: at a time out of range, or retracted without having
    been cast.
    """
    match recorded.event:
        case ToolListed() if tally is None:
            checked_slug(recorded.subject)
            return Tally(Counts(), recorded.position, recorded.at)
        case event if type(event) in VOTE_EVENTS and tally is not None:
            return _moved(tally, recorded)
        case _:
            return tally


def moved(event: Any) -> Counts:
    """The change by the event; zeros where it is no vote."""
    match event:
        case VoteCast(choice, previous, against, previous_against):
            return change(choice, against, previous, previous_against)
        case VoteRetracted(previous, previous_against):
            return change(None, None, previous, previous_against)
        case VoteDiscounted(_, choice, previous_against):
            return change(choice, "ruling", choice, previous_against)
        case VoteRestored(_, choice, against, previous_against):
            return change(choice, against, choice, previous_against)
        case VoteReleased(_, choice, previous_against):
            return change(choice, None, choice, previous_against)
        case VoteHeld(_, choice, against):
            return change(choice, against, choice, None)
        case VoteMoved(choice, against, previous, previous_against, moved_against):
            persons = change(choice, against, previous, previous_against)
            return persons + change(None, None, choice, moved_against)
        case VoteWithdrawn(before=before, to=None):
            return change(None, None, before.choice, before.against)
        case VoteReverted(choice, against, previous, previous_against):
            return change(choice, against, previous, previous_against)
        case _:
            return Counts()


@cache  # there are few votes, as far as this looks at them
def change(
    choice: Choice | None,
    against: Against | None,
    previous: Choice | None,
    previous_against: Against | None,
) -> Counts:
    """The change where one vote takes the place of another; None is the choice of no vote."""
    return _one(choice, against) + _one(previous, previous_against) * -1


def _one(choice: Choice | None, against: Against | None) -> Counts:
    if choice is None:
        return Counts()
    return Counts(**{against or choice: 1})


def _moved(tally: Tally, recorded: Recorded) -> Tally:
    change = moved(recorded.event)
    counts = tally.counts + change
    if min(astuple(counts)) < 0:
        raise ValueError("it retracts a vote that does not exist")
    return Tally(
        counts=counts,
        position=recorded.position,
        as_of=recorded.at,
        heat=heat_after(tally.heat, warmth_of(recorded.event), recorded.at),
        moves=tally.moves + 1,
    )


def warmth_of(event: Any) -> int:
    """1 where a vote begins to count, -1 where one no longer does, as far as heat goes, else 0."""
    match event:
        case (
            VoteCast(against=None)
            | VoteReleased()
            | VoteRestored(against=None, choice=str())
            | VoteReverted(choice=str(), against=None, previous=None, previous_against=str())
        ):
            return 1
        case (
            VoteHeld()
            | VoteDiscounted(previous_against=None, choice=str())
            | VoteMoved(moved_against=None, against=str())
        ):
            return -1
        case _:
            return 0


def heat_after(heat: float, warmth: int, at: datetime) -> float:
    """The heat after an event of that warmth. Raises `ValueError` for a time out of range."""
    if not warmth:
        return heat
    if not TIME_MIN <= at < TIME_END:
        raise ValueError(f"no vote was cast at {at}")
    return heated(heat, [at.timestamp()], [warmth])


def heated(heat: float, seconds: Iterable[float], warmths: Iterable[int]) -> float:
    """The heat after events of these times, since 1970, and these warmths."""
    for at, warmth in zip(seconds, warmths, strict=True):
        weight = at / HEAT_HALF_LIFE_S  # its log2
        if warmth > 0:
            if weight < heat:
                heat += log2(1 + 2 ** (weight - heat))
            else:
                heat = weight + log2(1 + 2 ** (heat - weight))
        elif warmth:
            left = 1 - 2 ** (weight - heat) if weight < heat else 0.0
            heat = heat + log2(left) if left > 0 else 0.0
    return heat


class TallyView(Struct, frozen=True):
    """The community's votes on a tool, and its verdict.

    `position` is the log position of the last event that moved the tally and `as_of` its time.
    `interval` holds the shares of ship that the votes do not refute (95 %, at every look). If the
    call is `too_early` and it is no wider than 0.3, many votes disagree: it is too `close` to call.
    `estimate` is the mean of the share under a Beta(2,2) prior. `stale` says that the read models
    could not be reached, or were not kept up to date, and this was read from the log.

    `ship`, `skip` and `total` are the votes that count. `held` ones wait for a proof or a ruling,
    `discounted` ones were ruled out. A site may also tell those apart that are cast `on_behalf` of
    somebody else. `against` says how many there are for each reason. While many
    are held the tool is `under_review`, and nothing is called that a few votes could change.
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
    held: int
    discounted: int
    against: dict[Against, int]
    under_review: bool
    close: bool


def call_of(tally: Tally) -> Call:
    """The call of the community."""
    under_review = _is_under_review(tally)
    return verdict.call(tally.ship, tally.skip, under_review=under_review)


def _is_under_review(tally: Tally) -> bool:
    return verdict.is_under_review(tally.total, tally.counts.held)


def tally_view(tool: ToolSlug, tally: Tally, *, stale: bool) -> TallyView:
    counts = tally.counts
    under_review = _is_under_review(tally)
    says = verdict.community(counts.ship, counts.skip, under_review=under_review)
    return TallyView(
        tool=tool,
        ship=counts.ship,
        skip=counts.skip,
        total=counts.total,
        ship_share=verdict.share(counts.ship, counts.skip),
        call=says.call,
        leaning=says.leaning,
        estimate=says.estimate,
        interval=says.interval,
        position=tally.position,
        as_of=tally.as_of,
        stale=stale,
        held=counts.held,
        discounted=counts.ruling,
        against=counts.against,
        under_review=under_review,
        close=says.close,
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
    on={ToolListed: _tool, **dict.fromkeys(VOTE_EVENTS, _tool)},
    evolve=evolve,
    frame=_frame,
)
"""The votes on each tool, by tool."""
