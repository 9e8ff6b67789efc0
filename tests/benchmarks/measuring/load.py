"""A load generator much cheaper than what it loads: prebuilt requests over kept-alive connections.

    python -m tests.benchmarks.measuring.load PORT CONNECTIONS SECONDS < requests

The requests come as a msgpack list of bytes and are sent once each, or round and round when there
is only one. An answer is read as far as its status and its length; anything but 200 ends it all.
"""

import asyncio
import sys
import time
from typing import Any

import msgspec
import psutil
import uvloop


class Load:
    """What all connections share."""

    def __init__(self, requests: list[bytes], seconds: float) -> None:
        self.requests = requests
        self.end = time.perf_counter() + seconds
        self.sent = 0
        self.answered = 0
        self.open = 0
        self.error: str | None = None
        self.done = asyncio.get_running_loop().create_future()

    def next(self) -> bytes | None:
        """The next request, None when it is time to stop."""
        if self.error is not None or time.perf_counter() >= self.end:
            return None
        if len(self.requests) == 1:
            return self.requests[0]
        if self.sent == len(self.requests):
            self.fail("ran out of requests")
            return None
        self.sent += 1
        return self.requests[self.sent - 1]

    def fail(self, error: str) -> None:
        self.error = self.error or error

    def closed(self) -> None:
        self.open -= 1
        if self.open == 0 and not self.done.done():
            self.done.set_result(None)


class Connection(asyncio.Protocol):
    """Sends a request as soon as the one before it is answered."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.pending = b""
        self.waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.load.open += 1
        self._send()

    def _send(self) -> None:
        request = self.load.next()
        self.waiting = request is not None
        if request is None:
            self.transport.close()
        else:
            self.transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if self.pending:
            data = self.pending + data
        length = answer_length(data)
        if length is None or len(data) < length:
            self.pending = data
            return
        self.pending = b""
        if not data.startswith(b"HTTP/1.1 200"):
            self.load.fail(data[:400].decode("latin-1"))
        self.load.answered += 1
        self._send()

    def connection_lost(self, _: Exception | None) -> None:
        if self.waiting:
            self.load.fail("a connection was closed before its answer")
        self.load.closed()


def answer_length(data: bytes) -> int | None:
    """The bytes of the answer that begins here, None while its head is not whole."""
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return None
    at = data.find(b"content-length: ", 0, head)
    if at < 0:
        at = data.find(b"Content-Length: ", 0, head)
    if at < 0:
        raise ValueError(f"an answer without a length: {data[:head]!r}")
    return head + 4 + int(data[at + 16 : data.find(b"\r", at)])


async def run(port: int, connections: int, seconds: float, requests: list[bytes]) -> dict:
    load = Load(requests, seconds)
    start, before = time.perf_counter(), psutil.cpu_times()
    for _ in range(connections):
        await asyncio.get_running_loop().create_connection(
            lambda: Connection(load), "127.0.0.1", port
        )
    await load.done
    spent = time.perf_counter() - start
    busy = _busy_s(psutil.cpu_times()) - _busy_s(before)
    return {
        "answered": load.answered,
        "seconds": spent,
        "busy_cores": busy / spent,
        "error": load.error,
    }


def _busy_s(times: Any) -> float:
    """How long the machine's cores have been busy, in all."""
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)


def main() -> None:
    port, connections, seconds = sys.argv[1:]
    requests = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=list[bytes])
    result = uvloop.run(run(int(port), int(connections), float(seconds), requests))
    sys.stdout.buffer.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()
