"""How long after a vote's answer its tally shows it, at 1,000 votes a second whatever happens.

Votes are sent by the clock, spread over 50 tools: a vote that starts late has been waiting. Every
eleventh is followed, so that each tool comes up: from its answer on, the tool's tally is read over
another connection until it is at the vote's position or after it. Beside it runs a stream of all
tools.
"""

import asyncio
import time

import httpx
import msgspec
import uvloop
from httpx_sse import aconnect_sse

from tests.benchmarks.api.serve import TOOLS, known_visitors, set_up
from tests.benchmarks.measuring.load import answer_length
from tests.benchmarks.measuring.rounds import Bound, Result, Settings
from tests.benchmarks.measuring.stack import api_and_worker, servers
from tests.polling import until
from votes.live.hub import TICK_S

VOTES_PER_S = 1_000
FOLLOWED_EACH = 11
POLL_S = 0.001
VOTING_CONNECTIONS = 64
GIVE_UP_S = 5.0
SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
P50_MS_MAX = 15.0
"""Beyond the tick, where there is one."""
P99_MS_MAX = 100.0


class _At(msgspec.Struct):
    position: int


class _Tally(msgspec.Struct):
    tool: str
    position: int


_position, _tally = msgspec.json.Decoder(_At), msgspec.json.Decoder(_Tally)


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
        self.answers: list[tuple[str, int, float]] = []
        """Of the votes that are followed: the tool, the position, the time."""
        self.streamed: dict[str, list[tuple[int, float]]] = {}
        """By tool, the positions that the stream has told, and when."""

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
            self.answers.append((follow, position, answered))

    async def listen(self) -> None:
        """Until it is cancelled."""
        url = f"http://127.0.0.1:{self._port}/v1/live"
        async with (
            httpx.AsyncClient(timeout=None) as client,
            aconnect_sse(client, "GET", url, params={"tools": ",".join(TOOLS)}) as source,
        ):
            async for event in source.aiter_sse():
                if event.event == "tally":
                    tally = _tally.decode(event.data)
                    told = self.streamed.setdefault(tally.tool, [])
                    told.append((tally.position, time.perf_counter()))

    def streamed_after_ms(self) -> list[float]:
        """A vote that the stream has told before its answer counts as 0."""
        took = []
        for tool, position, answered in self.answers:
            told = next(at for where, at in self.streamed[tool] if where >= position)
            took.append(max(0.0, told - answered) * 1000)
        return took

    def all_streamed(self) -> bool:
        return all(
            tool in self.streamed and self.streamed[tool][-1][0] >= position
            for tool, position, _ in self.answers
        )

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
    rates: dict[str, list[float]] = {}
    for voting in measured:
        for what, took in (
            ("from answer to tally", voting.fresh_after_ms),
            ("from answer to stream", voting.streamed_after_ms()),
            ("of the vote itself", voting.answered_after_ms),
        ):
            for name, share in SHARES.items():
                rates.setdefault(f"{name} {what}", []).append(_percentile(took, share))
    notes = [f"{sum(len(v.fresh_after_ms) for v in measured)} votes followed"]
    return Result("freshness", f"ms at {VOTES_PER_S} votes/s", rates, [], notes, _bounds(rates))


def _bounds(rates: dict[str, list[float]]) -> list[Bound]:
    mosts = (
        ("p50 from answer to tally", P50_MS_MAX),
        ("p99 from answer to tally", P99_MS_MAX),
        ("p50 from answer to stream", P50_MS_MAX + TICK_S * 1000 / 2),
        ("p99 from answer to stream", P99_MS_MAX + TICK_S * 1000),
    )
    return [Bound(f"{name}, ms", rates[name], most) for name, most in mosts]


async def _round(port: int, seconds: float) -> Voting:
    voting = Voting(port)
    await voting.open()
    requests = known_visitors(seconds)[: int(VOTES_PER_S * seconds)]
    listening = asyncio.create_task(voting.listen())
    await until(lambda: len(voting.streamed) == len(TOOLS), "the stream's first states")
    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number, request in enumerate(requests):
            due = start + number / VOTES_PER_S
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            followed = number % FOLLOWED_EACH == 0
            tool = TOOLS[number % len(TOOLS)] if followed else None
            group.create_task(voting.vote(request, due, tool))
    await until(voting.all_streamed, "the stream")
    listening.cancel()
    voting.close()
    return voting


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
