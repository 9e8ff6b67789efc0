"""Tokens: the visitor's, signed by us, and the user's, a JWT signed by whoever logs users in."""

import asyncio
import base64
import hmac
import os
import urllib.request
from collections import OrderedDict
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError

import jwt
import msgspec
from msgspec import Struct

from votes.app.ports import Unavailable
from votes.domain.terms import PersonaSlug, Subject

VISITOR_ID_BYTES = 16
SIGNATURE_BYTES = 16
LEEWAY_S = 30
VERIFIED_TOKENS_MAX = 4_096
JWKS_TIMEOUT_S = 5
JWKS_LIFETIME_S = 300
JWKS_REFETCH_S = 10
JWKS_BYTES_MAX = 256 * 1024
ASYMMETRIC = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]


class TokenInvalid(Exception):
    """The token is not one that we accept; the message says why."""


class User(Struct, frozen=True):
    """A logged-in person, as the token says."""

    subject: Subject
    roles: frozenset[str] = frozenset()
    persona: PersonaSlug | None = None


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

    A token that was verified is remembered until it expires, so a busy user costs one check.
    """

    def __init__(
        self, secret: str | None, jwks_url: str | None, issuer: str | None, audience: str | None
    ) -> None:
        self._secret = secret
        self._published = PublishedKeys(jwks_url) if jwks_url else None
        self._issuer = issuer
        self._audience = audience
        self._verified: OrderedDict[str, tuple[float, User]] = OrderedDict()

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
        user = User(named.sub, frozenset(named.roles), named.persona)
        self._remember(token, int(claims.get("exp", now_s + JWKS_LIFETIME_S)), now_s, user)
        return user

    def _remember(self, token: str, expires_s: float, now_s: float, user: User) -> None:
        self._verified[token] = min(expires_s, now_s + JWKS_LIFETIME_S), user
        if len(self._verified) > VERIFIED_TOKENS_MAX:
            self._verified.popitem(last=False)

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            if self._secret is not None:
                return self._decoded(token, self._secret, ["HS256"])
            if self._published is not None:
                key = await self._published.key(jwt.get_unverified_header(token).get("kid"))
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
            options={"require": ["sub"], "verify_aud": self._audience is not None},
        )


class PublishedKeys:
    """The keys behind a JWKS URL: fetched when needed, again when old or when a key is unknown."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._failed: Exception | None = None

    async def key(self, key_id: str | None) -> jwt.PyJWK:
        """The key with this id.

        Raises `TokenInvalid` when there is none, `Unavailable` when that cannot be known.
        """
        async with self._fetching:
            age = asyncio.get_running_loop().time() - self._fetched_at
            if age > JWKS_LIFETIME_S or (key_id not in self._keys and age > JWKS_REFETCH_S):
                await self._fetch()
        if key_id in self._keys:
            return self._keys[key_id]
        if self._failed is not None:
            raise Unavailable(f"{self._url}: {self._failed}") from self._failed
        raise TokenInvalid("the token's key is not among the published ones")

    async def _fetch(self) -> None:
        """Keys that were read before stay when they cannot be read again."""
        self._fetched_at = asyncio.get_running_loop().time()
        try:
            text = await asyncio.to_thread(self._read)
            keys = jwt.PyJWKSet.from_dict(msgspec.json.decode(text, type=dict[str, Any])).keys
        except (OSError, HTTPException, ValueError, RecursionError, jwt.PyJWTError) as error:
            self._failed = error
            return
        self._failed = None
        self._keys = {key.key_id: key for key in keys if key.algorithm_name in ASYMMETRIC}

    def _read(self) -> bytes:
        try:
            with urllib.request.urlopen(self._url, timeout=JWKS_TIMEOUT_S) as answer:  # noqa: S310
                return bytes(answer.read(JWKS_BYTES_MAX))
        except HTTPError as error:
            error.close()  # it is an open answer, too
            raise
