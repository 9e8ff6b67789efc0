"""Who am I, and what have I done."""

from litestar import get
from litestar.response.base import ASGIResponse

from votes.api.exchange import Http, private, services, tool_slugs
from votes.api.identity import Caller, identity
from votes.api.parameters import MinPosition, ToolList
from votes.app.answers import ToolState
from votes.app.shapes import MeView
from votes.domain import bookmark, vote
from votes.domain.decider import Recorded
from votes.domain.terms import Stream, ToolSlug


@get(
    "/v1/me",
    operation_id="getMe",
    summary="Who am I",
    tags=["me"],
    opt={"answers": {200: MeView}},
)
async def get_me(request: Http) -> ASGIResponse:
    """Makes no visitor: that happens at the first vote."""
    caller = await identity(request).caller(request)
    if caller.user is not None:
        user = caller.user
        return private(MeView("user", user.subject, sorted(user.roles), user.persona))
    if caller.visitor_id is not None:
        return private(MeView("visitor", caller.visitor_id, [], None))
    return private(MeView("nobody", None, [], None))


@get(
    "/v1/me/state",
    operation_id="getMyState",
    summary="My votes and bookmarks on up to 100 tools",
    tags=["me"],
    opt={"answers": {200: dict[str, ToolState]}},
)
async def get_my_state(
    request: Http, tools: ToolList, min_position: MinPosition = 0
) -> ASGIResponse:
    """For a page in one call. Read from the log itself, so it always has your last vote."""
    caller = await identity(request).caller(request)
    slugs = tool_slugs(tools)
    if min_position:
        await services(request).reads.models(min_position)
    streams = _streams(caller, slugs)
    last = await services(request).store.last_events([s for pair in streams.values() for s in pair])
    return private({slug: _state(last, streams.get(slug)) for slug in slugs})


def _streams(caller: Caller, slugs: list[ToolSlug]) -> dict[ToolSlug, tuple[Stream, ...]]:
    if caller.voter is None:
        return {}
    streams: dict[ToolSlug, tuple[Stream, ...]] = {}
    for slug in slugs:
        streams[slug] = (vote.stream(slug, caller.voter),)
        if caller.user is not None:
            streams[slug] += (bookmark.stream(caller.user.subject, slug),)
    return streams


def _state(last: dict[Stream, Recorded], streams: tuple[Stream, ...] | None) -> ToolState:
    events = [last[stream].event for stream in streams or () if stream in last]
    choice, bookmarked = None, False
    for event in events:
        choice = vote.evolve(vote.Vote(choice=choice), event).choice
        bookmarked = bookmarked or bookmark.evolve(bookmark.Bookmark(), event).added_at is not None
    return ToolState(choice, bookmarked)


ROUTES = [get_me, get_my_state]
