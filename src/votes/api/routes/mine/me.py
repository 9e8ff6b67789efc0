"""Who am I, and what have I done."""

from typing import Literal

import msgspec
from litestar import delete, get, post
from litestar.response.base import ASGIResponse
from msgspec import Struct

from votes.api.operation import Operation
from votes.app.catalogue.paging import LIMIT_DEFAULT
from votes.app.export import export
from votes.app.my_responses import MyData, MyVotesPage, ToolState
from votes.app.shapes import LinkView, MeView
from votes.app.states import NOTHING
from votes.domain.person import Person
from votes.http.checks.identity import identity, require_user
from votes.http.checks.limiting import Limited
from votes.http.checks.on_behalf import erase_on_behalf
from votes.http.checks.voters import link_to, linked_by, states_for, votes_of
from votes.http.exchange import (
    Http,
    erase,
    no_content,
    private,
    read_checked,
    read_json,
    services,
    tool_ids,
    tool_slugs,
)
from votes.http.parameters import Cursor, Elsewhere, Limit, MinPosition, ToolList


class LinkBody(Struct, frozen=True, forbid_unknown_fields=True):
    """`visitor` is a visitor's token, of a page on another origin."""

    visitor: str


_link = msgspec.json.Decoder(LinkBody)


@get(
    "/v1/me",
    operation_id="getMe",
    summary="Who am I",
    tags=["me"],
    opt=Operation(responses={200: MeView}, who="voter").opt,
)
async def get_me(request: Http) -> ASGIResponse:
    """Makes no visitor: that happens at the first vote."""
    caller = await identity(request).caller(request)
    if caller.user is not None:
        user = caller.user
        return private(MeView("user", user.subject, sorted(user.roles), user.persona, False))
    kind: Literal["visitor", "nobody"] = "nobody" if caller.visitor_id is None else "visitor"
    return private(MeView(kind, caller.visitor_id, [], None, caller.login_ended))


@get(
    "/v1/me/state",
    operation_id="getMyState",
    summary="My votes and bookmarks on up to 100 tools",
    tags=["me"],
    opt=Operation(responses={200: dict[str, ToolState]}, who="voter").opt,
)
async def get_my_state(
    request: Http, tools: ToolList, min_position: MinPosition = 0
) -> ASGIResponse:
    """For a page in one call. Read from the log itself, so it always has your last vote."""
    caller = await identity(request).caller(request)
    slugs = tool_slugs(request, tools)
    if min_position:
        await services(request).reader.models(min_position)
    if not caller.identified:
        return private(dict.fromkeys(slugs, NOTHING))
    ids = await tool_ids(request, slugs)
    states = await states_for(request, caller, ids)
    return private({slug: states.get(slug, NOTHING) for slug in slugs})


@get(
    "/v1/me/export",
    operation_id="exportMe",
    summary="All that is held of me",
    tags=["me"],
    opt=Operation(responses={200: MyData}, who="user", limited=Limited("reads")).opt,
)
async def export_me(request: Http) -> ASGIResponse:
    """Votes, bookmarks, collections, which visitors' votes became mine, and what was done as an
    admin, a moderator or a panelist. Read from the log itself: always complete."""
    user, parts = await require_user(request), services(request)

    async def read(person: Person) -> MyData | None:
        acts = await parts.people.acts_of(person)
        if (shelf := await parts.shelves.of(person)) is None:
            return None
        return await export(parts.store, parts.reader.latest, user.subject, shelf, acts)

    return private(
        await read_checked(request, user, read)
        or MyData(user.subject, None, [], [], [], [], [], [])
    )


@delete(
    "/v1/me",
    operation_id="eraseMe",
    summary="Erase me",
    tags=["me"],
    status_code=200,  # the answer itself says 204
    opt=Operation(who="user", limited=Limited("writes"), on_behalf=True).opt,
)
async def erase_me(request: Http, on_behalf_of: Elsewhere = None) -> ASGIResponse:
    """Destroys for good what leads from your login to what you did here, and the key of what you
    wrote beside bookmarks. Your votes count on, and nobody can say whose they are; reviews stay
    under their persona. Whatever you do later begins anew. Nothing remembers this request, so it
    takes no `Idempotency-Key`: sent again, it erases what was written since. A service or an admin
    erases with `on_behalf_of` somebody for whom others vote."""
    if on_behalf_of is not None:
        return no_content(await erase_on_behalf(request, on_behalf_of))
    user = await require_user(request)
    return no_content(await erase(request, user.subject))


@get(
    "/v1/me/votes",
    operation_id="listMyVotes",
    summary="My votes, newest first",
    tags=["me"],
    opt=Operation(responses={200: MyVotesPage}, who="voter", limited=Limited("reads")).opt,
)
async def list_my_votes(
    request: Http,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
    min_position: MinPosition = 0,
) -> ASGIResponse:
    """A page at a time. Read from the log itself: always complete."""
    caller = await identity(request).caller(request)
    if min_position:
        await services(request).reader.models(min_position)
    page = await votes_of(request, caller, cursor, limit)
    link = await linked_by(request, caller)
    return private(MyVotesPage(page.items, page.next_cursor, page.total, link))


@post(
    "/v1/me/link",
    operation_id="linkVisitor",
    summary="Take over the votes of the visitor that I was",
    tags=["me"],
    status_code=200,
    opt=Operation(
        body=LinkBody,
        body_optional=True,
        responses={200: LinkView},
        write=True,
        who="user",
        links=True,
        limited=Limited("writes"),
    ).opt,
)
async def link_visitor(request: Http) -> ASGIResponse:
    """The visitor of the token in the body, without a body that of the cookie. On each tool the
    newest choice of both holds, and one vote counts. Later votes of the visitor are yours too,
    until the visitor is linked to another user. The same again has the same result."""
    user = await require_user(request)
    token = (await read_json(request, _link)).visitor if await request.body() else None
    return private(await link_to(request, user, token))


ROUTES = [get_me, get_my_state, export_me, erase_me, list_my_votes, link_visitor]
