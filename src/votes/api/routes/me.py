"""Who am I, and what have I done."""

from typing import Literal

from litestar import get
from litestar.response.base import ASGIResponse

from votes.api.operation import Operation
from votes.app.responses import ToolState
from votes.app.shapes import MeView
from votes.app.states import NOTHING
from votes.http.exchange import Http, private, services, tool_ids, tool_slugs
from votes.http.identity import identity
from votes.http.parameters import MinPosition, ToolList
from votes.http.voters import states_for


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
    if not caller.known:
        return private(dict.fromkeys(slugs, NOTHING))
    known = await tool_ids(request, slugs)
    found = await states_for(request, caller, known)
    return private({slug: found.get(slug, NOTHING) for slug in slugs})


ROUTES = [get_me, get_my_state]
