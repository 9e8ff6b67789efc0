"""The catalogue: list, read, compare; an admin lists, revises and delists."""

import msgspec
from litestar import delete, get, put
from litestar.response.base import ASGIResponse

from votes.api.errors import Refused
from votes.api.exchange import (
    LARGE_BODY_BYTES_MAX,
    Http,
    no_content,
    private,
    read_json,
    refused,
    services,
    shared_value,
    submit,
    tool_slug,
)
from votes.api.identity import require_admin
from votes.api.parameters import Cursor, Limit, MinPosition, Only, Query
from votes.app import catalogue, listing
from votes.app.answers import CompareView, SummaryView, ToolsPage, compare_view, summary_view
from votes.app.paging import LIMIT_DEFAULT
from votes.app.shapes import ToolWritten
from votes.domain import tool as tools
from votes.domain.terms import ToolSlug, is_slug
from votes.domain.tool import Entry
from votes.engine.reads import ReadFrom

_entry = msgspec.json.Decoder(Entry)


def summary(read: ReadFrom, slug: ToolSlug) -> SummaryView:
    """The summary of a listed tool. Raises `Refused` for another."""
    profile, tally = catalogue.profile(read.models, slug), catalogue.tally(read.models, slug)
    if profile is None or tally is None:
        raise refused(tools.unknown(slug))
    return summary_view(slug, profile, tally, stale=read.stale)


@get(
    "/v1/tools",
    operation_id="listTools",
    summary="The catalogue, a page at a time",
    tags=["tools"],
    opt={"answers": {200: ToolsPage}},
)
async def list_tools(
    request: Http,
    sort: listing.Sort = "top",
    category: Only = None,
    q: Query = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
    min_position: MinPosition = 0,
) -> ASGIResponse:
    """Listed tools: `top` by the lower bound of their share of ship, `trending` by recent votes,
    `new` by their listing, `controversial` by many votes evenly split."""
    read = await services(request).reads.models(min_position)
    page = listing.tools(read.models, sort, category, q, cursor, limit)
    answer = ToolsPage(
        [summary_view(*listed, stale=read.stale) for listed in page.items],
        page.next_cursor,
        page.total,
    )
    return shared_value(request, answer, stale=read.stale)


@get(
    "/v1/tools/{slug:str}",
    operation_id="getTool",
    summary="A tool with both verdicts",
    tags=["tools"],
    opt={"answers": {200: SummaryView}},
)
async def get_tool(request: Http, slug: str, min_position: MinPosition = 0) -> ASGIResponse:
    """What the catalogue, the panel and the community say of a tool."""
    tool = tool_slug(slug)
    read = await services(request).reads.models(min_position)
    answer = summary(read, tool)
    return shared_value(request, answer, stale=read.stale)


@get(
    "/v1/compare/{a:str}/{b:str}",
    operation_id="compareTools",
    summary="Two tools side by side",
    tags=["tools"],
    opt={"answers": {200: CompareView}},
)
async def compare_tools(
    request: Http, a: str, b: str, min_position: MinPosition = 0
) -> ASGIResponse:
    """Both summaries, and the rows in which they differ."""
    first, second = tool_slug(a), tool_slug(b)
    read = await services(request).reads.models(min_position)
    answer = compare_view(summary(read, first), summary(read, second))
    return shared_value(request, answer, stale=read.stale)


@put(
    "/v1/tools/{slug:str}",
    operation_id="putTool",
    summary="List a tool, or revise it",
    tags=["tools"],
    status_code=200,
    request_max_body_size=LARGE_BODY_BYTES_MAX,
    opt={
        "body": Entry,
        "answers": {200: ToolWritten, 201: ToolWritten},
        "write": True,
        "who": "admin",
        "new_tool": True,
    },
)
async def put_tool(request: Http, slug: str) -> ASGIResponse:
    """201 for a tool that was not listed, 200 for one that was. For admins."""
    admin = await require_admin(request)
    if not is_slug(slug):
        raise Refused("invalid_parameter", "slug: lower-case letters, digits, '-', '_' and '.'.")
    entry = await read_json(request, _entry)
    outcome = await submit(
        request,
        tools.decider,
        tools.ListTool(slug, entry),
        f"user:{admin.subject}",
        msgspec.json.encode(entry),
    )
    written = ToolWritten(slug, entry, outcome.changed, outcome.position)
    return private(written, status=200 if outcome.before.listed else 201)


@delete(
    "/v1/tools/{slug:str}",
    operation_id="delistTool",
    summary="Take a tool out of the catalogue",
    tags=["tools"],
    status_code=200,  # the answer itself says 204
    opt={"write": True, "who": "admin"},
)
async def delist_tool(request: Http, slug: str) -> ASGIResponse:
    """Its votes and reviews stay in the log and come back when it is listed again. For admins."""
    admin = await require_admin(request)
    command = tools.DelistTool(tool_slug(slug))
    outcome = await submit(request, tools.decider, command, f"user:{admin.subject}")
    return no_content(outcome.position)


ROUTES = [list_tools, get_tool, compare_tools, put_tool, delist_tool]
