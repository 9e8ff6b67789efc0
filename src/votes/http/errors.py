"""What can go wrong, as seen from outside: `application/problem+json` (RFC 9457).

`REFUSALS` is the one table of codes: errors and the API's description are made of it. Codes are
stable.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from msgspec import Struct

from votes.app.catalogue.paging import BadCursor
from votes.app.shapes import Problem
from votes.engine.decider import Rejected
from votes.engine.ports import Unavailable
from votes.engine.reading.reader import NotYet
from votes.http.moved import Moved, moved

RETRY_AFTER_S = 1
OUTAGE_LOGGED_S = 5.0
"""Between two lines about requests that could not be served: a line each would hide the cause."""
PROBLEM_TYPE = "application/problem+json"

TITLES = {
    400: "The request is not valid",
    401: "Who are you?",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Taken",
    410: "Gone",
    412: "Changed meanwhile",
    413: "Too large",
    414: "Address too long",
    415: "Unsupported media type",
    422: "Cannot be done",
    429: "Too many",
    431: "Headers too large",
    500: "Something went wrong",
    503: "Not now",
}

Part = Literal[
    "query", "claim", "cursor", "min_position", "Idempotency-Key", "If-Match", "body", "stream"
]
Who = Literal["voter", "user", "panelist", "moderator", "admin"]
_WITH_ROLE: tuple[Who, ...] = ("panelist", "moderator", "admin")
About = Literal["tool", "new_tool", "tool_in_body", "takes_slug", "links", "ruling", "link"]
Named = Literal["collection_id", "public", "import_id"]
Trait = Part | Who | About | Named | Literal["changes", "limited", "on_behalf", "mails", "file"]
"""What an operation may have: a parameter, a body or a stream; who may ask it; a tool that must be
there or may be new; a slug to be taken; a visitor to be linked; a ruling; a link; a
collection; a method that changes something; a limit to how often; something done on behalf of
somebody else; a mail that is sent."""


class Refusal(Struct, frozen=True):
    """A code's HTTP status, and the traits of operations that can end with it: any one of these.

    None stands for every operation, an empty tuple for none that is described.
    """

    status: int
    only_of: tuple[Trait, ...] | None = None

    @property
    def title(self) -> str:
        return TITLES[self.status]


REFUSALS: dict[str, Refusal] = {
    "invalid_body": Refusal(400, ("body", "file")),
    "invalid_parameter": Refusal(400, ("query", "new_tool", "If-Match")),
    "invalid_cursor": Refusal(400, ("cursor",)),
    "invalid_idempotency_key": Refusal(400, ("Idempotency-Key",)),
    "not_authenticated": Refusal(401, ("user", "on_behalf", *_WITH_ROLE)),
    "token_invalid": Refusal(401, ("voter", "user", *_WITH_ROLE)),
    "forbidden": Refusal(403, ("on_behalf", *_WITH_ROLE)),
    "cross_origin": Refusal(403, ("changes",)),
    "tool_unknown": Refusal(404, ("tool", "tool_in_body")),
    "claim_unknown": Refusal(404, ("claim",)),
    "ruling_unknown": Refusal(404, ("ruling",)),
    "link_unknown": Refusal(404, ("link",)),
    "import_unknown": Refusal(404, ("import_id",)),
    "collection_unknown": Refusal(404, ("collection_id", "public")),
    "collection_gone": Refusal(410, ("public",)),
    "cluster_unknown": Refusal(404, ("tool_in_body",)),
    "no_mail": Refusal(404, ("mails",)),
    "subscription_unknown": Refusal(404, ()),
    "not_found": Refusal(404, ()),
    "method_not_allowed": Refusal(405, ()),
    "body_timeout": Refusal(408, ("body", "file")),
    "slug_taken": Refusal(409, ("takes_slug",)),
    "changed": Refusal(412, ("If-Match",)),
    "body_too_large": Refusal(413, ("body", "file")),
    "address_too_long": Refusal(414),
    "unsupported_media_type": Refusal(415, ("body",)),
    "idempotency_key_reused": Refusal(422, ("Idempotency-Key",)),
    "link_refused": Refusal(422, ("links",)),
    "collection_misplaced": Refusal(422, ("collection_id",)),
    "collections_full": Refusal(422, ("collection_id",)),
    "visitor_linked": Refusal(422, ()),
    "rate_limited": Refusal(429, ("limited",)),
    "too_many_streams_here": Refusal(429, ("stream",)),
    "headers_too_large": Refusal(431),
    "internal": Refusal(500),
    "too_many_streams": Refusal(503, ("stream",)),
    "contended": Refusal(503, ("Idempotency-Key",)),
    "ended": Refusal(503, ()),
    "overloaded": Refusal(503),
    "written_by_newer_release": Refusal(503, ("Idempotency-Key",)),
    "not_yet": Refusal(503, ("min_position",)),
    "unavailable": Refusal(503),
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
    """A request that ends with a problem. `retry_after_s`: when it may be asked again, where that
    is known."""

    def __init__(self, code: str, detail: str, retry_after_s: int = RETRY_AFTER_S) -> None:
        super().__init__(detail)
        self.rejected = Rejected(code, detail)
        self.retry_after_s = retry_after_s


def problem_of(
    code: str, detail: str, retry_after_s: int = RETRY_AFTER_S
) -> tuple[Problem, dict[str, str]]:
    """The problem of a code, and the headers that go with it."""
    refusal = REFUSALS[code]
    status = refusal.status
    problem = Problem(f"urn:votes:problem:{code}", refusal.title, status, code, detail)
    headers = {"Cache-Control": "no-store"}
    if status in (429, 503):
        headers["Retry-After"] = str(retry_after_s)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return problem, headers


def problem_response(
    code: str,
    detail: str,
    headers: dict[str, str] | None = None,
    retry_after_s: int = RETRY_AFTER_S,
) -> Response[bytes]:
    problem, always = problem_of(code, detail, retry_after_s)
    return Response(
        msgspec.json.encode(problem),
        status_code=problem.status,
        media_type=PROBLEM_TYPE,
        headers={**always, **(headers or {})},
    )


async def send_problem(
    send: Any,
    rejected: Rejected,
    more: Sequence[tuple[bytes, bytes]] = (),
    retry_after_s: int = RETRY_AFTER_S,
) -> None:
    """The problem, where no framework is between us and the server."""
    problem, headers = problem_of(rejected.code, rejected.detail, retry_after_s)
    body = msgspec.json.encode(problem)
    headers |= {"Content-Type": PROBLEM_TYPE, "Content-Length": str(len(body))}
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    start = {"type": "http.response.start", "status": problem.status}
    await send(start | {"headers": [*encoded, *more]})
    await send({"type": "http.response.body", "body": body})


def _refused(_: Request[Any, Any, Any], error: Refused) -> Response[bytes]:
    rejected = error.rejected
    return problem_response(rejected.code, rejected.detail, retry_after_s=error.retry_after_s)


def _bad_cursor(_: Request[Any, Any, Any], error: BadCursor) -> Response[bytes]:
    return problem_response("invalid_cursor", f"The cursor cannot be used: {error}.")


def _not_yet(_: Request[Any, Any, Any], error: NotYet) -> Response[bytes]:
    return problem_response("not_yet", f"{error}".capitalize() + ".")


class _Outages:
    """Tells of an outage at once, then each `OUTAGE_LOGGED_S` how many more requests it has met."""

    def __init__(self) -> None:
        self._telling = False
        self._unlogged = 0
        self._last = ""

    def met(self, path: str, error: Unavailable) -> None:
        if self._telling:
            self._unlogged += 1
            self._last = str(error)
        else:
            logger.warning("unavailable", path=path, error=str(error))
            self._tell_later()

    def _tell_later(self) -> None:
        self._telling = True
        asyncio.get_running_loop().call_later(OUTAGE_LOGGED_S, self._tell)

    def _tell(self) -> None:
        self._telling = False
        if self._unlogged:
            logger.warning("unavailable", requests=self._unlogged, error=self._last)
            self._unlogged = 0
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
    allow = {k: v for k, v in (error.headers or {}).items() if k.lower() == "allow"}
    return problem_response(code, _detail(error), allow)


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
