"""Pages that are the same for all are rendered once, and sent again while they say the same.

It is a shared cache as HTTP describes it, in the process: it stores what routes of `CACHED` call
public, by all that it varies with, and revalidates it by the read models. A page is sent again
while these are where they were when it was begun, and for `AGE_S` at most. All who ask for a page
while it is rendered get that one.
"""

import asyncio
import re
from collections import OrderedDict
from typing import Any

from litestar import Litestar, Request
from msgspec import Struct, field

from votes.engine.log import Position
from votes.http.checks.limiting import is_counted
from votes.http.etags import client_has
from votes.http.exchange import Asgi, Headers
from votes.http.hosts import base_of, is_here
from votes.http.proxies import header_of, without_header
from votes.languages import language

CACHED = {"cached": True}
"""How a route's decorator says, in `opt`, that all it shows follows from the read models."""
AGE_S = 5.0
"""For the little that does not, as the last day of a chart."""
BYTES_MAX = 4 * 1024 * 1024
"""Of all responses together: some 500 pages, as browsers ask for them."""
OTHER_BYTES = 2_000
"""Of a response, beside its body and its address."""

_SHARED = (b"cache-control", b"public, max-age=0, must-revalidate")
_NOT_IN_304 = (b"content-type", b"content-length", b"content-encoding", b"set-cookie")
_NO_GZIP = re.compile(rb"gzip\s*;\s*q=0(\.0*)?\s*(,|$)")


class Key(Struct, frozen=True):
    """All of a request that a page depends on which is the same for all.

    `base` is the address of the site in its links. `demo` says whether whoever asks may log in as
    anybody, `gzip` whether the response may be compressed.
    """

    path: str
    query: bytes
    language: str
    base: str
    demo: bool
    gzip: bool


class Page(Struct, frozen=True):
    """A response, and where the read models were when it was begun, at `begun_s` by the loop."""

    world: str
    position: Position
    begun_s: float
    etag: str
    headers: Headers
    body: bytes

    def is_for(self, world: str, position: Position, asked_s: float) -> bool:
        """Whether it is no older than the read models that were there when a request came."""
        begun_s = self.begun_s
        return self.position >= position and self.world == world and begun_s >= asked_s - AGE_S


class Rendering(Struct, eq=False):
    """A response that is made; `page` is None where it is not to be cached."""

    ended: asyncio.Event = field(default_factory=asyncio.Event)
    page: Page | None = None


class Cache:
    """The pages that were asked for last, and those that are rendered now."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self.rendering: dict[Key, Rendering] = {}
        self._pages: OrderedDict[Key, Page] = OrderedDict()
        self._bytes, self._bytes_max = 0, bytes_max

    def get(self, key: Key) -> Page | None:
        page = self._pages.get(key)
        if page is not None:
            self._pages.move_to_end(key)
        return page

    def put(self, key: Key, page: Page) -> None:
        self._drop(key)
        self._pages[key] = page
        self._bytes += _size(key, page)
        while self._bytes > self._bytes_max:
            self._drop(next(iter(self._pages)))

    def _drop(self, key: Key) -> None:
        page = self._pages.pop(key, None)
        if page is not None:
            self._bytes -= _size(key, page)


def _size(key: Key, page: Page) -> int:
    return OTHER_BYTES + len(key.path) + len(key.query) + len(page.body)


def with_cache(site: Litestar, cache: Cache, pages: Asgi) -> Asgi:
    """The pages of the site, through a cache of those that are the same for all."""

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        key = _key_of(site, scope)
        models = site.state.services.reader.live() if key is not None else None
        if key is None or models is None:
            return await pages(scope, receive, send)
        asked = models.world, models.position, asyncio.get_running_loop().time()
        page = cache.get(key)
        while page is None or not page.is_for(*asked):
            rendering = cache.rendering.get(key)
            if rendering is None:
                page = await _rendered(site, cache, key, pages, scope, receive, send)
                break
            await rendering.ended.wait()
            page = rendering.page
            if page is None:
                return await pages(scope, receive, send)
        if page is not None:
            await _send(page, scope, send)
        return None

    return dispatch


def _key_of(site: Litestar, scope: Any) -> Key | None:
    """None where the response may be for one person, or is to no plain read."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    if header_of(scope, b"authorization") is not None:
        return None
    if header_of(scope, b"cookie") is not None and site.state.identity.has_cookie(Request(scope)):
        return None
    config = site.state.services.config
    return Key(
        scope["path"],
        scope["query_string"],
        language().tag,
        base_of(scope, config),
        config.demo_login and is_here(scope),
        accepts_gzip(scope),
    )


def accepts_gzip(scope: Any) -> bool:
    """Whether the response to the request may be compressed: not where it says `gzip;q=0`."""
    accepted = [value for name, value in scope["headers"] if name == b"accept-encoding"]
    return any(b"gzip" in each for each in accepted) and not any(map(_NO_GZIP.search, accepted))


async def _rendered(
    site: Litestar, cache: Cache, key: Key, pages: Asgi, scope: Any, receive: Any, send: Any
) -> Page | None:
    """The page, which is stored if it is of those. None where the response has no tag, and is sent
    as it comes."""
    rendering = cache.rendering[key] = Rendering()
    models, begun_s = site.state.services.reader.live(), asyncio.get_running_loop().time()
    world, position = (models.world, models.position) if models is not None else ("", 0)
    whole = without_header(scope, b"if-none-match")
    head: Any = None
    parts: list[bytes] = []

    async def gather(message: Any) -> None:
        nonlocal head
        if message["type"] == "http.response.start" and _has_tag(message):
            head = message
        elif head is None:
            await send(message)
        else:
            parts.append(message["body"])

    try:
        await pages(whole, receive, gather)
        if head is None:
            return None
        headers = tuple(head["headers"])
        etag = dict(headers)[b"etag"].decode().removeprefix("W/")
        page = Page(world, position, begun_s, etag, headers, b"".join(parts))
        if _SHARED in headers and _is_cached(whole):
            rendering.page = page
            cache.put(key, page)
        return page
    finally:
        del cache.rendering[key]
        rendering.ended.set()


def _is_cached(scope: Any) -> bool:
    """Whether the response is of a route that is cached, and was counted towards no limit."""
    handler = scope.get("route_handler")
    return handler is not None and "cached" in handler.opt and not is_counted(scope)


def _has_tag(start: Any) -> bool:
    return start["status"] == 200 and any(name == b"etag" for name, _ in start["headers"])


async def _send(page: Page, scope: Any, send: Any) -> None:
    """The page, or that the client has it."""
    status, headers, body = 200, page.headers, page.body
    if client_has(scope, page.etag):
        headers = tuple(header for header in headers if header[0] not in _NOT_IN_304)
        status, body = 304, b""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
