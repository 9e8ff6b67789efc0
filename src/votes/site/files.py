"""The files that pages refer to, and the pictures of pages for other sites."""

from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import msgspec
from litestar import get
from litestar.response.base import ASGIResponse

from votes import __version__
from votes.app import catalogue
from votes.app.catalogue import Tool
from votes.app.pairs import BETWEEN, pair
from votes.app.responses import SummaryView, summary
from votes.engine.read_models import ReadModels
from votes.http.errors import Refused
from votes.http.etags import tagged
from votes.http.exchange import Http, services
from votes.http.limiting import Limited
from votes.http.proxies import client_network
from votes.site import words
from votes.site.assets import asset_url, assets, sri
from votes.site.html import SHARED, redirect
from votes.site.pictures.drawing import Opinion, Side
from votes.site.pictures.gallery import Gallery
from votes.site.reading import read_at
from votes.site.verdicts import look

_VARY = ("vary", "Accept-Encoding")
_FOR_EVER = ("cache-control", "public, max-age=31536000, immutable")
_FOR_A_WHILE = ("cache-control", "public, max-age=300, must-revalidate")
# A picture may be hours behind its page: other sites then request it seldom, and little is drawn.
_FOR_HOURS = ("cache-control", "public, max-age=14400, stale-while-revalidate=86400")
# Pages of other origins may use the elements.
_FOR_ALL = ("access-control-allow-origin", "*")


@get("/static/{digest:str}/{name:path}")
async def static(request: Http, digest: str, name: Path) -> ASGIResponse:
    """A file under a hash of its content: its bytes never change."""
    asset = assets().get(str(name).lstrip("/"))
    if asset is None or asset.hash != digest:
        raise Refused("not_found", "There is no such file in this release.")
    headers = (_FOR_EVER, _VARY, _FOR_ALL)
    return tagged(request, asset.body, asset.media_type, headers)


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
    """`{tool}.png` or `{a}-vs-{b}.png`: 1200 by 630, with the current verdicts."""
    source, _ = await read_at(request)
    tools = _named(source.models, file)
    if tools is None:
        raise Refused("not_found", "There is no such picture.")
    name = BETWEEN.join(tool.slug for tool in tools)
    if f"{name}.png" != file:
        return redirect(f"/og/{quote(name)}.png", 308, SHARED)
    sides = [_side(summary(source, tool)) for tool in tools]
    key = sha256(msgspec.json.encode((__version__, sides))).hexdigest()[:32]
    how_long = _FOR_A_WHILE if source.stale else _FOR_HOURS
    network = client_network(request.scope, services(request).config)
    gallery: Gallery = request.app.state.gallery
    body = await gallery.picture(key, sides, network.name)
    headers = (how_long, _FOR_ALL)
    return tagged(request, body, "image/png", headers, compressible=False)


def _side(tool: SummaryView) -> Side:
    panel, community = tool.panel, tool.community
    opinions = (
        Opinion(
            "Panel",
            look(panel.verdict),
            words.panel_count(panel),
            panel.ship_share,
        ),
        Opinion(
            "Community",
            look(community.call),
            words.community_count(community),
            community.ship_share,
        ),
    )
    return Side(tool.slug, tool.name, opinions)


def _named(models: ReadModels, file: str) -> tuple[Tool, ...] | None:
    """The tool of this name, or the two tools: a slug may itself be `a-vs-b`."""
    name = file.removesuffix(".png")
    if name == file:
        return None
    tool = catalogue.tool(models, name)
    return (tool,) if tool is not None else pair(models, name)


ROUTES = [static, elements_now, elements, picture]
