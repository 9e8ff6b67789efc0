"""A client that costs little: one request at a time over a kept-alive connection."""

import asyncio
from typing import NamedTuple

HOST = "127.0.0.1"
TIMEOUT_S = 20.0
ANSWER_BYTES_MAX = 8 * 1024 * 1024
CHUNKS_MAX = 10_000


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Broken(Exception):
    """No whole answer came: what became of the request is unknown."""


class Connection:
    """Opens itself when it is needed, and again after it broke."""

    def __init__(self, port: int, timeout_s: float = TIMEOUT_S) -> None:
        self._port, self._timeout_s = port, timeout_s
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """The answer. Raises `Broken`."""
        fields = {"Host": HOST, **(headers or {})}
        if body is not None:
            fields = {
                "Content-Type": "application/json",
                **fields,
                "Content-Length": f"{len(body)}",
            }
        lines = [
            f"{method} {path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in fields.items()),
        ]
        return await self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""), method)

    async def send(self, request: bytes, method: str = "GET") -> Answer:
        """The answer to these bytes. Raises `Broken`."""
        try:
            async with asyncio.timeout(self._timeout_s):
                if self._streams is None:
                    self._streams = await asyncio.open_connection(HOST, self._port)
                reader, writer = self._streams
                writer.write(request)
                answer = await read_answer(reader, method)
        except (OSError, ValueError, IndexError, EOFError, asyncio.LimitOverrunError) as error:
            self.close()
            raise Broken(f"{type(error).__name__}: {error}") from error
        except asyncio.CancelledError:
            self.close()
            raise
        if answer.headers.get("connection", "").lower() == "close":
            self.close()
        return answer

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def read_answer(reader: asyncio.StreamReader, method: str) -> Answer:
    """Raises `OSError`, `ValueError`, `IndexError` or `EOFError` for what is no whole answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ")[1])
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    if method == "HEAD" or status in (204, 304):
        return Answer(status, headers, b"")
    if headers.get("transfer-encoding") == "chunked":
        return Answer(status, headers, await _read_chunks(reader))
    length = int(headers.get("content-length", 0))
    if length > ANSWER_BYTES_MAX:
        raise ValueError(f"{length} bytes")
    return Answer(status, headers, await reader.readexactly(length))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    for _ in range(CHUNKS_MAX):
        size = int(await reader.readline(), 16)
        body += await reader.readexactly(size)
        await reader.readexactly(2)
        if size == 0:
            return body
    raise ValueError(f"more than {CHUNKS_MAX} chunks")
