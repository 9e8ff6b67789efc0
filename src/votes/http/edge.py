"""What holds for every request, whatever its route: how large it may be, how long its body may
take, and what HEAD and OPTIONS answer."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from votes.config import Config
from votes.engine.decider import Rejected
from votes.http.cors import is_preflight
from votes.http.errors import Refused, send_problem
from votes.http.exchange import Asgi

ADDRESS_BYTES_MAX = 16 * 1024
HEADERS_BYTES_MAX = 24 * 1024
"""Far beyond these the server itself answers, 414 or 431 without a body."""
BODY_S = 10
"""A body that stands still is given up after this long."""
BODY_BYTES_PER_S_MIN = 4 * 1024
"""What has come of a body buys it time at this rate: a slow upload goes on, a trickle does not."""

NO_METHOD = "-"
"""No route takes it, so the router answers with the methods that there are."""


def with_edge(config: Config, others: Asgi) -> Asgi:
    """The others, behind what holds for all of them."""
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
                return others(scope, receive, _methods_told(send))
            case _:
                return others(scope, _in_time(receive), _allowing_head(send))

    return dispatch


def _too_large(scope: Any) -> Rejected | None:
    if len(scope["raw_path"]) + len(scope["query_string"]) > ADDRESS_BYTES_MAX:
        return Rejected("address_too_long", f"At most {ADDRESS_BYTES_MAX} bytes.")
    if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADERS_BYTES_MAX:
        return Rejected("headers_too_large", f"At most {HEADERS_BYTES_MAX} bytes in all.")
    return None


def _in_time(receive: Any) -> Any:
    """A body whole and in time. Otherwise `Refused` is raised where it is read."""
    clock = asyncio.get_running_loop().time
    began, got, whole = clock(), 0, False

    async def receive_in_time() -> Any:
        nonlocal got, whole
        if whole:
            return await receive()
        try:
            async with asyncio.timeout_at(began + BODY_S + got / BODY_BYTES_PER_S_MIN):
                message = await receive()
        except TimeoutError:
            raise Refused("body_timeout", "The body did not arrive in time.") from None
        if message["type"] == "http.disconnect":
            raise Refused("invalid_body", "The body breaks off, or is in malformed chunks.")
        got += len(message["body"])
        whole = not message.get("more_body")
        return message

    return receive_in_time


async def _reader_gone() -> Any:
    """Who asks for the head alone reads no stream."""
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

    async def send_allowing(message: Any) -> None:
        if message["type"] == "http.response.start" and message["status"] == 405:
            message["headers"] = [_with_head(*header) for header in message["headers"]]
        await send(message)

    return send_allowing


def _methods_told(send: Any) -> Any:
    """Of the refusal of `NO_METHOD` only the methods are told, as no refusal."""
    told = False

    async def send_methods(message: Any) -> None:
        nonlocal told
        if message["type"] == "http.response.start" and message["status"] == 405:
            told = True
            allow = [_with_head(*header) for header in message["headers"] if header[0] == b"allow"]
            message = {"type": "http.response.start", "status": 204, "headers": allow}
        elif told:
            message = {"type": "http.response.body", "body": b""}
        await send(message)

    return send_methods


def _with_head(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    if name != b"allow":
        return name, value
    methods = {method.strip() for method in value.split(b",")} | {b"OPTIONS"}
    return name, b", ".join(sorted(methods | ({b"HEAD"} if b"GET" in methods else set())))
