"""How often what may be asked: each route says what its requests count as, and here they are
counted, whichever application the route is of."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from msgspec import Struct

from votes.domain.terms import is_slug
from votes.http.checks.identity import Caller, identity
from votes.http.errors import Refused
from votes.http.exchange import Asgi, Headers, Http, services
from votes.http.proxies import Network, client_network
from votes.limits.limiter import FREE, Verdict, seconds, used_us
from votes.limits.policies import Counted, Limit
from votes.wiring import Services

HIDDEN_BYTES = 16
HIDDEN_REMEMBERED = 4_096

_VERDICT = "votes.verdict"
"""Where a request's scope keeps what came of its check."""
_OPT = "limited"


class Limited(Struct, frozen=True):
    """What the requests of a route count as; those without the parameter `only_with` of the query,
    where it has one, count as nothing."""

    counted: Counted
    only_with: str | None = None

    @property
    def opt(self) -> dict[str, Any]:
        """How a route's decorator takes it."""
        return {_OPT: self}


def limited_of(handler: BaseRouteHandler) -> Limited | None:
    limited: Limited | None = handler.opt.get(_OPT)
    return limited


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Before each handler of Litestar. Raises what `limit` does."""
    if (limited := limited_of(handler)) is not None:
        await limit(connection, limited)  # type: ignore[arg-type]


async def limit(request: Http, limited: Limited) -> None:
    """Count a request of a route. Raises `Refused` beyond a limit, and what `caller` does."""
    scope = request.scope
    if limited.only_with and limited.only_with not in _parameters(scope["query_string"]):
        return
    caller = Caller()
    if limited.counted in ("votes", "writes", "imports"):
        caller = await identity(request).caller(request)
    await count(services(request), scope, limited.counted, caller)


async def count(parts: Services, scope: Any, counted: Counted, caller: Caller) -> None:
    """Count a request. Raises `Refused` beyond a limit."""
    network = client_network(scope, parts.config)
    limits = parts.limiter.limits[counted]
    if counted == "votes" and not caller.identified and scope["method"] != "DELETE":
        limits += parts.limiter.limits["visitors"]
    charges = _charges(limits, caller, network, scope, parts.config.secret_keys[0])
    verdict = scope[_VERDICT] = await parts.limiter.check(charges)
    if (beyond := verdict.refused_by) is not None:
        again_s = verdict.retry_after_s
        rate, policy = beyond.rate, beyond.policy
        raise Refused(
            "rate_limited",
            f"Too many {policy.counted} by one {policy.by}: {rate.quantity} are taken within"
            f" {rate.window_s} s. Try again in {again_s} s.",
            again_s,
        )


def _charges(
    limits: Sequence[Limit], caller: Caller, network: Network, scope: Any, secret: bytes
) -> list[tuple[Limit, str]]:
    """The limits that count here, each with who or what is counted. A proxy that nobody told us to
    trust may stand on this machine, so nobody here is refused for what a network does."""
    tool = scope["path_params"].get("slug", "") if "path_params" in scope else ""
    hidden = _hidden(network.name, secret)
    who = {
        "visitor": caller.visitor_id,
        "user": _hidden(caller.user.subject, secret) if caller.user is not None else None,
        "network": None if network.here else hidden,
        "tool": tool if is_slug(tool) else None,
    }
    charges = []
    for limit in limits:
        name = hidden if limit.soft else who[limit.by]
        if name is not None:
            charges.append((limit, name))
    return charges


def network_sign(request: Http) -> str | None:
    """A keyed hash of the network that asks. None for this very machine, where a proxy may stand
    that nobody told us to trust."""
    config = services(request).config
    network = client_network(request.scope, config)
    return None if network.here else _hidden(network.name, config.secret_keys[0])


def is_counted(scope: Any) -> bool:
    """Whether the request was counted towards a limit."""
    return _VERDICT in scope


def verdict_of(scope: Any) -> Verdict:
    """What came of the check of a request, which counts as within its limits where it has none."""
    verdict: Verdict = scope.get(_VERDICT, FREE)
    return verdict


@lru_cache(HIDDEN_REMEMBERED)
def _hidden(name: str, secret: bytes) -> str:
    """What stands in Redis for a network or a user: a keyed hash, of no use to who reads it."""
    digest = hmac.digest(secret, b"votes.limits:" + name.encode(), "sha256")
    return urlsafe_b64encode(digest[:HIDDEN_BYTES]).decode()


def _parameters(query: bytes) -> frozenset[str]:
    return frozenset(parse_qs(query.decode("latin-1"), keep_blank_values=True))


def with_rate_limit_fields(others: Asgi) -> Asgi:
    """The others, with responses that say how much of the limits is left."""

    def dispatch(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        return others(
            scope, receive, adding_fields(scope, send) if scope["type"] == "http" else send
        )

    return dispatch


def adding_fields(scope: Any, send: Any) -> Any:
    """Send, with how much is left of the limits that the request counted towards."""

    def send_with_fields(message: Any) -> Any:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *rate_limit_fields(scope)]
        return send(message)

    return send_with_fields


def rate_limit_fields(scope: Any) -> Headers:
    """`RateLimit-Policy` names the limits that a request counts towards. `RateLimit` says of the
    one that refuses it, or else of the one nearest to its end, how much is left, and when there is
    more (draft-ietf-httpapi-ratelimit-headers-10). `Retry-After` is never earlier."""
    verdict = verdict_of(scope)
    pairs = zip(verdict.charges, verdict.results, strict=False)  # there are none where unknown
    hard = [(limit, used_us(result, limit)) for (limit, _), result in pairs if not limit.soft]
    if not hard:
        return ()
    beyond = verdict.refused_by
    nearest, us = max(hard, key=lambda pair: (pair[0] is beyond, pair[1] / pair[0].burst_us))
    left = max(nearest.burst_us - us, 0) // nearest.interval_us
    more_us = us - nearest.burst_us + (left + 1) * nearest.interval_us
    field = f'"{nearest.name}";r={left};t={seconds(more_us)}'
    policies = b", ".join(limit.described for limit, _ in hard)
    return ((b"ratelimit-policy", policies), (b"ratelimit", field.encode()))
