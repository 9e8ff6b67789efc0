"""Who is asking: a visitor by a signed cookie or token, a user by a JWT or by our own session."""

from contextlib import suppress
from typing import Any

from msgspec import Struct

from votes.config import Config, is_loopback
from votes.domain.terms import PersonaSlug
from votes.http.errors import Refused
from votes.http.exchange import Http, header
from votes.http.logins.sessions import Sessions
from votes.http.logins.tokens import TokenInvalid, User, UserTokens, Visitor, VisitorTokens
from votes.http.proxies import scheme
from votes.resources import now

COOKIE_MAX_AGE_S = 400 * 24 * 3600
"""What browsers keep at most."""

Headers = tuple[tuple[bytes, bytes], ...]

VISITOR, LOGIN = "visitor", "login"
"""The names of our cookies on http loopback; elsewhere they have the prefix `__Host-`, and are
`Secure`."""
_OURS = (VISITOR, LOGIN)
_CALLER = "votes.caller"
"""Where a request's scope keeps who asks."""


class Caller(Struct, frozen=True):
    """Who is asking; both are None for somebody of whom nothing is known.

    `before` is the visitor whose cookie a user's browser has: that is the user, who voted there
    before the login. `renew` says that the visitor's cookie was signed by an older key,
    `login_ended` that the cookie of a login is not valid any more.
    """

    user: User | None = None
    visitor: Visitor | None = None
    before: Visitor | None = None
    renew: bool = False
    login_ended: bool = False

    @property
    def identified(self) -> bool:
        """Whether the caller can have votes."""
        return self.user is not None or self.visitor is not None

    @property
    def visitor_id(self) -> str | None:
        return self.visitor.id if self.visitor is not None else None


class Identity(Struct):
    """Verifies the tokens of callers."""

    config: Config
    visitors: VisitorTokens
    users: UserTokens
    sessions: Sessions

    @classmethod
    def of(cls, config: Config) -> "Identity":
        users = UserTokens(
            config.jwt_secret,
            config.jwks_url,
            config.jwt_issuer,
            config.jwt_audience,
            config.cohort_claims,
        )
        return cls(config, VisitorTokens(config.secret_keys), users, Sessions(config))

    async def caller(self, request: Http) -> Caller:
        """Who is asking, found once a request. A bad header is refused: who sends one is a program
        that can be told. A bad cookie is as good as none: browsers send it unasked.

        Raises `Refused` and `Unavailable`.
        """
        scope: dict[str, Any] = request.scope  # type: ignore[assignment]
        if _CALLER not in scope:
            scope[_CALLER] = await self._caller(request)
        caller: Caller = scope[_CALLER]
        return caller

    async def _caller(self, request: Http) -> Caller:
        authorization = header(request, b"authorization")
        cookies, prefix = _cookies(request), self.cookie_name(request, "")
        verified = None
        if visitor := cookies.get(prefix + VISITOR):
            verified = self.visitors.verify(visitor)
        before = verified[0] if verified is not None else None
        if authorization is not None:
            return await self._authorized(authorization, before)
        token = cookies.get(self.config.user_cookie) if self.config.user_cookie else None
        if token:
            with suppress(TokenInvalid):
                user = await self.users.verify(token, now().timestamp())
                return Caller(user=user, before=before)
        session = cookies.get(prefix + LOGIN)
        if session and (logged_in := self.sessions.user(session, now())) is not None:
            return Caller(user=logged_in, before=before)
        ended = bool(token or session)
        if verified is None:
            return Caller(login_ended=ended)
        return Caller(visitor=verified[0], renew=not verified[1], login_ended=ended)

    async def _authorized(self, authorization: str, before: Visitor | None) -> Caller:
        kind, _, token = authorization.partition(" ")
        if kind.lower() == "bearer":
            try:
                user = await self.users.verify(token.strip(), now().timestamp())
                return Caller(user=user, before=before)
            except TokenInvalid as error:
                raise Refused("token_invalid", f"The token is not valid: {error}.") from error
        if kind.lower() == "visitor":
            verified = self.visitors.verify(token.strip())
            if verified is not None:
                return Caller(visitor=verified[0])
        raise Refused("token_invalid", "Authorization: send a Bearer or a Visitor token of ours.")

    def has_cookie(self, request: Http) -> bool:
        """Whether a cookie of ours was sent, be it valid or not."""
        ours = {self.config.user_cookie, *(self.cookie_name(request, one) for one in _OURS)}
        return not ours.isdisjoint(_cookies(request))

    def cookie_name(self, request: Http, name: str) -> str:
        return name if self._on_loopback(request) else f"__Host-{name}"

    def sent(self, request: Http, name: str) -> str | None:
        """The value of a cookie of ours, where it was sent."""
        return _cookies(request).get(self.cookie_name(request, name))

    def names_sent(self, request: Http, beginning: str) -> list[str]:
        """The names of the cookies of ours that begin so."""
        own = self.cookie_name(request, "")
        begins = own + beginning
        return [name.removeprefix(own) for name in _cookies(request) if name.startswith(begins)]

    def cookie(self, request: Http, name: str, value: str, max_age_s: int) -> tuple[bytes, bytes]:
        """The header that sets a cookie of ours, or takes it away where the age is 0."""
        parts = [
            f"{self.cookie_name(request, name)}={value}",
            "Path=/",
            f"Max-Age={max_age_s}",
            "HttpOnly",
            "SameSite=Lax",
        ]
        if not self._on_loopback(request):
            parts.append("Secure")
        return b"set-cookie", "; ".join(parts).encode()

    def _on_loopback(self, request: Http) -> bool:
        """Plain http to this very machine, where a browser keeps no secure cookie."""
        host = header(request, b"host") or ""
        return is_loopback(host) and scheme(request.scope, self.config) == "http"


def _cookies(request: Http) -> dict[str, str]:
    """The first of each name: browsers send the most specific path first. What has no `=` is a
    value without a name. HTTP/2 may send several headers (RFC 9113, 8.2.3), which are one.
    """
    sent = (value for name, value in request.scope["headers"] if name == b"cookie")
    cookies: dict[str, str] = {}
    for part in str(b";".join(sent), "latin-1").split(";"):
        name, equals, value = part.strip(" \t").partition("=")
        if equals:
            cookies.setdefault(name, value)
    return cookies


def caller_so_far(request: Http) -> Caller:
    """Who asks, as far as that was asked already."""
    scope: dict[str, Any] = request.scope  # type: ignore[assignment]
    caller: Caller = scope.get(_CALLER, Caller())
    return caller


def identity(request: Http) -> Identity:
    identity: Identity = request.app.state.identity
    return identity


async def require_user(request: Http) -> User:
    caller = await identity(request).caller(request)
    if caller.user is None:
        ended = "Your login has ended. " if caller.login_ended else ""
        raise Refused("not_authenticated", f"{ended}Log in first: this needs a user's token.")
    return caller.user


async def require_admin(request: Http) -> User:
    user = await require_user(request)
    if "admin" not in user.roles:
        raise Refused("forbidden", "This needs the role admin.")
    return user


async def require_moderator(request: Http) -> User:
    user = await require_user(request)
    if not {"moderator", "admin"} & user.roles:
        raise Refused("forbidden", "This needs the role moderator.")
    return user


async def require_service(request: Http) -> User:
    user = await require_user(request)
    if not {"service", "admin"} & user.roles:
        raise Refused("forbidden", "This needs the role service.")
    return user


async def require_panelist(request: Http) -> tuple[User, PersonaSlug]:
    """The panelist, and the persona under whose name they review."""
    user = await require_user(request)
    if "panelist" not in user.roles or user.persona is None:
        raise Refused("forbidden", "This needs the role panelist, with a persona.")
    return user, user.persona


async def require_persona(request: Http, persona: PersonaSlug) -> User:
    user = await require_user(request)
    if "panelist" not in user.roles or user.persona != persona:
        raise Refused("forbidden", f"This needs the role panelist with the persona {persona!r}.")
    return user
