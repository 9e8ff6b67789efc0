"""The live stream: `text/event-stream` of tallies and summaries.

It runs beside Litestar and not in it: a stream lives for an hour, and with thousands of them each
object that a request keeps alive counts.
"""

from collections.abc import Awaitable
from sys import intern
from typing import Any
from urllib.parse import parse_qs

from litestar import Litestar

from votes.api.examples import STREAM
from votes.app.catalogue import tools as catalogue
from votes.engine.decider import Rejected
from votes.http.checks.identity import Caller
from votes.http.checks.limiting import count, rate_limit_fields
from votes.http.errors import Refused, send_problem
from votes.http.exchange import Asgi, slugs_of, unknown
from votes.http.moved import Moved, location
from votes.http.proxies import client_network, header_of
from votes.live.hub import Listener, TooMany
from votes.live.stream import Streams, place_of
from votes.wiring import Services

PATH = "/v1/live"
FIELDS_MAX = 10

DESCRIPTION: dict[str, Any] = {
    "get": {
        "operationId": "subscribe",
        "summary": "Tallies and summaries as they change",
        "description": "Server-sent events: first the state of each tool, then each change. "
        "`Last-Event-ID`, or `last_event_id` where no header can be set, goes on after that event. "
        "Tools that are not listed, or never were, are `delisted` until they are; where none ever "
        "was, that is a problem. While there is nothing to show yet the stream is open and silent; "
        "what is read from the log, because the read models are away, says `stale` and comes again "
        "when they are back. Where ids begin with another word than before, all is sent anew.",
        "tags": ["live"],
        "parameters": [
            {
                "name": "tools",
                "in": "query",
                "required": True,
                "description": "Slugs, comma-separated, at most 100.",
                "schema": {"type": "string"},
            },
            {
                "name": "last_event_id",
                "in": "query",
                "description": "The `id` of the last event seen.",
                "schema": {"type": "string"},
            },
            {
                "name": "Last-Event-ID",
                "in": "header",
                "description": "The same, as a browser sends it by itself.",
                "schema": {"type": "string"},
            },
        ],
        "responses": {
            "200": {
                "description": "`event: tally` with a TallyView, `event: summary` with a "
                "SummaryView, `event: delisted` with the `tool`; `id: WORLD-POSITION`. A tool is "
                "named by its slug of now, the last two tell its `former` ones. Lines that begin "
                "with a colon say that there is nothing to say.",
                "content": {"text/event-stream": {"schema": {"type": "string"}, "example": STREAM}},
            },
        },
    }
}
"""The operation, but for who may ask and what can go wrong."""


def with_live(app: Litestar, others: Asgi) -> Asgi:
    """The application's stream, and the others for everything else."""

    def dispatch(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        if scope["type"] != "http" or scope["path"] != PATH:
            return others(scope, receive, send)
        if scope["method"] == "GET":
            return _live(app, scope, receive, send)
        rejected = Rejected("method_not_allowed", "A stream is only read: GET.")
        return send_problem(send, rejected, [(b"allow", b"GET")])

    return dispatch


async def _live(app: Litestar, scope: Any, receive: Any, send: Any) -> None:
    services: Services = app.state.services
    streams: Streams = app.state.streams
    try:
        await count(services, scope, "streams", Caller())
        await streams.turn()
        listener, headers = _listener(scope, services), rate_limit_fields(scope)
        scope.clear()  # nobody reads it again, and the server holds it as long as the stream
        await streams.serve(listener, receive, send, headers)
    except Refused as refused:
        await send_problem(send, refused.rejected, rate_limit_fields(scope), refused.retry_after_s)
    except Moved as moved:
        to = (b"location", location(scope, moved.names).encode())
        await send({"type": "http.response.start", "status": 308, "headers": [to]})
        await send({"type": "http.response.body", "body": b""})
    except TooMany as full:
        code = "too_many_streams_here" if full.here else "too_many_streams"
        await send_problem(send, Rejected(code, f"There are {full}. Try again later."))


def _listener(scope: Any, services: Services) -> Listener:
    """Who wants to hear what, and from where on. Raises `Refused`."""
    try:
        query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=FIELDS_MAX)
    except ValueError as error:
        raise Refused("invalid_parameter", f"More than {FIELDS_MAX} parameters.") from error
    models = services.hub.models
    # Interned: many streams name the same tools, for an hour.
    tools = tuple(sorted(map(intern, slugs_of(query.get("tools", [""])[-1], models))))
    if models is not None and not any(catalogue.was_listed(models, tool) for tool in tools):
        raise unknown(tools[0])
    seen = header_of(scope, b"last-event-id") or query.get("last_event_id", [None])[-1]
    network = client_network(scope, services.config)
    return Listener(tools, None if network.here else network.name, *place_of(seen))
