"""A tool's votes over time."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from litestar import get
from litestar.params import QueryParameter
from litestar.response.base import ASGIResponse

from votes.api.operation import Operation
from votes.app.catalogue.trend import BUCKETS_MAX, BadRange, Bucket, TrendView, Window, window
from votes.http.checks.limiting import Limited
from votes.http.deadlines import READ_S, within
from votes.http.errors import Refused
from votes.http.exchange import Http, listed, services, shared_value, tool_slug
from votes.http.parameters import MinPosition
from votes.resources import now

TIME_LENGTH_MAX = 64

From = Annotated[
    str | None,
    QueryParameter(name="from", max_length=TIME_LENGTH_MAX, description="A time of RFC 3339."),
]
To = Annotated[
    str | None,
    QueryParameter(
        name="to",
        max_length=TIME_LENGTH_MAX,
        description=f"A later time; the range touches at most {BUCKETS_MAX} buckets.",
    ),
]


@get(
    "/v1/tools/{slug:str}/trend",
    operation_id="getTrend",
    summary="The votes on a tool, by hour or day",
    tags=["tallies"],
    opt=Operation(responses={200: TrendView}, limited=Limited("reads")).opt,
)
async def get_trend(
    request: Http,
    slug: str,
    start: From = None,
    end: To = None,
    bucket: Bucket = "day",
    min_position: MinPosition = 0,
) -> ASGIResponse:
    """Whole buckets in UTC, also those without votes: `ship` and `skip` are by how much the tally
    changed in one, the totals are the tally at its end. Without a range, the last 30 days or 48
    hours."""
    name = tool_slug(request, slug)
    asked = _window(bucket, start, end)
    source = await services(request).reader.models(min_position)
    tool = listed(source, name)
    with within(READ_S):
        answer = await services(request).past.trend(source, tool, asked)
    return shared_value(request, answer, stale=source.stale)


def _window(bucket: Bucket, start: str | None, end: str | None) -> Window:
    """The window asked for. Without a range it moves with the clock."""
    try:
        return window(bucket, _time("from", start), _time("to", end), now())
    except BadRange as error:
        raise Refused("invalid_parameter", f"{error}") from error


def _time(name: str, text: str | None) -> datetime | None:
    """A time of RFC 3339, whose `+` an address may have turned into a space."""
    if text is None:
        return None
    try:
        moment = msgspec.convert(text.replace(" ", "+"), datetime)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        pass  # told below; an offset can take a time out of the years that there are
    raise Refused("invalid_parameter", f"{name}: a time such as 2026-01-31T12:00:00Z.")


ROUTES = [get_trend]
