"""The catalogue: list, read, compare; an admin lists, revises and delists."""

import msgspec
from litestar import delete, get, post, put
from litestar.response.base import ASGIResponse
from msgspec import Struct

from votes.api.operation import Operation
from votes.app.catalogue.compared import COMPARED_MAX
from votes.app.catalogue.listing import Wanted
from votes.app.catalogue.paging import LIMIT_DEFAULT
from votes.app.catalogue.responses import (
    ComparedView,
    CompareView,
    SuggestionsView,
    SummaryView,
    ToolsPage,
    compare_view,
    compared_view,
    summary,
)
from votes.app.catalogue.tool_orders import Price, Sort
from votes.app.shapes import RenameWritten, ToolWritten
from votes.domain.terms import ToolSlug, is_slug
from votes.domain.tool import Entry
from votes.domain.verdict import Call, PanelVerdict
from votes.http.actions.cataloguing import delist, list_tool, rename
from votes.http.checks.identity import require_admin
from votes.http.checks.limiting import Limited
from votes.http.conditions import if_match
from votes.http.errors import Refused
from votes.http.exchange import (
    LARGE_BODY_BYTES_MAX,
    Http,
    listed,
    no_content,
    private,
    read_json,
    services,
    shared_value,
    tool_id,
    tool_slug,
    tool_slugs,
)
from votes.http.moved import require_current
from votes.http.parameters import Compared, Cursor, Limit, MinPosition, Only, Query
from votes.search.pages import SUGGESTIONS_DEFAULT, suggestions, tools_page

_entry = msgspec.json.Decoder(Entry)


@get(
    "/v1/tools",
    operation_id="listTools",
    summary="The catalogue, a page at a time",
    tags=["tools"],
    opt=Operation(responses={200: ToolsPage}, limited=Limited("reads", "q")).opt,
)
async def list_tools(
    request: Http,
    sort: Sort | None = None,
    category: Only = None,
    call: Call | None = None,
    panel: PanelVerdict | None = None,
    price: Price | None = None,
    q: Query = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
    min_position: MinPosition = 0,
) -> ASGIResponse:
    """Listed tools: `top` by the lower bound of their share of ship, `trending` by recent votes,
    `new` by their listing, `controversial` by many votes evenly split. Of one `category`, one
    `call` of the community, one verdict of the `panel`, one `price`, or several of these: `free`
    tools have a plan that costs nothing, of `unknown` price are those without a plan with a price.

    With `q` those whose name, slug or tagline has all its words, the last one perhaps not typed to
    its end, and where these are few, those whose name is nearly that: at most 500. Without a
    `sort` they come with what fits best first, and otherwise `top` first.
    """
    parts = services(request)
    source = await parts.reader.models(min_position)
    wanted = Wanted(category, call, panel, price)
    page = await tools_page(
        parts.finder, source.models, sort, wanted, q, cursor, limit, min_position
    )
    answer = ToolsPage(
        [summary(source, tool) for tool in page.items],
        page.next_cursor,
        page.total,
    )
    return shared_value(request, answer, stale=source.stale)


@get(
    "/v1/suggest",
    operation_id="suggestTools",
    summary="Tools as one types",
    tags=["tools"],
    opt=Operation(responses={200: SuggestionsView}, limited=Limited("reads", "q")).opt,
)
async def suggest_tools(
    request: Http,
    q: Query = None,
    limit: Limit = SUGGESTIONS_DEFAULT,
    min_position: MinPosition = 0,
) -> ASGIResponse:
    """The listed tools that fit best what is typed so far, as `GET /v1/tools?q=` finds them; none
    where nothing is typed."""
    parts = services(request)
    source = await parts.reader.models(min_position)
    answer = await suggestions(parts.finder, source.models, q or "", limit, min_position)
    return shared_value(request, answer, stale=source.stale)


@get(
    "/v1/tools/{slug:str}",
    operation_id="getTool",
    summary="A tool with both verdicts",
    tags=["tools"],
    opt=Operation(responses={200: SummaryView}).opt,
)
async def get_tool(request: Http, slug: str, min_position: MinPosition = 0) -> ASGIResponse:
    """What the catalogue, the panel and the community say of a tool. With the `ETag` as `If-Match`,
    `PUT` overwrites no entry that was not read; votes and reviews may come meanwhile."""
    name = tool_slug(request, slug)
    source = await services(request).reader.models(min_position)
    tool = listed(source, name)
    answer = summary(source, tool)
    return shared_value(request, answer, stale=source.stale, of=tool.profile.entry.tag)


@get(
    "/v1/compare/{a:str}/{b:str}",
    operation_id="compareTools",
    summary="Two tools side by side",
    tags=["tools"],
    opt=Operation(responses={200: CompareView}).opt,
)
async def compare_tools(
    request: Http, a: str, b: str, min_position: MinPosition = 0
) -> ASGIResponse:
    """Both summaries, and the rows in which they differ."""
    first, second = tool_slug(request, a), tool_slug(request, b)
    source = await services(request).reader.models(min_position)
    answer = compare_view(
        summary(source, listed(source, first)), summary(source, listed(source, second))
    )
    return shared_value(request, answer, stale=source.stale)


@get(
    "/v1/compare",
    operation_id="compareSeveralTools",
    summary="Two to four tools side by side",
    tags=["tools"],
    opt=Operation(responses={200: ComparedView}).opt,
)
async def compare_several_tools(
    request: Http, tools: Compared, min_position: MinPosition = 0
) -> ASGIResponse:
    """Their summaries in the order asked for, and the fields in which they are not all the same.
    One unknown tool refuses the whole list."""
    slugs = tool_slugs(request, tools)
    if not 2 <= len(slugs) <= COMPARED_MAX:
        raise Refused("invalid_parameter", f"tools: two to {COMPARED_MAX}.")
    source = await services(request).reader.models(min_position)
    require_current(source.models, slugs)
    answer = compared_view([summary(source, listed(source, slug)) for slug in slugs])
    return shared_value(request, answer, stale=source.stale)


@put(
    "/v1/tools/{slug:str}",
    operation_id="putTool",
    summary="List a tool, or revise it",
    tags=["tools"],
    status_code=200,
    request_max_body_size=LARGE_BODY_BYTES_MAX,
    opt=Operation(
        body=Entry,
        responses={200: ToolWritten, 201: ToolWritten},
        write=True,
        conditional=True,
        who="admin",
        limited=Limited("writes"),
        new_tool=True,
    ).opt,
)
async def put_tool(request: Http, slug: str) -> ASGIResponse:
    """201 for a tool that was not listed, 200 for one that was. The `ETag` of the response is for
    the next `If-Match`, as that of `GET` is. For admins."""
    admin, tags = await require_admin(request), if_match(request)
    if not is_slug(slug):
        raise Refused("invalid_parameter", "slug: lower-case letters, digits, '-', '_' and '.'.")
    tool_slug(request, slug)
    entry = await read_json(request, _entry)
    outcome = await list_tool(request, slug, entry, admin, tags)
    written = ToolWritten(slug, entry, outcome.changed, outcome.position)
    etag = (b"etag", f'"{entry.tag}"'.encode())
    return private(written, status=200 if outcome.before.listed else 201, headers=(etag,))


class RenameBody(Struct, frozen=True, forbid_unknown_fields=True):
    slug: ToolSlug


_rename = msgspec.json.Decoder(RenameBody)


@post(
    "/v1/tools/{slug:str}/rename",
    operation_id="renameTool",
    summary="Give a tool another slug",
    tags=["tools"],
    status_code=200,
    opt=Operation(
        body=RenameBody,
        responses={200: RenameWritten},
        write=True,
        who="admin",
        limited=Limited("writes"),
        takes_slug=True,
    ).opt,
)
async def rename_tool(request: Http, slug: str) -> ASGIResponse:
    """Votes, bookmarks and reviews go on. All addresses with the former slug lead to those with the
    new one, for good: no other tool can be listed under either. For admins."""
    admin = await require_admin(request)
    tool = await tool_id(request, slug)
    body = await read_json(request, _rename)
    outcome = await rename(request, tool, body.slug, admin)
    previous = outcome.before.slug
    assert previous is not None  # a tool that was never listed cannot be renamed
    return private(RenameWritten(body.slug, previous, outcome.changed, outcome.position))


@delete(
    "/v1/tools/{slug:str}",
    operation_id="delistTool",
    summary="Take a tool out of the catalogue",
    tags=["tools"],
    status_code=200,  # the answer itself says 204
    opt=Operation(write=True, who="admin", limited=Limited("writes")).opt,
)
async def delist_tool(request: Http, slug: str) -> ASGIResponse:
    """Its votes and reviews stay in the log and come back when it is listed again. For admins."""
    admin = await require_admin(request)
    outcome = await delist(request, await tool_id(request, slug), admin)
    return no_content(outcome.position)


ROUTES = [list_tools, suggest_tools, get_tool, compare_tools, compare_several_tools]
ROUTES += [put_tool, rename_tool, delist_tool]
