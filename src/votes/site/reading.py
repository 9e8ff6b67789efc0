"""What the pages share: the source of what they show, the reader, and how they answer."""

from typing import Any

from litestar.response.base import ASGIResponse

from votes.app.catalogue.tools import Tool
from votes.app.my_responses import ToolState
from votes.app.states import NOTHING
from votes.domain.terms import ToolSlug
from votes.engine.log import Position
from votes.engine.ports import Unavailable
from votes.engine.reading.reader import NotYet, ReadSource
from votes.http.checks.identity import Caller, identity
from votes.http.checks.voters import states_for
from votes.http.deadlines import OPTIONAL_S, within
from votes.http.edge.turns import Turns
from votes.http.errors import Refused
from votes.http.exchange import Http, services
from votes.site.account import account
from votes.site.html import private_page, shared_page
from votes.site.render import Head, page_by_turns, query


async def read_at(request: Http, position: Position = 0) -> tuple[ReadSource, bool]:
    """The source at or after the position; where that takes too long, the current one, and True."""
    reader = services(request).reader
    try:
        return await reader.models(position), False
    except NotYet:
        if not position:
            raise
        return await reader.models(), True


async def reader(request: Http) -> Caller:
    """The caller. A login that cannot be verified does not prevent a public page."""
    try:
        return await identity(request).caller(request)
    except (Refused, Unavailable):
        return Caller()


async def my_states(request: Http, caller: Caller, *tools: Tool) -> dict[ToolSlug, ToolState]:
    """The reader's own votes and bookmarks; none where the log does not respond soon."""
    nothing = {tool.slug: NOTHING for tool in tools}
    if not caller.identified:
        return nothing
    try:
        with within(OPTIONAL_S):
            return await states_for(request, caller, {tool.slug: tool.id for tool in tools})
    except Unavailable:
        return nothing


async def answer(
    request: Http,
    template: str,
    head: Head,
    *,
    stale: bool = False,
    private: bool = False,
    status: int = 200,
    **values: Any,
) -> ASGIResponse:
    """The page. One that names its reader is for that reader alone, as a `private` one is; others
    are the same for all."""
    caller = await reader(request)
    who = account(request, caller)
    turns: Turns = request.app.state.turns
    given = {"here": here(request)} | values
    text = await page_by_turns(turns.next, template, head, who, **given)
    if private or caller.user is not None:
        return private_page(text, status)
    return shared_page(request, text, stale=stale)


def here(request: Http) -> str:
    """The address of this page, to come back to after a vote."""
    fields = {name: value for name, value in request.query_params.items() if name != "min_position"}
    return request.url.path + query(**fields)


def is_of(caller: Caller) -> bool:
    """Whether a page that shows the caller's own votes, or that their login has ended, does so."""
    return caller.identified or caller.login_ended
