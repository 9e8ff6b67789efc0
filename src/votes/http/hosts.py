"""The name by which this site was reached. A `Host` can be made up, so few are trusted."""

import re
from collections.abc import Awaitable
from functools import lru_cache
from typing import Any

from votes.config import Config, is_loopback
from votes.engine.decider import Rejected
from votes.http.errors import send_problem
from votes.http.exchange import Asgi, Http, services
from votes.http.proxies import header_of, peer_is_here, scheme

PORT_MAX = 65_535
HOSTS_REMEMBERED = 64

_NAME = re.compile(rb"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_PASSED_ON = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via")
"""What a proxy says. In front of a demo there is none."""
_REFUSED = Rejected("invalid_parameter", "Host: one header with the name of a site is wanted.")


def with_one_host(others: Asgi) -> Asgi:
    """The application, for requests with exactly one valid `Host`."""

    def dispatch(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        if scope["type"] == "http" and not _has_one_host(scope["headers"]):
            return send_problem(send, _REFUSED)
        return others(scope, receive, send)

    return dispatch


def _has_one_host(headers: list[tuple[bytes, bytes]]) -> bool:
    hosts = [value for name, value in headers if name == b"host"]
    return len(hosts) == 1 and _is_name(hosts[0])


@lru_cache(HOSTS_REMEMBERED)
def _is_name(host: bytes) -> bool:
    named = _NAME.fullmatch(host)
    return named is not None and int(named["port"] or 0) <= PORT_MAX


def base(request: Http) -> str:
    """The address of this site without a path, for links that must be absolute.

    Empty where the `Host` cannot be trusted: such links are then relative, so that no response
    carries a made-up name into a cache.
    """
    return base_of(request.scope, services(request).config)


def own_base(request: Http) -> str:
    """The address by which this request reached the site, empty where the `Host` is not trusted."""
    return _own_base(request.scope, services(request).config)


def base_of(scope: Any, config: Config) -> str:
    """As `base`."""
    return config.public_url or _own_base(scope, config)


def _own_base(scope: Any, config: Config) -> str:
    host = (header_of(scope, b"host") or "").lower()
    if not is_loopback(host) and host not in config.allowed_hosts:
        return ""
    return f"{scheme(scope, config)}://{host}"


def is_here(scope: Any) -> bool:
    """Whether the request was sent on this machine, to this machine, and passed on by nobody."""
    return (
        is_loopback(header_of(scope, b"host") or "")
        and peer_is_here(scope)
        and not any(header_of(scope, name) for name in _PASSED_ON)
    )
