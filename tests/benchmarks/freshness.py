"""How long after a vote's answer its tally shows it, at 500 votes a second whatever happens.

Votes are sent by the clock, spread over 50 tools. Every eleventh is followed, so that each tool
comes up: from its answer on, the tool's tally is read over another connection until it is at the
vote's position or after it.
"""

import asyncio
import time
from statistics import median
from typing import Any

import msgspec
import uvloop

from tests.benchmarks.load import answer_length
from tests.benchmarks.rounds import Result, Settings
from tests.benchmarks.serve import TOOLS, known_visitors, set_up
from tests.benchmarks.stack import api_and_worker, servers

VOTES_PER_S = 500
FOLLOWED_EACH = 11
POLL_S = 0.001
VOTING_CONNECTIONS = 64
GIVE_UP_S = 5.0
P50_MS_MAX = 20.0
P99_MS_MAX = 150.0


class _At(msgspec.Struct):
    position: int


_position = msgspec.json.Decoder(_At)


class Connection:
    """One request at a time over a kept-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def position(self, request: bytes) -> int:
        """The position that the answer names."""
        self._writer.write(request)
        data = b""
        while (length := answer_length(data)) is None or len(data) < length:
            received = await self._reader.read(65_536)
            assert received, "a connection was closed before its answer"
            data += received
        assert data.startswith(b"HTTP/1.1 200"), data[:400]
        return _position.decode(data.partition(b"\r\n\r\n")[2]).position

    def close(self) -> None:
        self._writer.close()


class Voting:
    """Free connections for the votes, and what was seen."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: asyncio.Queue[Connection] = asyncio.Queue()
        self.fresh_after_ms: list[float] = []
        self.answered_after_ms: list[float] = []

    async def open(self) -> None:
        for _ in range(VOTING_CONNECTIONS):
            self._free.put_nowait(await self._connect())

    def close(self) -> None:
        while not self._free.empty():
            self._free.get_nowait().close()

    async def _connect(self) -> Connection:
        return Connection(*await asyncio.open_connection("127.0.0.1", self._port))

    async def vote(self, request: bytes, due: float, follow: str | None) -> None:
        connection = await self._free.get()
        position = await connection.position(request)
        answered = time.perf_counter()
        self._free.put_nowait(connection)
        self.answered_after_ms.append((answered - due) * 1000)
        if follow is not None:
            async with asyncio.timeout(GIVE_UP_S):
                await self._until(follow, position)
            self.fresh_after_ms.append((time.perf_counter() - answered) * 1000)

    async def _until(self, tool: str, position: int) -> None:
        read = f"GET /v1/tools/{tool}/tally HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        connection = await self._connect()
        try:
            while await connection.position(read) < position:
                await asyncio.sleep(POLL_S)
        finally:
            connection.close()


def run(settings: Settings) -> list[Result]:
    with servers() as config:
        asyncio.run(set_up(config))
        with api_and_worker(config) as port:
            return [uvloop.run(_run(port, settings))]


async def _run(port: int, settings: Settings) -> Result:
    await _round(port, settings.seconds)
    measured = [await _round(port, settings.seconds) for _ in range(settings.rounds)]
    rates: dict[str, list[float]] = {
        "p50 from answer to tally": [_percentile(v.fresh_after_ms, 0.5) for v in measured],
        "p99 from answer to tally": [_percentile(v.fresh_after_ms, 0.99) for v in measured],
        "p50 of the vote itself": [_percentile(v.answered_after_ms, 0.5) for v in measured],
        "p99 of the vote itself": [_percentile(v.answered_after_ms, 0.99) for v in measured],
    }
    return Result("freshness", f"ms at {VOTES_PER_S} votes/s", rates, notes=_notes(rates, measured))


def _notes(rates: dict[str, list[float]], measured: list[Any]) -> list[str]:
    notes = [f"{sum(len(v.fresh_after_ms) for v in measured)} votes followed"]
    for name, most in (("p50", P50_MS_MAX), ("p99", P99_MS_MAX)):
        met = median(rates[f"{name} from answer to tally"]) <= most
        notes.append(f"{name} aim {most:g} ms: {'[green]met' if met else '[red]missed'}[/]")
    return notes


async def _round(port: int, seconds: float) -> Voting:
    voting = Voting(port)
    await voting.open()
    requests = known_visitors(seconds)[: int(VOTES_PER_S * seconds)]
    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number, request in enumerate(requests):
            due = start + number / VOTES_PER_S
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            followed = number % FOLLOWED_EACH == 0
            tool = TOOLS[number % len(TOOLS)] if followed else None
            group.create_task(voting.vote(request, due, tool))
    voting.close()
    return voting


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
