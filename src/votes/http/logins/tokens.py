"""Tokens: the visitor's, signed by us, and the user's, a JWT signed by whoever logs users in."""

import base64
import hmac
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import jwt
import msgspec
from cachetools import LRUCache
from msgspec import Struct
from msgspec.structs import replace

from votes.config import COHORT_CLAIMS_MAX
from votes.domain.terms import (
    CLAIMS_MAX,
    Claims,
    ClaimValue,
    Label,
    PersonaSlug,
    Subject,
    VisitorId,
)
from votes.http.logins.published_keys import PublishedKeys

HOUR_BYTES, RANDOM_BYTES = 3, 9
"""Of a visitor's id."""
SIGNATURE_BYTES = 16
NEW_H = 24
"""For so many hours a visitor is new."""
LEEWAY_S = 30
VERIFIED_TOKENS_MAX = 4_096
VERIFIED_LIFETIME_S = 300
assert COHORT_CLAIMS_MAX <= CLAIMS_MAX


class TokenInvalid(Exception):
    """The token is not one that we accept; the message says why."""


class User(Struct, frozen=True):
    """A logged-in person, as the token says. Their own pages call them by the `name`. The `claims`
    are those by which tallies are split."""

    subject: Subject
    roles: frozenset[str] = frozenset()
    persona: PersonaSlug | None = None
    name: Label | None = None
    claims: Claims | None = None

    @property
    def called(self) -> str:
        return self.name or self.subject


class _Claims(Struct, frozen=True):
    sub: Subject
    roles: list[str] = []
    persona: PersonaSlug | None = None


NAMES = ("name", "preferred_username", "email")
"""The claims that may say how to call somebody, the best first (OpenID Connect Core 1.0, 5.1)."""


def user_of(claims: Mapping[str, Any]) -> User:
    """Whom the claims are about. Raises `TokenInvalid` for claims of another shape."""
    try:
        named = msgspec.convert(claims, _Claims)
    except msgspec.ValidationError as error:
        raise TokenInvalid(str(error)) from error
    name = next(filter(None, (_label(claims.get(claim)) for claim in NAMES)), None)
    return User(named.sub, frozenset(named.roles), named.persona, name)


def _label(value: Any) -> str | None:
    with suppress(msgspec.ValidationError):
        return msgspec.convert(value, Label)
    return None


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Visitor(Struct, frozen=True):
    """Somebody who has not logged in, as the token says.

    `made_h` is when the visitor was made, in whole hours after 1970; tokens of earlier releases do
    not say it. `crowded`: the visitor's network was then beyond its soft limit of new visitors.
    """

    id: VisitorId
    made_h: int | None = None
    crowded: bool = False

    def is_new(self, at: datetime) -> bool:
        """Whether the visitor was made less than a day before."""
        return self.made_h is not None and hours(at) - self.made_h <= NEW_H


def hours(at: datetime) -> int:
    """Whole hours after 1970."""
    return int(at.timestamp()) // 3600


class VisitorTokens:
    """`ID.HOUR.SIGNATURE`, and `ID.HOURc.SIGNATURE` for a crowded visitor: an HMAC-SHA256 over what
    comes before. Earlier releases made `ID.SIGNATURE`. The first key signs, all verify.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._begun = tuple(hmac.new(key, b"votes.visitor:", "sha256") for key in keys)

    def _sign(self, begun: hmac.HMAC, text: str) -> str:
        signature = begun.copy()  # a quarter of the time of `hmac.digest`
        signature.update(text.encode())
        return _text(signature.digest()[:SIGNATURE_BYTES])

    def token(self, visitor: Visitor) -> str:
        text: str = visitor.id
        if visitor.made_h is not None:
            text += f".{visitor.made_h}{'c' if visitor.crowded else ''}"
        return f"{text}.{self._sign(self._begun[0], text)}"

    def verify(self, token: str) -> tuple[Visitor, bool] | None:
        """The visitor, and whether the newest key signed; None for a token not ours."""
        text, _, signature = token.rpartition(".")
        if not text.isascii() or not signature.isascii():
            return None
        for number, begun in enumerate(self._begun):
            if hmac.compare_digest(self._sign(begun, text), signature):
                return _visitor(text), number == 0
        return None


def new_visitor(at: datetime, *, crowded: bool) -> Visitor:
    made_h = hours(at)
    return Visitor(visitor_id(made_h, os.urandom(RANDOM_BYTES)), made_h, crowded)


def visitor_id(made_h: int, drawn: bytes) -> VisitorId:
    """16 characters (`A-Z a-z 0-9 - _`). The first four are the hour: so streams of visitors of one
    hour are neighbours in the log's index, and a vote writes where the last ones did."""
    return VisitorId(_text(made_h.to_bytes(HOUR_BYTES, "big") + drawn))


def _visitor(text: str) -> Visitor:
    name, _, made = text.partition(".")
    if not made:
        return Visitor(VisitorId(name))
    return Visitor(VisitorId(name), int(made.removesuffix("c")), made.endswith("c"))


class UserTokens:
    """Verifies users' JWTs by a shared secret or by published keys.

    A token that was verified is remembered until it expires, so a busy user costs one check. What
    older published keys verified is verified again with each new set: a key may be withdrawn.
    """

    def __init__(
        self,
        secret: str | None,
        jwks_url: str | None,
        issuer: str | None,
        audience: str | None,
        cohort_claims: Collection[str] = (),
    ) -> None:
        self._verified: LRUCache[str, tuple[float, User]] = LRUCache(VERIFIED_TOKENS_MAX)
        self._secret = secret
        self._published = PublishedKeys(jwks_url, self._verified.clear) if jwks_url else None
        self._issuer = issuer
        self._audience = audience
        self._cohort_claims = cohort_claims

    async def verify(self, token: str, now_s: float) -> User:
        """Who the token is about, `now_s` seconds after 1970.

        Raises `TokenInvalid`, and `Unavailable` when the keys to verify it with cannot be had.
        """
        remembered = self._verified.get(token)
        if remembered is not None and now_s < remembered[0]:
            return remembered[1]
        claims = await self.claims(token)
        user = user_of(claims)
        cohort = _cohort(claims, self._cohort_claims, user.subject)
        verified = replace(user, claims=cohort)
        self._verified[token] = min(int(claims["exp"]), now_s + VERIFIED_LIFETIME_S), verified
        return verified

    async def claims(self, token: str) -> dict[str, Any]:
        """What the token says, verified now. Raises what `verify` does."""
        try:
            if self._secret is not None:
                return self._decoded(token, self._secret, ["HS256"])
            if self._published is not None:
                key = await self._published.key(jwt.get_unverified_header(token).get("kid"))
                if key is None:
                    raise TokenInvalid("the token's key is not among the published ones")
                return self._decoded(token, key.key, [key.algorithm_name])
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise TokenInvalid(str(error)) from error
        raise TokenInvalid("no users can log in here: VOTES_JWT_SECRET is not set")

    def _decoded(self, token: str, key: Any, algorithms: list[str]) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=algorithms,
            issuer=self._issuer,
            audience=self._audience,
            leeway=LEEWAY_S,
            options={"require": ["sub", "exp"], "verify_aud": self._audience is not None},
        )


def _cohort(claims: dict[str, Any], names: Collection[str], subject: Subject) -> Claims | None:
    """The claims of these names. One that is no short visible text is as good as none, so that no
    login fails for it, and so is one that says whose login it is."""
    allowed: Claims = {}
    for name in names:
        with suppress(msgspec.ValidationError):
            allowed[name] = msgspec.convert(claims.get(name), ClaimValue)
    return {name: value for name, value in allowed.items() if value != subject} or None
