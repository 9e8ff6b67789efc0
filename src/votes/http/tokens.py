"""Tokens: the visitor's, signed by us, and the user's, a JWT signed by whoever logs users in."""

import base64
import hmac
import os
from collections.abc import Sequence
from typing import Any

import jwt
import msgspec
from cachetools import LRUCache
from msgspec import Struct

from votes.domain.terms import PersonaSlug, Subject, VoterId, user
from votes.http.published_keys import PublishedKeys

VISITOR_ID_BYTES = 16
SIGNATURE_BYTES = 16
LEEWAY_S = 30
VERIFIED_TOKENS_MAX = 4_096
VERIFIED_LIFETIME_S = 300


class TokenInvalid(Exception):
    """The token is not one that we accept; the message says why."""


class User(Struct, frozen=True):
    """A logged-in person, as the token says."""

    subject: Subject
    roles: frozenset[str] = frozenset()
    persona: PersonaSlug | None = None

    @property
    def actor(self) -> VoterId:
        """How the log names this person."""
        return user(self.subject)


class _Claims(Struct, frozen=True):
    sub: Subject
    roles: list[str] = []
    persona: PersonaSlug | None = None


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class VisitorTokens:
    """`ID.SIGNATURE`, an HMAC-SHA256 over the id. The first key signs, all verify."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def _sign(self, key: bytes, visitor_id: str) -> str:
        signature = hmac.digest(key, b"votes.visitor:" + visitor_id.encode(), "sha256")
        return _text(signature[:SIGNATURE_BYTES])

    def make(self) -> tuple[str, str]:
        """A new visitor's id and token."""
        visitor_id = _text(os.urandom(VISITOR_ID_BYTES))
        return visitor_id, self.token(visitor_id)

    def token(self, visitor_id: str) -> str:
        return f"{visitor_id}.{self._sign(self._keys[0], visitor_id)}"

    def verify(self, token: str) -> tuple[str, bool] | None:
        """The visitor's id, and whether the newest key signed; None for a token not ours."""
        visitor_id, _, signature = token.partition(".")
        if not visitor_id.isascii() or not signature.isascii():
            return None
        for number, key in enumerate(self._keys):
            if hmac.compare_digest(self._sign(key, visitor_id), signature):
                return visitor_id, number == 0
        return None


class UserTokens:
    """Verifies users' JWTs by a shared secret or by published keys.

    A token that was verified is remembered until it expires, so a busy user costs one check. What
    older published keys verified is verified again with each new set: a key may be withdrawn.
    """

    def __init__(
        self, secret: str | None, jwks_url: str | None, issuer: str | None, audience: str | None
    ) -> None:
        self._verified: LRUCache[str, tuple[float, User]] = LRUCache(VERIFIED_TOKENS_MAX)
        self._secret = secret
        self._published = PublishedKeys(jwks_url, self._verified.clear) if jwks_url else None
        self._issuer = issuer
        self._audience = audience

    async def verify(self, token: str, now_s: float) -> User:
        """Who the token is about, `now_s` seconds after 1970.

        Raises `TokenInvalid`, and `Unavailable` when the keys to verify it with cannot be had.
        """
        known = self._verified.get(token)
        if known is not None and now_s < known[0]:
            return known[1]
        claims = await self._claims(token)
        try:
            named = msgspec.convert(claims, _Claims)
        except msgspec.ValidationError as error:
            raise TokenInvalid(str(error)) from error
        verified = User(named.sub, frozenset(named.roles), named.persona)
        self._verified[token] = min(int(claims["exp"]), now_s + VERIFIED_LIFETIME_S), verified
        return verified

    async def _claims(self, token: str) -> dict[str, Any]:
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
