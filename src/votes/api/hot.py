"""The most frequent routes, without the framework between them and the server.

Their handlers are those of the framework. Here a pattern finds them instead of its router, and they
get the arguments that it would have read. A request with anything else (other parameters, a body in
chunks) goes to the framework, so each rule stands once.
"""

import re
from collections.abc import Awaitable, Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from msgspec import Struct

from votes.api.routes.mine.me import get_my_state
from votes.api.routes.tallies import get_tallies, get_tally
from votes.api.routes.votes import cast_vote, create_visitor, retract_vote
from votes.http.checks.limiting import Limited, adding_fields, limit, limited_of
from votes.http.checks.origins import check
from votes.http.errors import EXCEPTION_HANDLERS
from votes.http.exchange import SMALL_BODY_BYTES_MAX, Asgi
from votes.http.proxies import header_of


class Hot(Struct, frozen=True):
    """A route: its handler and the function of it, the parameters of the query that are read here,
    and what its requests count as, where none has a parameter of other counting."""

    handler: HTTPRouteHandler
    run: Callable[..., Awaitable[Any]]
    parameters: frozenset[bytes]
    limited: Limited | None

    @classmethod
    def of(cls, handler: HTTPRouteHandler, *parameters: bytes) -> "Hot":
        declared = limited_of(handler)
        limited = None if declared is None or declared.only_with else declared
        return cls(handler, handler.fn, frozenset(parameters), limited)


_OF_A_TOOL = re.compile(r"/v1/tools/(?P<slug>[a-z0-9][a-z0-9._-]{0,99})/(?P<rest>vote|tally)")
HOT: dict[tuple[str, str], Hot] = {
    ("PUT", "vote"): Hot.of(cast_vote),
    ("DELETE", "vote"): Hot.of(retract_vote),
    ("GET", "tally"): Hot.of(get_tally, b"min_position"),
    ("GET", "/v1/tallies"): Hot.of(get_tallies, b"tools", b"min_position"),
    ("GET", "/v1/me/state"): Hot.of(get_my_state, b"tools", b"min_position"),
    ("POST", "/v1/visitors"): Hot.of(create_visitor),
}
"""By method, and the path or what follows a tool in it."""

_VALUES = {
    b"tools": re.compile(rb"(?:[a-z0-9._,-]|%2C){1,12000}"),
    b"min_position": re.compile(rb"[0-9]{1,18}"),
}
_LENGTH = re.compile(r"[0-9]{1,5}")

Arguments = dict[str, Any]


class PlainRequest:
    """A request, as far as handlers use it."""

    __slots__ = ("_receive", "app", "scope")

    def __init__(self, app: SimpleNamespace, scope: Any, receive: Any) -> None:
        self.app = app
        self.scope = scope
        self._receive = receive

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    async def body(self) -> bytes:
        message = await self._receive()
        body: bytes = message["body"]
        while message.get("more_body"):
            message = await self._receive()
            body += message["body"]
        return body


def with_hot_routes(api: Litestar, others: Asgi) -> Asgi:
    """The hot routes of the API, and the others for everything else."""

    @cache
    def app() -> SimpleNamespace:
        """The API's state of a running program, with attributes that are found at once."""
        return SimpleNamespace(state=SimpleNamespace(**api.state.dict()))

    def dispatch(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        if scope["type"] == "http" and (match := _match(scope)) is not None:
            return _respond(PlainRequest(app(), scope, receive), *match, send)
        return others(scope, receive, send)

    return dispatch


def _match(scope: Any) -> tuple[Hot, Arguments] | None:
    """The route of the request and what its handler is called with, if nothing about it is odd."""
    path, arguments = scope["path"], {}
    if matched := _OF_A_TOOL.fullmatch(path):
        arguments["slug"], path = matched["slug"], matched["rest"]
        scope["path_params"] = {"slug": matched["slug"]}
        scope["path_template"] = f"/v1/tools/{{slug}}/{path}"
    hot = HOT.get((scope["method"], path))
    if hot is None or not _has_plain_body(scope):
        return None
    if query := scope["query_string"]:
        read = _parameters(query, hot.parameters)
        if read is None:
            return None
        arguments |= read
    elif b"tools" in hot.parameters:
        return None
    return hot, arguments


def _has_plain_body(scope: Any) -> bool:
    """Whether the body, if there is one, says a length that is allowed."""
    length = header_of(scope, b"content-length")
    if length is None:
        return header_of(scope, b"transfer-encoding") is None
    return _LENGTH.fullmatch(length) is not None and int(length) <= SMALL_BODY_BYTES_MAX


def _parameters(query: bytes, allowed: frozenset[bytes]) -> Arguments | None:
    """The parameters, each once and of the plainest form; None where there is anything else."""
    arguments: Arguments = {}
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if name not in allowed or name.decode() in arguments or not _VALUES[name].fullmatch(value):
            return None
        text = value.decode()
        arguments[name.decode()] = (
            int(text) if name == b"min_position" else text.replace("%2C", ",")
        )
    if b"tools" in allowed and "tools" not in arguments:
        return None
    return arguments


async def _respond(request: Any, hot: Hot, arguments: Arguments, send: Any) -> None:
    try:
        check(request)
        if hot.limited is not None:
            send = adding_fields(request.scope, send)
            await limit(request, hot.limited)
        response = await hot.run(request, **arguments)
    except Exception as error:  # noqa: BLE001 - the table has a response for each
        response = _problem(request, error)
    await response(request.scope, None, send)


def _problem(request: PlainRequest, error: Exception) -> ASGIResponse:
    """The response of the framework to the error."""
    kind = next(kind for kind in type(error).__mro__ if kind in EXCEPTION_HANDLERS)
    problem = EXCEPTION_HANDLERS[kind](request, error)
    return ASGIResponse(
        body=problem.content,
        status_code=problem.status_code,
        media_type=problem.media_type,
        headers=problem.headers,
    )
