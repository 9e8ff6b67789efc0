"""Requests a second of one API process, from clients that keep their connections.

Beside each of our routes runs a route of Litestar on granian that does nothing but read the same
body and answer constant bytes: the ceiling of the parts that we chose. A tally is also beside bytes
that are sent without Litestar. They have their own process and their own turns.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

import asyncpg
import httpx
import msgspec

from tests.benchmarks.measuring import processor, samples
from tests.benchmarks.measuring.rounds import Aim, Bound, Result, Settings, Turn, alternate
from tests.benchmarks.measuring.stack import (
    ROOT,
    SECRET_KEY,
    api,
    prepare,
    process,
    projected,
    servers,
)
from tests.benchmarks.peers.nothing import BARE
from tests.polling import wait_for
from tests.site import free_port
from votes.config import Config
from votes.http.logins.tokens import RANDOM_BYTES, Visitor, VisitorTokens, hours, visitor_id
from votes.resources import event_store, now

CLIENTS = 64
MANY = 256
API_US_MAX = 60.0
TOOLS = [f"tool-{number:02}" for number in range(50)]
REQUESTS_A_SECOND_MAX = 25_000
LAG_S = 10
LONG_AGO_H = 48
"""Votes of visitors who were made less than a day ago may be held."""
FLOOR = 0.05
"""A third of what a very busy machine has shown."""

Requests = Callable[[float], list[bytes]]


def run(settings: Settings) -> list[Result]:
    with servers() as config:
        asyncio.run(set_up(config))
        nothing = free_port()
        beside = process("-m", "tests.benchmarks.peers.nothing", str(nothing))
        with api(config) as (ours, pid), process("-m", "workers", config=config) as worker, beside:
            wait_for(lambda: projected(ours), "the API and the worker")
            wait_for(lambda: responds(nothing), "the route that does nothing")
            parts = {"API": pid, "worker": worker.pid}
            return [
                asyncio.run(_votes(config, ours, parts, nothing, settings)),
                asyncio.run(_tallies(ours, nothing, settings)),
            ]


async def set_up(config: Config) -> None:
    await prepare(config)
    async with event_store(config) as store:
        await samples.list_tools(store, TOOLS)


@dataclass
class Costed:
    """Turns of votes, and what they cost by part: microseconds of processor a vote."""

    votes: Turn
    parts: dict[str, int]
    """The ids of its processes."""
    costs: list[processor.Spent] = field(default_factory=list)

    def __call__(self, seconds: float) -> float:
        before = processor.spent(**self.parts)
        rate = self.votes(seconds)
        assert isinstance(rate, float)
        after = processor.spent(**self.parts)
        self.costs.append(processor.per_event_us(before, after, rate * seconds))
        return rate

    def us(self, part: str) -> list[float]:
        """Those of a part, turn by turn but the one that warms up."""
        return [cost[part] for cost in self.costs[1:]]

    def votes_per_core_s(self) -> list[float]:
        """Votes for each second of processor, turn by turn but the one that warms up."""
        return [1e6 / sum(cost.values()) for cost in self.costs[1:]]

    def cost(self) -> str:
        """The medians of all turns."""
        parts = {part: median(self.us(part)) for part in self.costs[0]}
        each = ", ".join(f"{part} {us:,.0f}" for part, us in parts.items())
        return f"{sum(parts.values()):,.0f} us of processor a vote: {each}"


async def _votes(
    config: Config, ours: int, parts: dict[str, int], nothing: int, settings: Settings
) -> Result:
    known, new = (
        Costed(turn(ours, requests, settle=True), parts)
        for requests in (known_visitors, new_visitors)
    )
    opponents: dict[str, Turn] = {
        "a known visitor's vote": known,
        "a new visitor's vote": new,
        "the same route doing nothing": turn(nothing, known_visitors),
        f"{MANY} clients: a known visitor's vote": turn(
            ours, known_visitors, settle=True, clients=MANY
        ),
        f"{MANY} clients: the route doing nothing": turn(nothing, known_visitors, clients=MANY),
    }
    rates = await alternate(opponents, settings)
    one, first, base, many, many_base = opponents
    aims = [Aim(one, base, 1.0, FLOOR), Aim(first, base, 1.0, FLOOR), Aim(many, many_base, 1.3)]
    bounds = [
        Bound(f"us of the API's processor, {name}", opponent.us("API"), API_US_MAX)
        for name, opponent in ((one, known), (first, new))
    ]
    notes = [f"{one}: {known.cost()}", f"{first}: {new.cost()}", await _batches(config)]
    unit = "durable votes/s, 64 clients, one API process"
    return Result("http: votes", unit, rates, aims, notes, bounds)


async def _batches(config: Config) -> str:
    """How many votes an append has: each is a transaction, whose id its rows have."""
    connection = await asyncpg.connect(config.postgres_url)
    try:
        ((votes, appends),) = await connection.fetch(
            "SELECT count(*), count(DISTINCT xmin::text) FROM events WHERE type = 'VoteCast'"
        )
    finally:
        await connection.close()
    return f"{votes:,} votes by {appends:,} appends, {votes / appends:.0f} each"


async def _tallies(ours: int, nothing: int, settings: Settings) -> Result:
    opponents: dict[str, Turn] = {
        "a tally": turn(ours, tally_reads),
        "constant bytes": turn(nothing, tally_reads),
        "bytes without Litestar": turn(nothing, bare_reads),
    }
    rates = await alternate(opponents, settings)
    tally, by_litestar, bare = opponents
    aims = [Aim(tally, bare, 0.7, FLOOR), Aim(tally, by_litestar, 1.0, FLOOR)]
    return Result("http: tallies", "answers/s, 64 clients, one API process", rates, aims)


def known_visitors(seconds: float) -> list[bytes]:
    """Votes, each by another visitor who already has a cookie."""
    tokens = VisitorTokens([SECRET_KEY])
    hour = hours(now()) - LONG_AGO_H
    made = (visitor_id(hour, os.urandom(RANDOM_BYTES)) for _ in range(_enough(seconds)))
    known = (tokens.token(Visitor(each, hour)) for each in made)
    return [
        _vote(TOOLS[number % len(TOOLS)], f"Sec-Fetch-Site: none\r\nCookie: visitor={token}\r\n")
        for number, token in enumerate(known)
    ]


def new_visitors(seconds: float) -> list[bytes]:
    """First votes: each makes a visitor."""
    return [_vote(TOOLS[number % len(TOOLS)]) for number in range(_enough(seconds))]


def tally_reads(_: float) -> list[bytes]:
    return [b"GET /v1/tools/tool-00/tally HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n"]


def bare_reads(_: float) -> list[bytes]:
    return [f"GET {BARE} HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n".encode()]


def _enough(seconds: float) -> int:
    return int(REQUESTS_A_SECOND_MAX * max(seconds, 0.5))


def _vote(tool: str, headers: str = "") -> bytes:
    return (
        f"PUT /v1/tools/{tool}/vote HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n"
        f"Content-Type: application/json\r\nContent-Length: 17\r\n{headers}\r\n"
        '{"choice":"ship"}'
    ).encode()


def turn(
    port: int,
    requests: Requests,
    *,
    settle: bool = False,
    clients: int = CLIENTS,
    busy: list[float] | None = None,
) -> Callable[[float], float]:
    """Answers a second; afterwards the projection catches up before the next one's turn. How many
    cores of the machine were busy meanwhile is added to `busy`."""

    def measured(seconds: float) -> float:
        prepared = msgspec.msgpack.encode(requests(seconds))
        command = [sys.executable, "-m", "tests.benchmarks.measuring.load", str(port), str(clients)]
        ended = subprocess.run(
            [*command, str(seconds)], input=prepared, capture_output=True, cwd=ROOT, check=False
        )
        if ended.returncode != 0:
            raise RuntimeError(ended.stderr.decode())
        result = msgspec.json.decode(ended.stdout)
        if result["error"]:
            raise RuntimeError(result["error"])
        if busy is not None:
            busy.append(result["busy_cores"])
        if settle:
            wait_for(lambda: lag(port) == 0, "the projection", LAG_S)
        return float(result["answered"] / result["seconds"])

    return measured


def lag(port: int) -> int | None:
    return httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=5).json()["lag"]


def responds(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=1).is_success
    except httpx.HTTPError:
        return False
