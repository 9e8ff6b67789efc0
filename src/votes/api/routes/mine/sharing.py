"""Public collections, as JSON and as feeds."""

from typing import Annotated

import msgspec
from litestar import get
from litestar.response.base import ASGIResponse
from msgspec import Meta

from votes.api.operation import Operation
from votes.app.bookmarks.responses import SharedCollection
from votes.app.bookmarks.sharing import json_feed, newest, rss, view
from votes.app.catalogue.paging import LIMIT_DEFAULT
from votes.http.actions.sharing import shared
from votes.http.checks.limiting import Limited
from votes.http.etags import tagged
from votes.http.exchange import Http, services, shared_value
from votes.http.hosts import base
from votes.http.parameters import Cursor, Limit

Address = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Za-z0-9_-]{22}(?:\.rss|\.json)?\Z",
        description="Of a public collection; of its feeds with `.rss` or `.json`.",
    ),
]

_HEADERS = (
    ("cache-control", "public, max-age=0, must-revalidate"),
    ("vary", "Origin"),
    ("x-robots-tag", "noindex"),
)


@get(
    "/v1/collections/{public:str}",
    operation_id="getSharedCollection",
    summary="A public collection",
    tags=["bookmarks"],
    opt=Operation(responses={200: SharedCollection}, limited=Limited("reads")).opt,
)
async def get_shared_collection(
    request: Http, public: str, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> ASGIResponse:
    """Its name and its tools, in the order of its user; nothing that the user has written beside
    them. With `.rss` after the id it is RSS 2.0, with `.json` JSON Feed 1.1: the 50 tools that were
    added last. 404 for what never was a collection, 410 for one that is not public any more."""
    address, _, form = public.partition(".")
    if form not in ("", "rss", "json"):
        address = public  # no address has a dot
    shelf, kept = await shared(request, address)
    source = await services(request).reader.models()
    if not form:
        found = view(source, shelf, kept, cursor, limit)
        return shared_value(request, found, stale=source.stale)
    last, here = newest(source, shelf, kept), base(request)
    if form == "rss":
        return tagged(request, rss(last, here), "application/rss+xml", _HEADERS)
    body = msgspec.json.encode(json_feed(last, here))
    return tagged(request, body, "application/feed+json", _HEADERS)


ROUTES = [get_shared_collection]
