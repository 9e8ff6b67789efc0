"""The keys of users' tokens that another server publishes (JWKS, RFC 7517)."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import msgspec

from votes.engine.ports import Unavailable

JWKS_TIMEOUT_S = 5.0
"""For a whole fetch, however slow the server is."""
JWKS_LIFETIME_S = 300
JWKS_REFETCH_S = 10
JWKS_REDIRECTS_MAX = 3
JWKS_BYTES_MAX = 256 * 1024
UNKNOWN_KEY_WAIT_S = 1.0
"""How long an unknown key's token waits for a fetch: anybody can send one."""
ASYMMETRIC = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
assert UNKNOWN_KEY_WAIT_S < JWKS_TIMEOUT_S < JWKS_REFETCH_S < JWKS_LIFETIME_S


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

    One fetch runs at a time, for all who ask. Known keys never wait for it: they stay until a
    newer set is there, also when its server is gone. `on_new_set` is called with each set.
    """

    def __init__(self, url: str, on_new_set: Callable[[], None]) -> None:
        self._url = url
        self._on_new_set = on_new_set
        self._tls = ssl.create_default_context()
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._started_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        self._failure: str | None = None

    async def key(self, key_id: str | None) -> jwt.PyJWK | None:
        """The key with this id, None where it is not published.

        Raises `Unavailable` when that cannot be known now.
        """
        key = self._keys.get(key_id)
        self._fetch_where_due(key is not None)
        if key is not None:
            return key
        if self._fetching is not None:
            patience_s = UNKNOWN_KEY_WAIT_S if self._keys else JWKS_TIMEOUT_S
            await asyncio.wait([self._fetching], timeout=patience_s)
        if key_id in self._keys:
            return self._keys[key_id]
        if self._fetching is not None:
            raise Unavailable(f"{self._url}: the keys are still being fetched")
        if self._failure is not None:
            raise Unavailable(f"{self._url}: {self._failure}")
        return None

    def _fetch_where_due(self, known: bool) -> None:
        now = asyncio.get_running_loop().time()
        enough = known and self._failure is None
        lifetime_s = JWKS_LIFETIME_S if enough else JWKS_REFETCH_S
        if self._fetching is None and now - self._started_at > lifetime_s:
            self._started_at = now
            self._fetching = asyncio.create_task(self._fetch(), name="published keys")

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(JWKS_TIMEOUT_S):
                text = await self._read()
            published = msgspec.json.decode(text, type=_Document).keys
            keys = jwt.PyJWKSet([key for key in published if _verifies(key)]).keys
            self._keys = {key.key_id: key for key in keys if key.algorithm_name in ASYMMETRIC}
            self._failure = None
            self._on_new_set()
        except TimeoutError:
            self._failure = f"no whole answer within {JWKS_TIMEOUT_S:g} s"
        except Exception as error:  # noqa: BLE001 - whatever was published, known keys stay
            self._failure = str(error) or type(error).__name__
        finally:
            self._fetching = None

    async def _read(self) -> bytes:
        """The document as it is sent: what is packed could unpack to anything."""
        async with (
            httpx.AsyncClient(
                verify=self._tls,
                timeout=JWKS_TIMEOUT_S,
                follow_redirects=True,
                max_redirects=JWKS_REDIRECTS_MAX,
                headers={"Accept-Encoding": "identity"},
            ) as client,
            client.stream("GET", self._url) as answer,
        ):
            if not answer.is_success:
                raise ValueError(f"status {answer.status_code}")  # the address may hold a secret
            if self._url.startswith("https:") and answer.url.scheme != "https":
                raise ValueError("redirected to where anybody on the way can change the keys")
            text = b""
            async for part in answer.aiter_raw():
                text += part
                if len(text) > JWKS_BYTES_MAX:
                    raise ValueError(f"longer than {JWKS_BYTES_MAX} bytes")
            return text
