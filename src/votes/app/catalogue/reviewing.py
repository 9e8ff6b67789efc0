"""What a panelist works on: the tools without a review of theirs, and what a review said before."""

from datetime import datetime
from typing import assert_never

from msgspec import Struct

from votes.app.catalogue.paging import Page, kept_page, walked_page
from votes.app.catalogue.responses import PanelView, ReviewView, Suggestion, panel_view
from votes.app.catalogue.tool_orders import NEW, reviewed_by, tool_orders
from votes.app.catalogue.tools import Tool
from votes.domain import review
from votes.domain.review import Opinion, ReviewEvent, ReviewPublished, ReviewRevised
from votes.domain.terms import PersonaSlug, ToolId, ToolSlug
from votes.engine.log import Recorded
from votes.engine.ports import EventStore
from votes.engine.read_models import ReadModels
from votes.projections.profiles import PanelReview, Profile, with_review

REVISIONS_READ_MAX = 100


class Revision(Struct, frozen=True):
    """What a review said from a time on; `opinion` is None where it was withdrawn then."""

    opinion: Opinion | None
    at: datetime


class RevisionsView(Struct, frozen=True):
    """What a persona's review of a tool said, the last first: at most 100."""

    tool: ToolSlug
    persona: PersonaSlug
    revisions: list[Revision]


class MyReview(Struct, frozen=True):
    """A review of the caller's persona."""

    tool: ToolSlug
    name: str
    review: ReviewView


class MyReviewsPage(Struct, frozen=True):
    """`total` counts the listed tools that the persona has reviewed."""

    reviews: list[MyReview]
    next_cursor: str | None
    total: int


class UnreviewedPage(Struct, frozen=True):
    """Tools without a review of the caller's persona; `total` counts them all. A page may have less
    of them than its limit although more follow: then it has a `next_cursor`."""

    tools: list[Suggestion]
    next_cursor: str | None
    total: int


def has_review(tool: Tool, persona: PersonaSlug) -> bool:
    return any(one.persona == persona for one in tool.profile.reviews)


async def unreviewed(
    models: ReadModels, persona: PersonaSlug, cursor: str | None, limit: int
) -> Page[Tool]:
    """The listed tools that the persona has not reviewed, those that were listed last first.

    A page may have less than `limit` tools although more follow. Raises `BadCursor`.
    """
    mine = reviewed_by(persona)
    orders = await tool_orders(models, NEW, mine)
    items, more = walked_page(
        orders, NEW, "unreviewed", cursor, limit, lambda tool: not has_review(tool, persona)
    )
    return Page(items, more, orders.count([NEW]) - orders.count([mine]))


async def reviewed(
    models: ReadModels, persona: PersonaSlug, cursor: str | None, limit: int
) -> Page[Tool]:
    """The listed tools that the persona has reviewed, the last review first. Raises `BadCursor`."""
    return kept_page(
        await tool_orders(models, mine := reviewed_by(persona)), [mine], "reviewed", cursor, limit
    )


def own_review(tool: Tool, persona: PersonaSlug) -> ReviewView | None:
    """The persona's review of the tool."""
    reviews = panel_view(tool.profile.reviews).reviews
    return next((one for one in reviews if one.persona == persona), None)


def panel_with(profile: Profile, persona: PersonaSlug, opinion: Opinion, at: datetime) -> PanelView:
    """The panel of the tool, with this opinion of the persona."""
    return panel_view(with_review(profile, PanelReview(persona, opinion, at)))


async def revisions(store: EventStore, tool: ToolId, persona: PersonaSlug) -> list[Revision]:
    """What the persona's review of the tool said, the last first, at most `REVISIONS_READ_MAX`.

    Read from the log itself. Raises `Unavailable`.
    """
    events = await store.last_of_stream(review.stream(tool, persona), REVISIONS_READ_MAX)
    return [_revision(one) for one in reversed(events) if isinstance(one.event, ReviewEvent)]


def _revision(recorded: Recorded) -> Revision:
    event: ReviewEvent = recorded.event
    match event:
        case ReviewPublished(opinion) | ReviewRevised(opinion):
            return Revision(opinion, recorded.at)
        case review.ReviewWithdrawn():
            return Revision(None, recorded.at)
    assert_never(event)
