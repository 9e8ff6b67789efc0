"""The keys of users' tokens that another server publishes (JWKS, RFC 7517)."""

from collections.abc import Callable
from typing import Any

import jwt
import msgspec

from votes.engine.ports import Unavailable
from votes.http.logins.fetched import TIMEOUT_S, Fetched

JWKS_LIFETIME_S = 300
JWKS_REFETCH_S = 10
UNKNOWN_KEY_WAIT_S = 1.0
"""How long an unknown key's token waits for a fetch: anybody can send one."""
ASYMMETRIC = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
assert UNKNOWN_KEY_WAIT_S < TIMEOUT_S < JWKS_REFETCH_S < JWKS_LIFETIME_S

Keys = dict[str | None, jwt.PyJWK]


class _Document(msgspec.Struct):
    keys: list[Any]


def _verifies(key: Any) -> bool:
    """Whether a key is published to verify signatures with, and not to encrypt with (RFC 7517,
    4.2 and 4.3)."""
    if not isinstance(key, dict) or key.get("use", "sig") != "sig":
        return False
    operations = key.get("key_ops", ["verify"])
    return isinstance(operations, list) and "verify" in operations


class PublishedKeys:
    """The keys behind a JWKS URL, fetched again when they are old or a key is unknown.

    Known keys never wait for a fetch. `on_new_set` is called with each set.
    """

    def __init__(self, url: str, on_new_set: Callable[[], None]) -> None:
        self._on_new_set = on_new_set
        self._fetched = Fetched(url, self._parsed)

    async def key(self, key_id: str | None) -> jwt.PyJWK | None:
        """The key with this id, None where it is not published.

        Raises `Unavailable` when that cannot be known now.
        """
        fetched = self._fetched
        key = self._key(key_id)
        enough = key is not None and fetched.failure is None
        fetched.renew(JWKS_LIFETIME_S if enough else JWKS_REFETCH_S)
        if key is not None:
            return key
        await fetched.wait(UNKNOWN_KEY_WAIT_S if self._keys else TIMEOUT_S)
        if (key := self._key(key_id)) is not None:
            return key
        if fetched.is_fetching:
            raise Unavailable(f"{fetched.url}: the keys are still being fetched")
        if fetched.failure is not None:
            raise Unavailable(f"{fetched.url}: {fetched.failure}")
        return None

    def _key(self, key_id: str | None) -> jwt.PyJWK | None:
        """A token needs to name its key only where there are several (OpenID Connect Core 1.0,
        10.1)."""
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    async def count(self) -> int:
        """How many there are. Raises `Unavailable`."""
        self._fetched.renew(JWKS_LIFETIME_S)
        await self._fetched.wait(TIMEOUT_S)
        if self._fetched.value is None:
            raise Unavailable(f"{self._fetched.url}: {self._fetched.failure}")
        return len(self._keys)

    @property
    def _keys(self) -> Keys:
        return self._fetched.value or {}

    def _parsed(self, text: bytes) -> Keys:
        published = msgspec.json.decode(text, type=_Document).keys
        keys = jwt.PyJWKSet([key for key in published if _verifies(key)]).keys
        usable: Keys = {key.key_id: key for key in keys if key.algorithm_name in ASYMMETRIC}
        self._on_new_set()
        return usable
