"""What the pages share: which state of things they show, and to whom."""

from litestar.response.base import ASGIResponse

from votes.api.deadlines import OPTIONAL_S, within
from votes.api.errors import Refused
from votes.api.exchange import Http, services
from votes.api.html import private_page, shared_page
from votes.api.identity import Caller, identity
from votes.app.answers import SummaryView, ToolState, summary_view
from votes.app.catalogue import Tool
from votes.app.states import NOTHING, states
from votes.domain.terms import ToolSlug
from votes.engine.log import Position
from votes.engine.ports import Unavailable
from votes.engine.reads import NotYet, ReadFrom


async def read_at(request: Http, position: Position = 0) -> tuple[ReadFrom, bool]:
    """The models at or after the position; where that takes too long, as they are, and True."""
    reads = services(request).reads
    try:
        return await reads.models(position), False
    except NotYet:
        if not position:
            raise
        return await reads.models(), True


async def reader(request: Http) -> Caller:
    """Who reads. A login that cannot be verified keeps nobody from a public page."""
    try:
        return await identity(request).caller(request)
    except (Refused, Unavailable):
        return Caller()


async def my_states(request: Http, caller: Caller, *tools: Tool) -> dict[ToolSlug, ToolState]:
    """The reader's own votes and bookmarks; none where the log does not answer soon."""
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


def page_for(request: Http, caller: Caller, read: ReadFrom, text: str) -> ASGIResponse:
    """A page with somebody's own votes on it is theirs alone."""
    if caller.voter is not None:
        return private_page(text)
    return shared_page(request, text, stale=read.stale)


def summaries(read: ReadFrom, found: list[Tool]) -> list[SummaryView]:
    return [summary_view(tool.profile, tool.tally, stale=read.stale) for tool in found]
