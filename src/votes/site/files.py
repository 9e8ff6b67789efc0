"""The files that pages refer to, and the pictures of pages for other sites."""

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote, urlsplit

import msgspec
from litestar import get
from litestar.response.base import ASGIResponse

from votes.app.catalogue import tools as catalogue
from votes.app.catalogue.compared import BETWEEN, compared
from votes.app.catalogue.comparison import takeaway
from votes.app.catalogue.listing import Wanted, tools
from votes.app.catalogue.responses import SummaryView, summary
from votes.app.catalogue.tool_orders import REVIEWED, TOP, tool_orders
from votes.app.catalogue.tools import Tool
from votes.engine.read_models import ReadModels
from votes.engine.reading.reader import ReadSource
from votes.http.checks.limiting import Limited
from votes.http.errors import Refused
from votes.http.etags import tagged
from votes.http.exchange import Http, services
from votes.http.hosts import base
from votes.http.proxies import client_network
from votes.languages import language, languages_of
from votes.site import words
from votes.site.assets import asset_url, assets, assets_in, sri, words_script
from votes.site.html import SHARED, redirect
from votes.site.pictures.drawing import Cover, Opinion, Row, Side, Subject
from votes.site.pictures.gallery import Gallery
from votes.site.reading import read_at
from votes.site.render import query
from votes.site.verdicts import community_verdict, look

_VARY = ("vary", "Accept-Encoding")
_FOR_EVER = ("cache-control", "public, max-age=31536000, immutable")
_FOR_A_WHILE = ("cache-control", "public, max-age=300, must-revalidate")
# A picture may be hours behind its page: other sites then request it seldom, and little is drawn.
_FOR_HOURS = ("cache-control", "public, max-age=14400, stale-while-revalidate=86400")
# Pages of other origins may use the elements.
_FOR_ALL = ("access-control-allow-origin", "*")

NO_PICTURE = Refused("not_found", "There is no such picture.")
HOME_TITLE = "Two verdicts on every tool"
SIDES_MAX = 2
"""More tools than that are a list in the picture of their comparison."""
ROWS_MAX = 4
"""So many tools are named in the picture of a list."""


@get("/static/{digest:str}/{name:path}")
async def static(request: Http, digest: str, name: Path) -> ASGIResponse:
    """A file under a hash of its content: its bytes never change."""
    for spoken in languages_of(services(request).config.languages).values():
        asset = assets_in(spoken).get(str(name).lstrip("/"))
        if asset is not None and asset.hash == digest:
            headers = (_FOR_EVER, _VARY, _FOR_ALL)
            return tagged(request, asset.body, asset.media_type, headers)
    raise Refused("not_found", "There is no such file in this release.")


@get("/favicon.ico")
async def favicon(request: Http) -> ASGIResponse:
    """The icon, for programs that read no page."""
    icon = assets()["icon.ico"]
    return tagged(request, icon.body, icon.media_type, (_FOR_A_WHILE, _VARY))


@get("/apple-touch-icon.png")
async def touch_icon(request: Http) -> ASGIResponse:
    """The icon for home screens, for programs that read no page."""
    icon = assets()["touch.png"]
    return tagged(request, icon.body, icon.media_type, (_FOR_A_WHILE, _VARY), compressible=False)


@get("/elements/words.js")
async def elements_words(request: Http) -> ASGIResponse:
    """What the elements say in the language that is spoken: a page of another site loads it before
    them."""
    return tagged(
        request, words_script(language()), "text/javascript", (_FOR_A_WHILE, _VARY, _FOR_ALL)
    )


@get("/elements.json")
async def elements_now(request: Http) -> ASGIResponse:
    """The address of this release's elements, for pages of other sites."""
    name = "elements/elements.js"
    where = {"script": asset_url(name), "integrity": sri(name)}
    headers = (_FOR_A_WHILE, _VARY, _FOR_ALL)
    return tagged(request, msgspec.json.encode(where), "application/json", headers)


@get("/elements.js")
async def elements() -> ASGIResponse:
    """Redirects to the elements of this release, for pages that use any release."""
    to = ("location", asset_url("elements/elements.js"))
    return ASGIResponse(status_code=302, headers=(to, _FOR_A_WHILE, _FOR_ALL))


@get("/og/{file:str}", opt=Limited("reads").opt)
async def picture(request: Http, file: str) -> ASGIResponse:
    """`{tool}.png`, or `{a}-vs-{b}.png` with up to four tools: 1200 by 630, with the current
    verdicts."""
    source, _ = await read_at(request)
    named = _named(source.models, file)
    if named is None:
        raise NO_PICTURE
    name = BETWEEN.join(tool.slug for tool in named)
    if f"{name}.png" != file:
        return redirect(f"/og/{quote(name)}.png", 308, SHARED)
    path = f"/tools/{name}" if len(named) == 1 else f"/compare/{name}"
    if len(named) > SIDES_MAX:
        about = takeaway([summary(source, tool) for tool in named])
        cover = Cover(words.sides(len(named)), about, _rows(source, named))
        return await _drawn(request, source, cover, path)
    sides = tuple(_side(summary(source, tool)) for tool in named)
    return await _drawn(request, source, sides, path)


@get("/og/site/home.png", opt=Limited("reads").opt)
async def picture_of_home(request: Http) -> ASGIResponse:
    """Of the front page, with the top tools."""
    source, _ = await read_at(request)
    orders = await tool_orders(source.models, TOP, REVIEWED)
    reviewed = orders.count([REVIEWED])
    about = f"{words.counted(orders.count([TOP]), 'tool')}, {reviewed:,} with a panel's verdict"
    cover = Cover(HOME_TITLE, about, _rows(source, orders.first(TOP, ROWS_MAX)))
    return await _drawn(request, source, cover, "")


@get("/og/category/{file:str}", opt=Limited("reads").opt)
async def picture_of_category(request: Http, file: str) -> ASGIResponse:
    """`{category}.png`: of the list of a category, with its top tools."""
    source, _ = await read_at(request)
    slug = file.removesuffix(".png")
    found = await tools(source.models, "top", Wanted(category=slug), None, ROWS_MAX)
    if file != f"{slug}.png" or not slug or not found.total:
        raise NO_PICTURE
    title = words.category(found.items[0].profile.category)
    cover = Cover(title, words.counted(found.total, "tool"), _rows(source, found.items))
    return await _drawn(request, source, cover, f"/{query(category=slug)}")


async def _drawn(request: Http, source: ReadSource, subject: Subject, path: str) -> ASGIResponse:
    at = base(request)
    address = f"{urlsplit(at).netloc}{path}" if at else ""
    network = client_network(request.scope, services(request).config)
    gallery: Gallery = request.app.state.gallery
    body = await gallery.picture(subject, address, network.name)
    headers = (_FOR_A_WHILE if source.stale else _FOR_HOURS, _FOR_ALL)
    return tagged(request, body, "image/png", headers, compressible=False)


def _rows(source: ReadSource, tools: Iterable[Tool]) -> tuple[Row, ...]:
    shown = [summary(source, tool) for tool in tools]
    return tuple(
        Row(
            tool.name,
            (
                ("Panel", look(tool.panel.verdict)),
                ("Community", look(community_verdict(tool.community))),
            ),
        )
        for tool in shown
    )


def _side(tool: SummaryView) -> Side:
    panel, votes = tool.panel, tool.community
    score = None if panel.mean_score is None else round(panel.mean_score)
    opinions = (
        Opinion("Panel", look(panel.verdict), panel.ship, panel.skip, score),
        Opinion("Community", look(community_verdict(votes)), votes.ship, votes.skip),
    )
    return Side(tool.slug, tool.name, tool.tagline, opinions)


def _named(models: ReadModels, file: str) -> tuple[Tool, ...] | None:
    """The tool of this name, or the tools: a slug may itself be `a-vs-b`."""
    name = file.removesuffix(".png")
    if name == file:
        return None
    tool = catalogue.tool(models, name)
    return (tool,) if tool is not None else compared(models, name)


ROUTES = [static, favicon, touch_icon, elements_now, elements, elements_words]
ROUTES += [picture, picture_of_home, picture_of_category]
