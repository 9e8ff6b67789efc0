"""What can go wrong, as seen from outside: `application/problem+json` (RFC 9457).

The table is the one place where a code gets its HTTP status. Codes are stable.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from votes.app.paging import BadCursor
from votes.app.shapes import Problem
from votes.engine.decider import Rejected
from votes.engine.ports import Unavailable
from votes.engine.reads import NotYet
from votes.http.moved import Moved, moved

RETRY_AFTER_S = 1
OUTAGE_TOLD_S = 5.0
"""Between two lines about requests that could not be served: a line each would hide the cause."""
PROBLEM_TYPE = "application/problem+json"

STATUS = {
    "invalid_body": 400,
    "invalid_parameter": 400,
    "invalid_cursor": 400,
    "invalid_idempotency_key": 400,
    "not_authenticated": 401,
    "token_invalid": 401,
    "forbidden": 403,
    "tool_unknown": 404,
    "not_found": 404,
    "method_not_allowed": 405,
    "body_timeout": 408,
    "slug_taken": 409,
    "body_too_large": 413,
    "address_too_long": 414,
    "unsupported_media_type": 415,
    "idempotency_key_reused": 422,
    "too_many_streams_here": 429,
    "headers_too_large": 431,
    "internal": 500,
    "too_many_streams": 503,
    "contended": 503,
    "overloaded": 503,
    "written_by_newer_release": 503,
    "not_yet": 503,
    "unavailable": 503,
}

TITLES = {
    400: "The request is not valid",
    401: "Who are you?",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Taken",
    413: "Too large",
    414: "Address too long",
    415: "Unsupported media type",
    422: "Cannot be done",
    429: "Too many",
    431: "Headers too large",
    500: "Something went wrong",
    503: "Not now",
}

_BY_HTTP_STATUS = {
    400: "invalid_parameter",
    401: "not_authenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}

logger = structlog.get_logger("votes.api")


class Refused(Exception):
    """A request that ends with a problem."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.rejected = Rejected(code, detail)


def problem_of(code: str, detail: str) -> tuple[Problem, dict[str, str]]:
    """The problem of a code, and the headers that go with it."""
    status = STATUS[code]
    problem = Problem(f"urn:votes:problem:{code}", TITLES[status], status, code, detail)
    headers = {"Cache-Control": "no-store"}
    if status in (429, 503):
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return problem, headers


def problem_response(
    code: str, detail: str, headers: dict[str, str] | None = None
) -> Response[bytes]:
    problem, always = problem_of(code, detail)
    return Response(
        msgspec.json.encode(problem),
        status_code=problem.status,
        media_type=PROBLEM_TYPE,
        headers={**always, **(headers or {})},
    )


async def send_problem(
    send: Any, rejected: Rejected, more: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    """The problem, where no framework is between us and the server."""
    problem, headers = problem_of(rejected.code, rejected.detail)
    body = msgspec.json.encode(problem)
    headers |= {"Content-Type": PROBLEM_TYPE, "Content-Length": str(len(body))}
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    start = {"type": "http.response.start", "status": problem.status}
    await send(start | {"headers": [*encoded, *more]})
    await send({"type": "http.response.body", "body": body})


def _refused(_: Request[Any, Any, Any], error: Refused) -> Response[bytes]:
    return problem_response(error.rejected.code, error.rejected.detail)


def _bad_cursor(_: Request[Any, Any, Any], error: BadCursor) -> Response[bytes]:
    return problem_response("invalid_cursor", f"The cursor cannot be used: {error}.")


def _not_yet(_: Request[Any, Any, Any], error: NotYet) -> Response[bytes]:
    return problem_response("not_yet", f"{error}".capitalize() + ".")


class _Outages:
    """Tells of an outage at once, then each `OUTAGE_TOLD_S` how many more requests it has met."""

    def __init__(self) -> None:
        self._telling = False
        self._untold = 0
        self._last = ""

    def met(self, path: str, error: Unavailable) -> None:
        if self._telling:
            self._untold += 1
            self._last = str(error)
        else:
            logger.warning("unavailable", path=path, error=str(error))
            self._tell_later()

    def _tell_later(self) -> None:
        self._telling = True
        asyncio.get_running_loop().call_later(OUTAGE_TOLD_S, self._tell)

    def _tell(self) -> None:
        self._telling = False
        if self._untold:
            logger.warning("unavailable", requests=self._untold, error=self._last)
            self._untold = 0
            self._tell_later()


_outages = _Outages()


def _unavailable(request: Request[Any, Any, Any], error: Unavailable) -> Response[bytes]:
    _outages.met(request.scope["path"], error)
    detail = "A store does not answer. If this was a write, the same request again settles it."
    return problem_response("unavailable", detail)


def _http(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    code = _BY_HTTP_STATUS.get(error.status_code)
    if code is None:
        code = "internal" if error.status_code >= 500 else "invalid_parameter"
    kept = {k: v for k, v in (error.headers or {}).items() if k.lower() == "allow"}
    return problem_response(code, _detail(error), kept)


def _detail(error: HTTPException) -> str:
    extra = error.extra if isinstance(error.extra, list) else []
    reasons = [f"{e.get('key')}: {e.get('message')}" for e in extra if isinstance(e, dict)]
    return "; ".join(reasons) or error.detail


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    logger.error("unexpected", method=request.method, path=request.scope["path"], exc_info=error)
    return problem_response("internal", "This is our fault, and it is in our log.")


EXCEPTION_HANDLERS: dict[Any, Any] = {
    Refused: _refused,
    Moved: moved,
    BadCursor: _bad_cursor,
    NotYet: _not_yet,
    Unavailable: _unavailable,
    HTTPException: _http,
    Exception: _unexpected,
}
