"""Tallies: one, many, and as they once were."""

from datetime import UTC, datetime

import msgspec
from litestar import get
from litestar.response.base import ASGIResponse

from votes.api.operation import Operation
from votes.app.catalogue.responses import TalliesView
from votes.app.catalogue.tools import Tool
from votes.engine.log import Position
from votes.engine.reading.reader import ReadSource
from votes.http.checks.limiting import Limited
from votes.http.deadlines import READ_S, within
from votes.http.errors import Refused
from votes.http.exchange import (
    Http,
    listed,
    services,
    shared,
    shared_value,
    tool_slug,
    tool_slugs,
)
from votes.http.moved import require_current
from votes.http.parameters import MinPosition, Moment, ToolList
from votes.projections.tallies import TALLIES, Counts, Tally, TallyView, tally_view

_encode = msgspec.json.Encoder().encode


@get(
    "/v1/tools/{slug:str}/tally",
    operation_id="getTally",
    summary="The community's votes on a tool",
    tags=["tallies"],
    opt=Operation(responses={200: TallyView}, limited=Limited("reads", "at")).opt,
)
async def get_tally(
    request: Http, slug: str, at: Moment = None, min_position: MinPosition = 0
) -> ASGIResponse:
    """The tally now, or as it was at a position of the log or at a time."""
    name = tool_slug(request, slug)
    source = await services(request).reader.models(min_position)
    tool = listed(source, name)
    if at is not None:
        return await _then(request, source, tool, at)
    body = None if source.stale else services(request).replica.frame(TALLIES, tool.id)
    if body is None:
        return shared_value(request, _view(source, tool), stale=source.stale)
    return shared(request, body, stale=False)


def _view(source: ReadSource, tool: Tool) -> TallyView:
    return tally_view(tool.slug, tool.tally, stale=source.stale)


async def _then(request: Http, source: ReadSource, tool: Tool, at: str) -> ASGIResponse:
    past, moment = services(request).past, _moment(at)
    with within(READ_S):
        if isinstance(moment, datetime):
            tally = await past.tally_at_time(source, tool.id, moment)
        else:
            tally = await past.tally_at_position(source, tool.id, moment)
    none = Tally(Counts(), 0, tool.profile.listed_at)
    view = tally_view(tool.slug, tally or none, stale=False)
    return shared_value(request, view, stale=False)


def _moment(text: str) -> Position | datetime:
    """A position, or a time of RFC 3339 (whose `+` an address may have turned into a space)."""
    try:
        if text.isascii() and text.isdigit():
            return msgspec.convert(text, Position, strict=False)
        moment = msgspec.convert(text.replace(" ", "+"), datetime)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        pass  # told below; an offset can take a time out of the years that there are
    raise Refused("invalid_parameter", "at: a position, or a time such as 2026-01-31T12:00:00Z.")


@get(
    "/v1/tallies",
    operation_id="getTallies",
    summary="The tallies of up to 100 tools",
    tags=["tallies"],
    opt=Operation(responses={200: TalliesView}).opt,
)
async def get_tallies(
    request: Http, tools: ToolList, min_position: MinPosition = 0
) -> ASGIResponse:
    """In the order asked for. One unknown tool refuses the whole list."""
    slugs = tool_slugs(request, tools)
    source = await services(request).reader.models(min_position)
    require_current(source.models, slugs)
    views = [_view(source, listed(source, slug)) for slug in slugs]
    return shared_value(request, TalliesView(views), stale=source.stale)


ROUTES = [get_tally, get_tallies]
