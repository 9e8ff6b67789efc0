"""The headers that every response has: what browsers may do with it."""

from collections.abc import Awaitable
from typing import Any

from votes.config import Config
from votes.http.exchange import Asgi, Headers
from votes.http.proxies import scheme

HSTS_S = 365 * 24 * 3600

_ALL: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
)
_FOR_THIS_SITE = (b"cross-origin-resource-policy", b"same-origin")
_FOR_ALL_SITES = (b"cross-origin-resource-policy", b"cross-origin")
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    b" connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_PAGE: Headers = (
    *_ALL,
    (b"content-security-policy", _POLICY),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
FOR_PROGRAMS: Headers = (
    *_ALL,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    _FOR_THIS_SITE,
)
FOR_READERS: Headers = (*_PAGE, _FOR_THIS_SITE)
"""Nothing on a page is inline, and no page may be framed: what other sites show of this one are the
elements, which are scripts, and pictures."""
FOR_OTHER_SITES: Headers = (*_PAGE, _FOR_ALL_SITES)
"""Of files that pages of other sites load."""
_HSTS = (b"strict-transport-security", b"max-age=%d" % HSTS_S)


def with_headers(config: Config, headers: Headers, others: Asgi) -> Asgi:
    """The others, whose responses have these headers too."""
    over_tls = (*headers, _HSTS)

    def dispatch(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        if scope["type"] != "http":
            return others(scope, receive, send)
        more = over_tls if scheme(scope, config) == "https" else headers

        def send_with(message: Any) -> Any:
            if message["type"] == "http.response.start":
                message["headers"] = (*message["headers"], *more)
            return send(message)

        return others(scope, receive, send_with)

    return dispatch
