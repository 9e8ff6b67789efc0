"""What holds for every request, whatever its route: the size of its head, the time for its body,
HEAD and OPTIONS."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import chain
from typing import Any

from votes.config import Config
from votes.engine.decider import Rejected
from votes.http.deadlines import within
from votes.http.edge.cors import is_preflight
from votes.http.errors import Refused, send_problem
from votes.http.exchange import Asgi

ADDRESS_BYTES_MAX = 16 * 1024
HEADERS_BYTES_MAX = 24 * 1024
"""Far beyond these limits the server itself responds, 414 or 431 without a body."""
BODY_S = 10
"""A body of which nothing arrives for this long is given up."""
BODY_BYTES_PER_S_MIN = 4 * 1024
"""Each byte that arrives extends the time at this rate: a slow upload succeeds, a trickle fails."""

REQUEST_S = 60.0
"""After this long a request ends, whatever its own deadlines; a stream does not."""

Tell = Callable[[Any, Any, Rejected], Awaitable[None]]
"""Sends what was rejected as the response to the request of this scope."""

NO_METHOD = "-"
"""No route has this method, so the router responds with the methods that exist."""


def with_edge(config: Config, others: Asgi) -> Asgi:
    """The application behind these rules."""
    shared = bool(config.allowed_origins)

    def dispatch(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        if scope["type"] != "http":
            return others(scope, receive, send)
        if rejected := _too_large(scope):
            return send_problem(send, rejected)
        match scope["method"]:
            case "GET":
                return others(scope, receive, send)
            case "HEAD":
                scope["method"] = "GET"
                return others(scope, _reader_gone, _without_body(send))
            case "OPTIONS" if not (shared and is_preflight(scope)):
                scope["method"] = NO_METHOD
                return others(scope, receive, _methods_alone(send))
            case _:
                return others(scope, _in_time(receive), _allowing_head(send))

    return dispatch


async def _send_json(_: Any, send: Any, rejected: Rejected) -> None:
    await send_problem(send, rejected)


def with_end(others: Asgi, tell: Tell = _send_json) -> Asgi:
    """The others, whose requests end after `REQUEST_S`, whatever they wait for: with a problem that
    `tell` sends, or with a closed connection where the response has begun."""

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return await others(scope, receive, send)
        begun = False

        def send_and_tell(message: Any) -> Any:
            nonlocal begun
            begun = True
            return send(message)

        try:
            async with asyncio.timeout(REQUEST_S):
                await others(scope, receive, send_and_tell)
        except TimeoutError:
            if begun:
                raise
            rejected = Rejected("unavailable", f"There was no response within {REQUEST_S:.0f} s.")
            await tell(scope, send, rejected)
        return None

    return dispatch


def _too_large(scope: Any) -> Rejected | None:
    if len(scope["raw_path"]) + len(scope["query_string"]) > ADDRESS_BYTES_MAX:
        return Rejected("address_too_long", f"At most {ADDRESS_BYTES_MAX} bytes.")
    if sum(map(len, chain.from_iterable(scope["headers"]))) > HEADERS_BYTES_MAX:
        return Rejected("headers_too_large", f"At most {HEADERS_BYTES_MAX} bytes in all.")
    return None


def _in_time(receive: Any) -> Any:
    """`receive`, which raises `Refused` for a body that is late or breaks off."""
    clock = asyncio.get_running_loop().time
    began, got, whole = clock(), 0, False

    async def receive_in_time() -> Any:
        nonlocal got, whole
        if whole:
            return await receive()
        with within(began + BODY_S + got / BODY_BYTES_PER_S_MIN - clock(), _body_late):
            message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused("invalid_body", "The body breaks off, or is in malformed chunks.")
        got += len(message["body"])
        whole = not message.get("more_body")
        return message

    return receive_in_time


def _body_late() -> Exception:
    return Refused("body_timeout", "The body did not arrive in time.")


async def _reader_gone() -> Any:
    """For HEAD: nobody reads a stream."""
    return {"type": "http.disconnect"}


def _without_body(send: Any) -> Any:
    async def send_head(message: Any) -> None:
        if message["type"] == "http.response.start":
            await send(message)
        elif not message.get("more_body"):
            await send({"type": "http.response.body", "body": b""})

    return send_head


def _allowing_head(send: Any) -> Any:
    """`Allow` names HEAD wherever it names GET."""

    def send_allowing(message: Any) -> Any:
        if message["type"] == "http.response.start" and message["status"] == 405:
            message["headers"] = [_with_head(*header) for header in message["headers"]]
        return send(message)

    return send_allowing


def _methods_alone(send: Any) -> Any:
    """`send` that turns the 405 of `NO_METHOD` into a 204 with the methods."""
    turned = False

    async def send_methods(message: Any) -> None:
        nonlocal turned
        if message["type"] == "http.response.start" and message["status"] == 405:
            turned = True
            allow = [_with_head(*header) for header in message["headers"] if header[0] == b"allow"]
            message = {"type": "http.response.start", "status": 204, "headers": allow}
        elif turned:
            message = {"type": "http.response.body", "body": b""}
        await send(message)

    return send_methods


def _with_head(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    if name != b"allow":
        return name, value
    methods = {method.strip() for method in value.split(b",")} | {b"OPTIONS"}
    return name, b", ".join(sorted(methods | ({b"HEAD"} if b"GET" in methods else set())))
