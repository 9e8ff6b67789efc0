"""CORS: which pages of other sites may send requests and read the responses (Fetch standard)."""

from collections.abc import Awaitable
from typing import Any

from votes.config import Config
from votes.http.exchange import Asgi
from votes.http.proxies import header_of

MAX_AGE_S = 600
METHODS = ("DELETE", "GET", "POST", "PUT")
ASKED = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "Last-Event-ID",
    "Votes-Proof",
)
"""What a request may say beside what every page may."""
EXPOSED = (
    "ETag",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Votes-Challenge",
    "Votes-Position",
)

_VARY = (b"vary", b"Origin")
_EXPOSED = (b"access-control-expose-headers", ", ".join(EXPOSED).encode())
_ALLOWED = (
    (b"access-control-allow-methods", ", ".join(METHODS).encode()),
    (b"access-control-allow-headers", ", ".join(ASKED).encode()),
    (b"access-control-max-age", b"%d" % MAX_AGE_S),
)


def is_preflight(scope: Any) -> bool:
    """Whether a browser asks beforehand what a page of another site may send."""
    return (
        scope["method"] == "OPTIONS"
        and header_of(scope, b"access-control-request-method") is not None
        and header_of(scope, b"origin") is not None
    )


def with_cors(config: Config, others: Asgi) -> Asgi:
    """The others, for the pages of `VOTES_ALLOWED_ORIGINS` too."""
    if not config.allowed_origins:
        return others
    allowed = frozenset(config.allowed_origins)

    def dispatch(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        origin = header_of(scope, b"origin") if scope["type"] == "http" else None
        if origin is None:
            return others(scope, receive, send)
        leave = (b"access-control-allow-origin", origin.encode()) if origin in allowed else None
        if is_preflight(scope):
            return _preflight(send, leave)
        return others(scope, receive, send if leave is None else _readable(send, leave))

    return dispatch


async def _preflight(send: Any, leave: tuple[bytes, bytes] | None) -> None:
    headers = [_VARY] if leave is None else [_VARY, leave, *_ALLOWED]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _readable(send: Any, leave: tuple[bytes, bytes]) -> Any:
    async def send_readable(message: Any) -> None:
        if message["type"] == "http.response.start":
            others = [header for header in message["headers"] if header != _VARY]
            message["headers"] = [*others, _VARY, leave, _EXPOSED]
        await send(message)

    return send_readable
