"""The weekly mail: what there is to say of the time since the last one."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from votes.app.catalogue.past import Past
from votes.app.catalogue.surroundings import Pair, pairs
from votes.app.catalogue.tool_orders import NEW, ToolList, tool_orders
from votes.app.catalogue.tools import Tool, tool_of
from votes.domain import verdict
from votes.domain.review import ReviewPublished, ReviewRevised, ReviewWithdrawn, persona_of
from votes.domain.terms import ToolSlug
from votes.domain.verdict import Call, PanelVerdict
from votes.engine.ports import EventStore
from votes.engine.read_models import ReadModels
from votes.engine.reading.reader import ReadSource
from votes.projections.profiles import PROFILES
from votes.projections.tallies import call_of

PART_MAX = 8
"""Of each part of the mail."""
CLOSE_MAX = 3
LOOKED_AT_MAX = 1_000
"""Of the tools that were voted on, those with the most votes."""
REVIEW_EVENTS_MAX = 1_000
WEEK = timedelta(days=7)
LONGEST = timedelta(days=14)
CLOSE: ToolList = ("controversial", None, None)

_REVIEWS = (ReviewPublished, ReviewRevised, ReviewWithdrawn)


class Listed(Struct, frozen=True):
    tool: ToolSlug
    name: str
    tagline: str


class Flipped(Struct, frozen=True):
    """A verdict that changed."""

    tool: ToolSlug
    name: str
    whose: Literal["community", "panel"]
    before: Call | PanelVerdict
    after: Call | PanelVerdict


class Close(Struct, frozen=True):
    tool: ToolSlug
    name: str
    ship: int
    skip: int


class Compared(Struct, frozen=True):
    """Two tools by name, and the path of their comparison."""

    a: str
    b: str
    path: str


class Digest(Struct, frozen=True):
    """`week` names it, like `2026-W48`. `new_total` and `flipped_total` count also what is left out
    of the two lists."""

    week: str
    since: datetime
    until: datetime
    new: Sequence[Listed]
    new_total: int
    flipped: Sequence[Flipped]
    flipped_total: int
    close: Sequence[Close]
    next: Compared | None

    @property
    def says_something(self) -> bool:
        """A week without a new tool and a changed verdict is not worth a mail."""
        return bool(self.new or self.flipped)


def week_of(at: datetime) -> str:
    """The ISO 8601 week of the time, which begins on Monday: `2026-W48`."""
    year, week, _ = at.isocalendar()
    return f"{year}-W{week:02}"


def since_last(last: datetime | None, until: datetime) -> datetime:
    """Where the mail of `until` begins: at the last one, but two weeks before at most; without a
    last one, a week before."""
    return until - WEEK if last is None else max(last, until - LONGEST)


async def digest(
    source: ReadSource, past: Past, store: EventStore, since: datetime, until: datetime
) -> Digest:
    """What happened between the two times. Raises `Unavailable`."""
    models = source.models
    orders = await tool_orders(models)
    new = [
        Listed(tool.slug, tool.profile.name, tool.profile.tagline)
        for tool in orders.first(NEW, LOOKED_AT_MAX)
        if tool.profile.listed_at >= since
    ]
    flipped = await _flipped_calls(source, past, since) + await _flipped_panels(
        models, store, since
    )
    close = [
        Close(tool.slug, tool.profile.name, tool.tally.ship, tool.tally.skip)
        for tool in orders.first(CLOSE, CLOSE_MAX)
        if tool.tally.ship and tool.tally.skip
    ]
    return Digest(
        week_of(until),
        since,
        until,
        new[:PART_MAX],
        len(new),
        flipped[:PART_MAX],
        len(flipped),
        close,
        _next(pairs(models, orders), until),
    )


def _next(candidates: Sequence[Pair], at: datetime) -> Compared | None:
    """Each week another one."""
    if not candidates:
        return None
    a, b, path = candidates[at.isocalendar().week % len(candidates)]
    return Compared(a.profile.name, b.profile.name, path)


def _listed(models: ReadModels) -> list[Tool]:
    """The listed tools, those with the most votes first."""
    tools_ever = (tool_of(models, key) for key, _ in models.items(PROFILES))
    tools = [tool for tool in tools_ever if tool is not None and tool.profile.listed]
    return sorted(tools, key=lambda tool: (-tool.tally.total, tool.slug))


async def _flipped_calls(source: ReadSource, past: Past, since: datetime) -> list[Flipped]:
    voted = [tool for tool in _listed(source.models) if tool.tally.as_of >= since]
    flipped = []
    for tool in voted[:LOOKED_AT_MAX]:
        then = await past.tally_at_time(source, tool.id, since)
        before: Call = call_of(then) if then is not None else "none"
        after = call_of(tool.tally)
        if before != after and {before, after} - {"none", "too_early"}:
            name = tool.profile.name
            flipped.append(Flipped(tool.slug, name, "community", before, after))
    return flipped


async def _flipped_panels(models: ReadModels, store: EventStore, since: datetime) -> list[Flipped]:
    flipped = []
    for tool in _listed(models):
        if all(review.revised_at < since for review in tool.profile.reviews):
            continue
        events = await store.last_about(tool.id, _REVIEWS, models.position, REVIEW_EVENTS_MAX)
        then = {}
        for recorded in events:
            if recorded.at < since:
                then[persona_of(recorded.stream)] = recorded.event
        opinions = [
            event.opinion
            for event in then.values()
            if isinstance(event, ReviewPublished | ReviewRevised)
        ]
        before = verdict.panel((each.choice, each.score) for each in opinions).verdict
        reviews = tool.profile.reviews
        after = verdict.panel((r.opinion.choice, r.opinion.score) for r in reviews).verdict
        if before != after:
            name = tool.profile.name
            flipped.append(Flipped(tool.slug, name, "panel", before, after))
    return flipped
