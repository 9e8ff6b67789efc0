"""What a stream costs, of one tool and of 100, by readers who read and by readers who do not.

All open at once; meanwhile another process reads a tally over and over: what it waits is what a
crowd that opens does to everybody else.
"""

import asyncio
import random
import resource
import socket
import sys
import time
from typing import Any

from tests.benchmarks.measuring import samples
from tests.benchmarks.measuring.rounds import Result, Settings
from tests.benchmarks.measuring.stack import api_and_worker, prepare, servers
from tests.benchmarks.streams.live import FILES_MAX, _memory, _met, _server
from votes.config import Config
from votes.live.stream import NO_PROGRESS_S
from votes.resources import event_store

TOOLS = [f"tool-{number:03}" for number in range(300)]
DESCRIPTION = "What it does, for whom, and what it does not do. " * 20
"""So that a tool's state is as large as in a catalogue that people have written."""
STREAMS = 3_000
TOOLS_MAX = 100
UNREAD_BUFFER_BYTES = 4_096
LOOK_S = 0.1
OPEN_S = 60
WORST_MS_MAX = 100

PROBE = """
import http.client, sys, time
api, worst_ms = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1])), 0.0
print("ready", flush=True)
end = time.perf_counter() + float(sys.argv[2])
while time.perf_counter() < end:
    began = time.perf_counter()
    api.request("GET", "/v1/tools/tool-000/tally")
    api.getresponse().read()
    worst_ms = max(worst_ms, (time.perf_counter() - began) * 1000)
    time.sleep(0.002)
print(worst_ms)
"""
PROBE_S = 8.0


class Reader(asyncio.Protocol):
    """Asks for a stream, and counts its frames."""

    def __init__(self, tools: list[str]) -> None:
        path = f"/v1/live?tools={','.join(tools)}"
        self.request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        self.wanted, self.frames = 2 * len(tools), 0

    def connection_made(self, transport: Any) -> None:
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.frames += data.count(b"\nid: ")


def run(settings: Settings) -> list[Result]:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES_MAX, hard), hard))
    result = Result("live: what a stream costs", f"kB, of {STREAMS} that open at once", {})
    for tools, unread in ((1, False), (TOOLS_MAX, False), (TOOLS_MAX, True)):
        with servers() as config:
            asyncio.run(_set_up(config))
            with api_and_worker(config) as port:
                asyncio.run(_crowd(port, tools, unread, result))
    return [result]


async def _set_up(config: Config) -> None:
    await prepare(config)
    async with event_store(config) as store:
        await samples.list_tools(store, TOOLS, DESCRIPTION)


async def _crowd(port: int, tools: int, unread: bool, result: Result) -> None:
    pid = _server(port)
    empty = _memory(pid)
    arguments = [sys.executable, "-c", PROBE, str(port), str(PROBE_S)]
    probe = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
    assert probe.stdout is not None
    await probe.stdout.readline()
    began = time.perf_counter()
    readers = [Reader(random.sample(TOOLS, tools)) for _ in range(STREAMS)]
    transports = [await _connect(port, reader, unread) for reader in readers]
    if unread:
        bytes_each = (await _most(pid) - empty) / STREAMS
    else:
        async with asyncio.timeout(OPEN_S):
            while any(reader.frames < reader.wanted for reader in readers):
                await asyncio.sleep(0.02)
        bytes_each = (_memory(pid) - empty) / STREAMS
    seconds = time.perf_counter() - began
    worst_ms = float((await probe.communicate())[0])
    for transport in transports:
        transport.close()
    name = f"of {tools}, {'unread' if unread else f'all read in {seconds:.1f} s'}"
    result.rates[name] = [bytes_each / 1_000]
    result.notes.append(
        f"{name}: another's read took {worst_ms:.0f} ms at worst, aim {WORST_MS_MAX}: "
        + _met(worst_ms <= WORST_MS_MAX)
    )


async def _connect(port: int, reader: Reader, unread: bool) -> Any:
    """A stream; an unread one is a bare socket, of which nothing is taken."""
    connection = socket.socket()
    if unread:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UNREAD_BUFFER_BYTES)
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, ("127.0.0.1", port))
    if unread:
        await loop.sock_sendall(connection, reader.request)
        return connection
    return (await loop.create_connection(lambda: reader, sock=connection))[0]


async def _most(pid: int) -> int:
    """The most bytes that the process has, until the streams that nobody reads are ended."""
    most, end = 0, time.perf_counter() + NO_PROGRESS_S
    while time.perf_counter() < end:
        most = max(most, _memory(pid))
        await asyncio.sleep(LOOK_S)
    return most
