"""Live streams: frames a second beside a bare broadcaster, freshness, memory, and dead readers.

The bare broadcaster is an ASGI application on the same server that sends the same bytes to all its
streams, and does nothing else.
"""

import asyncio
import random
import resource
import socket
import time
from bisect import bisect_left
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import uvloop

from tests.benchmarks.api.serve import TOOLS, set_up
from tests.benchmarks.measuring.rounds import Aim, Result, Settings
from tests.benchmarks.measuring.stack import api_and_worker, process, servers
from tests.polling import wait_for
from tests.site import free_port
from votes.config import Config
from votes.domain import vote
from votes.domain.terms import ToolId, VoterId
from votes.engine.batcher import Batcher
from votes.engine.handle import Request, handle
from votes.engine.ports import Meta
from votes.resources import event_store, now

STREAMS = 5_000
DEAD_STREAMS = 2_000
DEAD_BUFFER_BYTES = 65_536
"""What the kernel first gives to a reader. Left to itself it would let half a megabyte pile up and
then move it all about, in the server's time where both are one machine."""
WATCHED = 5
STREAMS_FOR_RATE = 4_000
BUSY_TOOLS = 25
QUIET_TOOL = TOOLS[-1]
VOTES_PER_S = 1_000
STATES_PER_S = 25
UNREAD_TURNS = 7
UNREAD_JUDGED = 3
"""In the first turns they are fed like any other; later they are found out, and ended."""
TICK_MS = 50
P99_MS_MAX = TICK_MS + 100
P99_RATIO_MAX = 1.10
BYTES_PER_STREAM_MAX = 20_000
FILES_MAX = 20_000


class Reader(asyncio.Protocol):
    """A stream that counts frames and notes when each position of its tool came."""

    def __init__(self, request: bytes, arrived: dict[int, float] | None = None) -> None:
        self._request = request
        self._arrived = arrived
        self.frames = 0
        self.closed = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self.frames += data.count(b"event: ")
        if self._arrived is not None:
            at = time.perf_counter()
            for line in data.split(b"\n"):
                if line.startswith(b"id: "):
                    self._arrived.setdefault(int(line.rpartition(b"-")[2]), at)

    def connection_lost(self, _: Exception | None) -> None:
        self.closed = True


def _get(tool: str) -> bytes:
    return f"GET /v1/live?tools={tool} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


async def _connect(
    port: int, tool: str, arrived: dict[int, float] | None = None, buffer_bytes: int = 0
) -> Reader:
    loop = asyncio.get_running_loop()
    connection = socket.socket()
    if buffer_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    connection.setblocking(False)
    await loop.sock_connect(connection, ("127.0.0.1", port))
    _, reader = await loop.create_connection(lambda: Reader(_get(tool), arrived), sock=connection)
    return reader


async def _open(port: int, count: int, tool: str, buffer_bytes: int = 0) -> list[Reader]:
    readers = [await _connect(port, tool, None, buffer_bytes) for _ in range(count)]
    async with asyncio.timeout(60):
        while not all(reader.frames for reader in readers):
            await asyncio.sleep(0.05)
    return readers


def _close(readers: list[Reader]) -> None:
    for reader in readers:
        reader.transport.abort()


def run(settings: Settings) -> list[Result]:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES_MAX, hard), hard))
    with servers() as config:
        asyncio.run(set_up(config))
        bare = free_port()
        with (
            api_and_worker(config) as port,
            process("-m", "tests.benchmarks.peers.broadcaster", str(bare)),
        ):
            wait_for(lambda: _answers(bare), "the broadcaster")
            crowd = uvloop.run(_crowd(config, port, settings))  # first: it looks at fresh memory
            return [uvloop.run(_frames(config, port, bare, settings)), crowd]


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def _frames(config: Config, port: int, bare: int, settings: Settings) -> Result:
    """Votes on one tool as fast as the tick lets states through, to all streams."""
    rates: dict[str, list[float]] = {"ours": [], "bare broadcaster": []}
    for _ in range(settings.rounds):
        for name, at in (("ours", port), ("bare broadcaster", bare)):
            readers = await _open(at, STREAMS_FOR_RATE, TOOLS[0])
            rates[name].append(await _rate(readers, config, at == port, settings.seconds))
            _close(readers)
    return Result(
        "live: frames",
        f"frames/s to {STREAMS_FOR_RATE} streams, a state each {TICK_MS} ms where it can",
        rates,
        [Aim("ours", "bare broadcaster", 0.7)],
    )


async def _rate(readers: list[Reader], config: Config, ours: bool, seconds: float) -> float:
    voting = asyncio.create_task(_vote(config, STATES_PER_S, seconds + 0.5)) if ours else None
    await asyncio.sleep(0.25)
    before, started = sum(r.frames for r in readers), time.perf_counter()
    await asyncio.sleep(seconds)
    rate = (sum(r.frames for r in readers) - before) / (time.perf_counter() - started)
    if voting is not None:
        await voting
    return rate


async def _vote(config: Config, per_s: int, seconds: float, tools: int = 1) -> dict[int, float]:
    """Votes by the clock, on tools drawn at random; when each of the first tool's positions was
    acknowledged."""
    acknowledged: dict[int, float] = {}
    async with event_store(config) as store:
        submit = Batcher(lambda requests: handle(store, requests)).submit

        async def one() -> None:
            tool = random.choice(TOOLS[:tools])
            command = vote.CastVote(ToolId(tool), VoterId(f"user:{uuid4()}"), "ship")
            answer: Any = await submit(Request(vote.decider, command, Meta(actor="b"), now()))
            if tool == TOOLS[0]:
                acknowledged[answer.position] = time.perf_counter()

        start = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(int(per_s * seconds)):
                await asyncio.sleep(max(0.0, start + number / per_s - time.perf_counter()))
                group.create_task(one())
    return acknowledged


async def _crowd(config: Config, port: int, settings: Settings) -> Result:
    """Freshness at 1,000 votes/s: alone, among 5,000 streams, with 2,000 dead ones.

    Those watched read the busy tool: some came first, some after the dead.
    """
    pid = _server(port)
    watched, readers = await _watch(port)
    await _late(config, watched, settings)
    empty = _memory(pid)
    alone = await _late(config, watched, settings)
    readers += await _open(port, STREAMS, QUIET_TOOL)
    with_streams = _memory(pid)
    crowd = await _late(config, watched, settings)
    again = await _late(config, watched, settings)
    readers += await _dead(port)
    late_comers = await _watch(port)
    readers += late_comers[1]
    memory, unread = [_memory(pid)], []
    for _ in range(UNREAD_TURNS):
        unread.append(await _late(config, watched + late_comers[0], settings))
        memory.append(_memory(pid))
    _close(readers)
    each, without = (with_streams - empty) / STREAMS, (crowd[1] + again[1]) / 2
    p50s, p99s = zip(*unread, strict=True)
    ratio = median(p99s[:UNREAD_JUDGED]) / without
    rates = {
        "p50 with one stream": [alone[0]],
        "p99 with one stream": [alone[1]],
        f"p50 beside {STREAMS} streams": [crowd[0]],
        f"p99 beside {STREAMS} streams": [crowd[1]],
        "p99, and once more (control)": [again[1]],
        f"p50, and {DEAD_STREAMS} that never read": list(p50s[:UNREAD_JUDGED]),
        f"p99, and {DEAD_STREAMS} that never read": list(p99s[:UNREAD_JUDGED]),
    }
    return Result(
        "live: from a vote's answer to its frame",
        f"ms at {VOTES_PER_S} votes/s",
        rates,
        notes=[
            f"p99 aim {P99_MS_MAX} ms: {_met(max(crowd[1], *p99s) <= P99_MS_MAX)}",
            (
                f"{each:,.0f} bytes a stream, aim {BYTES_PER_STREAM_MAX}: "
                + _met(each <= BYTES_PER_STREAM_MAX)
            ),
            f"MB of the process: {empty >> 20}, {with_streams >> 20} with them",
            f"then with the unread, each {settings.seconds:.0f} s: {_megabytes(memory)}",
            f"p99 with the unread over without, aim {P99_RATIO_MAX}: {ratio:.2f} "
            + _met(ratio <= P99_RATIO_MAX),
            f"the same by turns: {', '.join(f'{p99 / without:.2f}' for p99 in p99s)}",
        ],
    )


async def _watch(port: int) -> tuple[list[dict[int, float]], list[Reader]]:
    """When each position came, for some readers of the busy tool."""
    watched: list[dict[int, float]] = [{} for _ in range(WATCHED)]
    return watched, [await _connect(port, TOOLS[0], arrived) for arrived in watched]


def _megabytes(sizes: list[int]) -> str:
    return ", ".join(str(size >> 20) for size in sizes)


def _met(met: bool) -> str:
    return "[green]met[/]" if met else "[red]missed[/]"


async def _dead(port: int) -> list[Reader]:
    """Streams on the busy tool that read their first frame and then nothing."""
    dead = await _open(port, DEAD_STREAMS, TOOLS[0], DEAD_BUFFER_BYTES)
    for reader in dead:
        reader.transport.pause_reading()
    return dead


async def _late(
    config: Config, watched: list[dict[int, float]], settings: Settings
) -> tuple[float, float]:
    """p50 and p99 in ms from a vote's answer to the frame that has it, for those watched."""
    acknowledged = await _vote(config, VOTES_PER_S, settings.seconds, tools=BUSY_TOOLS)
    await asyncio.sleep(1)
    late = []
    for arrived in watched:
        positions = sorted(arrived)
        for position, at in acknowledged.items():
            first = positions[bisect_left(positions, position)]
            late.append(max(0.0, (arrived[first] - at) * 1000))
    late.sort()
    return late[len(late) // 2], late[int(len(late) * 0.99)]


def _server(port: int) -> int:
    """The process that answers on the port: the one that granian's first process started."""
    for found in Path("/proc").glob("[0-9]*/cmdline"):
        words = found.read_bytes().split(b"\0")
        if b"--port" in words and str(port).encode() in words:
            pid = int(found.parent.name)
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            return max(map(int, children), key=_memory)
    raise LookupError(port)


def _memory(pid: int) -> int:
    """Bytes that the process has in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    raise LookupError(pid)
