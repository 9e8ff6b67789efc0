"""What moderators see, and what all see of what they did. Neither names a person."""

from msgspec import Struct

from votes.app.catalogue.paging import Page, kept_page
from votes.app.catalogue.past import Past
from votes.app.catalogue.tool_orders import HELD, tool_orders
from votes.app.catalogue.tools import Tool
from votes.app.catalogue.trend import Window
from votes.app.moderation.suspicion import BurstView, ClusterView
from votes.domain.moderation.ruling import Selector, Verdict
from votes.domain.terms import LinkId, Reason, RulingId, Time, ToolSlug
from votes.domain.vote_events import Against
from votes.engine.log import Position
from votes.engine.read_models import ReadModels
from votes.engine.reading.orders import Ordering, orders_of
from votes.engine.reading.reader import ReadSource
from votes.languages import marked
from votes.projections.profiles import PROFILES
from votes.projections.rulings import RULINGS, Ruling
from votes.projections.tallies import TallyView, tally_view

WHY: dict[Against, str] = {
    "unproven": marked("held: too many new visitors voted, and no proof of work came with it"),
    "unchecked": marked("held: nobody could say how many new visitors voted"),
    "ruled": marked("held: an earlier vote of the same voter on this tool is discounted"),
    "ruling": marked("discounted by a ruling"),
    "on_behalf": marked("told apart: cast for somebody else, by a user who may"),
}
"""Why votes do not count, after their number."""


class RulingView(Struct, frozen=True):
    """A ruling: which votes on a tool, what becomes of them, and why.

    It is carried out on so many `votes` by now: more while a worker carries it out, fewer while it
    is undone after `lifted_at`. `position` is that of the last event of all this.
    """

    id: RulingId
    tool: ToolSlug
    verdict: Verdict
    selector: Selector
    reason: Reason
    made_at: Time
    lifted_at: Time | None
    votes: int
    position: Position


class RulingsPage(Struct, frozen=True):
    rulings: list[RulingView]
    next_cursor: str | None
    total: int


class PreviewView(Struct, frozen=True):
    """What a ruling would do if it were made now: change so many `votes`, to this `tally`."""

    votes: int
    tally: TallyView


class HourView(Struct, frozen=True):
    """By how much these numbers of a tally changed in the hour (UTC) that starts at `at`."""

    at: Time
    ship: int
    skip: int
    held: int
    discounted: int


class WatchedView(Struct, frozen=True):
    """A tool on which votes are held, with its last 48 hours, oldest first."""

    tally: TallyView
    hours: list[HourView]


class QueuePage(Struct, frozen=True):
    """Tools with held votes, a page of them. Beside them, at most 50 each, the last clusters that
    are not ruled on, and the last bursts of new voters."""

    clusters: list[ClusterView]
    bursts: list[BurstView]
    tools: list[WatchedView]
    next_cursor: str | None
    total: int


class LinkTold(Struct, frozen=True):
    """A link: so many `votes` are a user's by it. `undone_at` is None while it stands; a worker has
    yet to give some back until it is `carried_out`."""

    id: LinkId
    made_at: Time
    undone_at: Time | None
    votes: int
    carried_out: bool


def _ruling(models: ReadModels, key: str) -> tuple[str, Ruling] | None:
    ruling = models.get(RULINGS, key)
    return (key, ruling) if ruling is not None else None


JOURNAL = Ordering(
    "journal",
    (RULINGS,),
    row=_ruling,
    families={"new": lambda row: {("new",): (-row[1].made, row[0])}},
)


async def journal(models: ReadModels, cursor: str | None, limit: int) -> RulingsPage:
    """A page of all rulings, newest first. Raises `BadCursor`."""
    orders = await orders_of(models, JOURNAL)
    page = kept_page(orders, ["new"], "rulings", cursor, limit)
    views = [view for pair in page.items if (view := _view(models, *pair)) is not None]
    return RulingsPage(views, page.next_cursor, page.total)


def _view(models: ReadModels, name: str, ruling: Ruling) -> RulingView | None:
    """The ruling; None where its tool is not known, as no rule of ours lets happen."""
    profile = models.get(PROFILES, ruling.tool)
    if profile is None:
        return None
    return RulingView(
        RulingId(name),
        profile.slug,
        ruling.verdict,
        ruling.selector,
        ruling.reason,
        ruling.made_at,
        ruling.lifted_at,
        ruling.votes,
        ruling.position,
    )


async def watched(models: ReadModels, cursor: str | None, limit: int) -> Page[Tool]:
    """A page of the listed tools with held votes, those with most first. Raises `BadCursor`."""
    return kept_page(await tool_orders(models, HELD), [HELD], "queue", cursor, limit)


async def watched_view(past: Past, source: ReadSource, tool: Tool, window: Window) -> WatchedView:
    """The tool with the hours of the window. Raises `Unavailable`."""
    changes = await past.changes(source, tool.id, window)
    hours = [
        HourView(at, change.ship, change.skip, change.held, change.ruling)
        for at, change in zip(window.starts(), changes, strict=True)
    ]
    return WatchedView(tally_view(tool.slug, tool.tally, stale=source.stale), hours)
