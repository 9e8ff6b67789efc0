"""The files that pages refer to, and the pictures that stand for pages elsewhere."""

import asyncio
from collections import OrderedDict
from hashlib import sha256
from pathlib import Path

import msgspec
from litestar import get
from litestar.response.base import ASGIResponse

from votes.api.errors import Refused
from votes.api.exchange import Http, is_known
from votes.api.reading import read_at
from votes.api.tools import summary
from votes.app.models import Models
from votes.app.pairs import pair
from votes.domain.terms import ToolSlug
from votes.web import words
from votes.web.assets import asset_url, assets, sri
from votes.web.picture import Opinion, Side, draw

DRAWING_MAX = 1
WAITING_MAX = 16
KEPT_MAX = 128
assert DRAWING_MAX <= WAITING_MAX

_NOSNIFF = ("x-content-type-options", "nosniff")
_FOR_EVER = ("cache-control", "public, max-age=31536000, immutable")
_FOR_A_WHILE = ("cache-control", "public, max-age=300, must-revalidate")
# Elements may stand on pages of other origins.
_FOR_ALL = (("access-control-allow-origin", "*"), ("cross-origin-resource-policy", "cross-origin"))


@get("/static/{release:str}/{name:path}")
async def static(request: Http, release: str, name: Path) -> ASGIResponse:
    """A file under the hash of this release's files: its bytes never change."""
    known = assets()
    asset = known.by_name.get(str(name).lstrip("/"))
    if release != known.hash or asset is None:
        raise Refused("not_found", "There is no such file in this release.")
    etag = f'"{asset.sri[-32:]}"'
    headers = (_FOR_EVER, ("etag", f"W/{etag}"), ("vary", "Accept-Encoding"), _NOSNIFF, *_FOR_ALL)
    if is_known(request, etag):
        return ASGIResponse(status_code=304, headers=headers)
    return ASGIResponse(body=asset.body, media_type=asset.media_type, headers=headers)


@get("/elements.json")
async def elements_now() -> ASGIResponse:
    """Where this release's elements are, for pages of other sites."""
    name = "elements/elements.js"
    where = {"script": asset_url(name), "integrity": sri(name)}
    headers = (_FOR_A_WHILE, _NOSNIFF, *_FOR_ALL)
    return ASGIResponse(
        body=msgspec.json.encode(where), media_type="application/json", headers=headers
    )


@get("/elements.js")
async def elements() -> ASGIResponse:
    """Leads to this release's elements, for pages that take whatever release there is."""
    to = ("location", asset_url("elements/elements.js"))
    return ASGIResponse(status_code=302, headers=(to, _FOR_A_WHILE, _NOSNIFF, *_FOR_ALL))


class Gallery:
    """Draws one picture at a time, beside the event loop, and keeps those last asked for."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._drawing = asyncio.Semaphore(DRAWING_MAX)
        self._waiting = 0

    async def picture(self, key: str, sides: list[Side]) -> bytes:
        """The picture under its key. Raises `Refused` when too many wait for theirs."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if self._waiting >= WAITING_MAX:
            raise Refused("overloaded", "Too many pictures are being drawn.")
        self._waiting += 1
        try:
            async with self._drawing:
                if key not in self._kept:
                    self._kept[key] = await asyncio.to_thread(draw, sides)
        finally:
            self._waiting -= 1
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return self._kept.get(key) or await self.picture(key, sides)


gallery = Gallery()


@get("/og/{file:str}")
async def picture(request: Http, file: str) -> ASGIResponse:
    """`{tool}.png` or `{a}-vs-{b}.png`: 1200 by 630, with the verdicts of now."""
    read, _ = await read_at(request)
    tools = _named(read.models, file)
    if tools is None:
        raise Refused("not_found", "There is no such picture.")
    shown = [summary(read, tool) for tool in tools]
    sides = [
        Side(
            slug=tool.slug,
            name=tool.name,
            opinions=(
                Opinion(
                    "Panel",
                    tool.panel.verdict,
                    words.panel_verdict(tool.panel),
                    words.panel_count(tool.panel),
                    tool.panel.ship_share,
                ),
                Opinion(
                    "Community",
                    tool.community.call,
                    words.community_verdict(tool.community),
                    words.community_count(tool.community),
                    tool.community.ship_share,
                ),
            ),
        )
        for tool in shown
    ]
    key = sha256(msgspec.json.encode(sides)).hexdigest()[:32]
    etag = f'"{key}"'
    headers = (_FOR_A_WHILE, ("etag", etag), _NOSNIFF, *_FOR_ALL)
    if is_known(request, etag):
        return ASGIResponse(status_code=304, headers=headers)
    body = await gallery.picture(key, sides)
    return ASGIResponse(body=body, media_type="image/png", headers=headers)


def _named(models: Models, file: str) -> tuple[ToolSlug, ...] | None:
    """The tool of this name, or the two: a tool may itself be called `a-vs-b`."""
    name = file.removesuffix(".png")
    if name == file:
        return None
    return (name,) if models.profile(name) is not None else pair(models, name)


ROUTES = [static, elements_now, elements, picture]
