"""Which requests pages of ours send. A browser sends its cookies with the requests of any page, so
a cookie alone does not say that its owner wants what is asked for."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from votes.http.checks.identity import identity
from votes.http.errors import Refused
from votes.http.exchange import Http, header, services
from votes.http.hosts import own_base

SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing (RFC 9110 §9.2.1)."""
_SITE = b"sec-fetch-site"
FROM_HERE = ("same-origin", "none")
"""Of `Sec-Fetch-Site`: a page of this origin, or the person alone (Fetch Metadata §2.4)."""


async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Before each handler of Litestar. Raises what `check` does."""
    check(connection)  # type: ignore[arg-type]


def check(request: Http) -> None:
    """Whatever changes something by a cookie of ours is from a page of ours. Raises `Refused`."""
    if request.scope["method"] in SAFE or header(request, _SITE) in FROM_HERE:
        return
    if identity(request).has_cookie(request):
        require_own_page(request)


def require_own_page(request: Http) -> None:
    """Refuse what a browser sent without saying that a page of this site, or of an allowed origin,
    sends it. What has an `Authorization` was sent by a program: no browser adds ours unasked.

    Raises `Refused`.
    """
    if header(request, b"authorization") is not None:
        return
    if header(request, _SITE) in FROM_HERE or _is_allowed(request):
        return
    raise Refused(
        "cross_origin",
        "No page of this site sent this. Browsers say in Sec-Fetch-Site or Origin which page did; a"
        " program sends no cookie, but a token in Authorization.",
    )


def _is_allowed(request: Http) -> bool:
    origin, config = header(request, b"origin"), services(request).config
    return bool(origin) and (
        origin in (config.public_url, own_base(request)) or origin in config.allowed_origins
    )
