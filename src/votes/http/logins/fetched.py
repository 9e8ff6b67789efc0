"""What other servers publish for us: fetched by one at a time, bounded in time and size."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Generic, TypeVar

import httpx

TIMEOUT_S = 5.0
"""For a whole fetch, however slow the server is."""
REDIRECTS_MAX = 3
BYTES_MAX = 256 * 1024

Value = TypeVar("Value")


class Fetched(Generic[Value]):
    """What an address publishes. One fetch runs at a time, for all who ask; the last good `value`
    stays until a newer one is there, also when its server is gone.

    `parse` makes the value of the bytes that were sent, or raises; `failure` says why the last
    fetch brought none.
    """

    def __init__(self, url: str, parse: Callable[[bytes], Value]) -> None:
        self.url = url
        self.value: Value | None = None
        self.failure: str | None = None
        self._parse = parse
        self._tls = ssl.create_default_context()
        self._started_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    @property
    def is_fetching(self) -> bool:
        return self._fetching is not None

    def renew(self, older_than_s: float) -> None:
        """Begin a fetch where none runs, and none began within this time."""
        now = asyncio.get_running_loop().time()
        if self._fetching is None and now - self._started_at > older_than_s:
            self._started_at = now
            self._fetching = asyncio.create_task(self._fetch(), name=f"fetch of {self.url}")

    async def wait(self, patience_s: float) -> None:
        """Until the running fetch has ended, if one runs, and for so long at most."""
        if self._fetching is not None:
            await asyncio.wait([self._fetching], timeout=patience_s)

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                text = await self._read()
            self.value = self._parse(text)
            self.failure = None
        except TimeoutError:
            self.failure = f"no whole answer within {TIMEOUT_S:g} s"
        except Exception as error:  # noqa: BLE001 - whatever was published, the known value stays
            self.failure = str(error) or type(error).__name__
        finally:
            self._fetching = None

    async def _read(self) -> bytes:
        async with (
            client(self._tls, redirects=True) as http,
            http.stream("GET", self.url) as answer,
        ):
            if not answer.is_success:
                raise ValueError(f"status {answer.status_code}")  # the address may hold a secret
            if self.url.startswith("https:") and answer.url.scheme != "https":
                raise ValueError("redirected to where anybody on the way can change it")
            return await body(answer)


def client(tls: ssl.SSLContext, *, redirects: bool = False) -> httpx.AsyncClient:
    """A client that takes bodies as they are sent: what is packed could unpack to anything."""
    return httpx.AsyncClient(
        verify=tls,
        timeout=TIMEOUT_S,
        follow_redirects=redirects,
        max_redirects=REDIRECTS_MAX,
        headers={"Accept-Encoding": "identity"},
    )


async def body(answer: httpx.Response) -> bytes:
    """The body of a streamed answer. Raises `ValueError` for one that is too long."""
    text = b""
    async for part in answer.aiter_raw():
        text += part
        if len(text) > BYTES_MAX:
            raise ValueError(f"longer than {BYTES_MAX} bytes")
    return text
