"""What the pages share: the source of what they show, and the reader."""

from litestar.response.base import ASGIResponse

from votes.app.catalogue import Tool
from votes.app.responses import ToolState
from votes.app.states import NOTHING, states
from votes.domain.terms import ToolSlug
from votes.engine.log import Position
from votes.engine.ports import Unavailable
from votes.engine.reader import NotYet, ReadSource
from votes.http.deadlines import OPTIONAL_S, within
from votes.http.errors import Refused
from votes.http.exchange import Http, services
from votes.http.identity import Caller, identity
from votes.site.html import private_page, shared_page


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
    if caller.voter is None:
        return nothing
    user = caller.user.subject if caller.user is not None else None
    try:
        async with within(OPTIONAL_S):
            ids = {tool.slug: tool.id for tool in tools}
            return await states(services(request).store, caller.voter, user, ids)
    except Unavailable:
        return nothing


def page_for(request: Http, caller: Caller, source: ReadSource, text: str) -> ASGIResponse:
    """The page; private if it shows a caller's own votes, or that their login has ended."""
    if caller.voter is not None or caller.login_ended:
        return private_page(text)
    return shared_page(request, text, stale=source.stale)
