"""The pages: what the API knows, as HTML that needs no script."""

import asyncio
from urllib.parse import quote

from litestar import get
from litestar.response.base import ASGIResponse

from votes.app.catalogue import listing, surroundings
from votes.app.catalogue import tools as catalogue
from votes.app.catalogue.compared import compared_path
from votes.app.catalogue.listing import Wanted
from votes.app.catalogue.paging import Page
from votes.app.catalogue.responses import SummaryView, summary
from votes.app.catalogue.tool_orders import NEW, REVIEWED, TOP, Price, Sort, ToolOrders, tool_orders
from votes.app.catalogue.tools import Tool
from votes.app.catalogue.trend import TrendView, window
from votes.domain.terms import ToolSlug
from votes.domain.verdict import Call, PanelVerdict
from votes.engine.ports import Unavailable
from votes.engine.read_models import ReadModels
from votes.engine.reading.reader import ReadSource
from votes.http.checks.limiting import Limited
from votes.http.checks.voters import votes_of
from votes.http.deadlines import OPTIONAL_S, STATUS_S, within
from votes.http.edge.cache import CACHED
from votes.http.exchange import Http, services
from votes.http.hosts import base
from votes.http.parameters import Cursor, MinPosition, Query
from votes.http.readiness import readiness
from votes.languages import gettext, number
from votes.resources import now
from votes.site import words
from votes.site.catalogue import linked_data
from votes.site.catalogue.finding import tool_at
from votes.site.catalogue.lists import tools_list
from votes.site.html import shared_page
from votes.site.pictures.chart import chart
from votes.site.reading import answer, is_of, my_states, read_at, reader
from votes.site.render import SITE_NAME, Head, description, page, titled
from votes.wiring import Services

ROWS_MAX = 40
HOME_ROWS_MAX = 6
FEED_ENTRIES_MAX = 30


@get("/", opt=Limited("reads", "q").opt | CACHED)
async def home(
    request: Http,
    sort: Sort | None = None,
    category: Query = None,
    call: Call | None = None,
    panel: PanelVerdict | None = None,
    price: Price | None = None,
    q: Query = None,
    cursor: Cursor = None,
    min_position: MinPosition = 0,
) -> ASGIResponse:
    """The front page, or with any parameter a list of tools."""
    source, waiting = await read_at(request, min_position)
    q, wanted = q.strip() if q else None, Wanted(category, call, panel, price)
    if sort or q or cursor or wanted != Wanted():
        return await tools_list(request, source, sort, wanted, q, cursor, waiting=waiting)
    orders = await tool_orders(source.models, TOP, NEW, REVIEWED)
    return await _front(request, source, orders, waiting=waiting)


async def _front(
    request: Http, source: ReadSource, orders: ToolOrders, *, waiting: bool
) -> ASGIResponse:
    total, reviewed = orders.count([TOP]), orders.count([REVIEWED])
    about = gettext(
        "%(tools)s, %(reviewed)s with a panel's verdict, all with the community's."
        " Compare two side by side, and vote.",
        tools=words.counted(total, "tool"),
        reviewed=number(reviewed),
    )
    return await answer(
        request,
        "catalogue/home.html",
        Head(
            titled(gettext("Two verdicts on every tool")),
            about,
            "/",
            base(request),
            picture="/og/site/home.png",
        ),
        stale=source.stale,
        waiting=waiting,
        category=None,
        categories=listing.categories(orders),
        total=total,
        reviewed=reviewed,
        top=[summary(source, tool) for tool in orders.first(TOP, HOME_ROWS_MAX)],
        new=[summary(source, tool) for tool in orders.first(NEW, HOME_ROWS_MAX)],
        featured=surroundings.pairs(source.models, orders),
    )


@get("/tools/{slug:str}", opt=CACHED)
async def tool(request: Http, slug: str, min_position: MinPosition = 0) -> ASGIResponse:
    """A tool with both verdicts, its votes over time, its plans and its reviews."""
    source, waiting = await read_at(request, min_position)
    found = await tool_at(request, source, slug)
    shown = summary(source, found)
    caller = await reader(request)
    votes, mine = await asyncio.gather(
        _trend(request, source, found), my_states(request, caller, found)
    )
    orders = await tool_orders(source.models, TOP)
    return await answer(
        request,
        "catalogue/tool.html",
        _head_of(shown, base(request)),
        stale=source.stale,
        private=is_of(caller),
        tool=shown,
        waiting=waiting,
        mine=mine,
        login_ended=caller.login_ended,
        host=words.site(shown.url or ""),
        chart=chart(votes) if votes is not None else None,
        neighbours=[
            (other.profile, compared_path(source.models, found.slug, other.slug))
            for other in surroundings.neighbours(orders, found)
        ],
    )


def _head_of(shown: SummaryView, at: str) -> Head:
    path = f"/tools/{quote(shown.slug)}"
    text = gettext(
        "Panel: %(panel)s. Community: %(community)s. %(tagline)s",
        panel=words.panel_line(shown.panel),
        community=words.community_line(shown.community),
        tagline=shown.tagline,
    )
    return Head(
        gettext("%(name)s: ship or skip?", name=shown.name),
        description(text),
        path,
        at,
        section="tools",
        picture=f"/og/{quote(shown.slug)}.png",
        linked_data=linked_data.graph(
            linked_data.tool(shown, at),
            linked_data.trail(at, (SITE_NAME, "/"), (shown.name, path)),
        ),
    )


async def _trend(request: Http, source: ReadSource, tool: Tool) -> TrendView | None:
    asked = window("day", None, None, now())
    try:
        with within(OPTIONAL_S):
            return await services(request).past.trend(source, tool, asked)
    except Unavailable:
        return None


@get("/votes", opt=Limited("reads").opt)
async def my_votes(request: Http, cursor: Cursor = None) -> ASGIResponse:
    """The reader's own votes, of an account or of this browser."""
    caller = await reader(request)
    source, _ = await read_at(request)
    found = await votes_of(request, caller, cursor, ROWS_MAX)
    items = [(one, *_named(source.models, one.tool)) for one in found.items]
    head = Head(
        titled(gettext("My votes")),
        gettext("What you would ship, and what you would skip."),
        "/votes",
        base(request),
        section="votes",
        indexed=False,
    )
    return await answer(
        request,
        "catalogue/votes.html",
        head,
        private=True,
        listing=Page(items, found.next_cursor, found.total),
        reader=caller.user.called if caller.user is not None else None,
        login_ended=caller.login_ended,
        cursor=cursor,
    )


def _named(models: ReadModels, slug: ToolSlug) -> tuple[str, bool]:
    """What to call a tool that was kept, and whether it is still listed."""
    tool = catalogue.tool(models, slug)
    return (tool.profile.name, True) if tool is not None else (slug, False)


@get("/status")
async def status(request: Http) -> ASGIResponse:
    """How things are, by the same data as /health/ready."""
    parts = services(request)
    ready, drift = await asyncio.gather(readiness(parts), _drift(parts))
    about = gettext("Are votes taken and counted?")
    head = Head(titled(gettext("Status")), about, "/status", base(request))
    return await answer(
        request,
        "catalogue/status.html",
        head,
        private=True,
        status=503 if ready.head is None else 200,
        ready=ready,
        drift=drift,
    )


async def _drift(parts: Services) -> str:
    try:
        with within(STATUS_S):
            return words.audited(await parts.read_model_store.last_report())
    except Unavailable:
        return gettext("not known")


@get("/feed.xml", opt=CACHED)
async def feed(request: Http) -> ASGIResponse:
    """The newest tools, for feed readers (Atom, RFC 4287)."""
    source, _ = await read_at(request)
    orders = await tool_orders(source.models, NEW)
    tools = [summary(source, tool) for tool in orders.first(NEW, FEED_ENTRIES_MAX)]
    title = gettext("%(site)s: new tools", site=SITE_NAME)
    head = Head(title, gettext("Each with two verdicts."), "/feed.xml", base(request))
    updated = max((tool.listed_at for tool in tools), default=now()).isoformat()
    text = page("catalogue/feed.xml", head, tools=tools, updated=updated)
    return shared_page(request, text, stale=source.stale, media_type="application/atom+xml")


ROUTES = [home, tool, my_votes, status, feed]
