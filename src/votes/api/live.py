"""The live stream: `text/event-stream` of tallies and summaries."""

from typing import Any
from urllib.parse import parse_qs

import msgspec
from litestar import asgi

from votes.api.errors import PROBLEM_TYPE, Refused, problem_of
from votes.api.exchange import tool_slugs
from votes.api.proxies import client_address, header_of
from votes.app.ports import Unavailable
from votes.domain.decider import Rejected
from votes.domain.tool import unknown
from votes.live.hub import Listener, TooMany, network_of
from votes.live.stream import Streams, resumed
from votes.wiring import Services


@asgi("/v1/live", copy_scope=False)
async def live(scope: Any, receive: Any, send: Any) -> None:
    """`?tools=a,b`: first the state of each tool, then each change; `Last-Event-ID` goes on where
    the last stream ended."""
    app = scope["litestar_app"]
    try:
        await _serve(scope, receive, send, app.state.services, app.state.streams)
    except Refused as refused:
        await _problem(send, refused.rejected)
    except TooMany as full:
        code = "too_many_streams_here" if full.here else "too_many_streams"
        await _problem(send, Rejected(code, f"There are {full}. Try again later."))
    except Unavailable:
        await _problem(send, Rejected("unavailable", "The read models cannot be reached now."))


async def _serve(scope: Any, receive: Any, send: Any, services: Services, streams: Streams) -> None:
    if scope["method"] != "GET":
        raise Refused("method_not_allowed", "Only GET.")
    query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=10)
    tools = tuple(sorted(tool_slugs(query.get("tools", [""])[-1])))
    models = services.memory.models
    if models is None:
        raise Unavailable("no read models")
    for tool in tools:
        if models.profile(tool) is None:
            rejected = unknown(tool)
            raise Refused(rejected.code, rejected.detail)
    seen = header_of(scope, b"last-event-id") or query.get("last_event_id", [None])[-1]
    position = await resumed(services.memory, seen, models.epoch)
    network = network_of(client_address(scope, services.config))
    await streams.serve(Listener(tools, position, network), models.epoch, receive, send)


async def _problem(send: Any, rejected: Rejected) -> None:
    problem, headers = problem_of(rejected.code, rejected.detail)
    headers["Content-Type"] = PROBLEM_TYPE
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": encoded})
    await send({"type": "http.response.body", "body": msgspec.json.encode(problem)})
