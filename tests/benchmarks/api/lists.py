"""What a page of a large catalogue costs, and how long it holds the loop of its API process.

The read models of a made-up catalogue are put into the store, beside an empty log. The application
runs in this process, on its real servers, and is asked for one page after another. Times are of
this thread's processor, so other load on the machine moves them little. The tallies are asked for
over HTTP, of an API process of its own.
"""

import asyncio
import gc
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import msgspec
import uvloop
from msgspec import Struct

from tests.benchmarks.measuring.rounds import Bound, Result, Settings
from tests.benchmarks.measuring.stack import ROOT, api, prepare, process, servers
from tests.polling import until, wait_for
from votes import demo
from votes.config import Config
from votes.engine.projection import Projection, partition_of
from votes.engine.read_models import ReadModels
from votes.http.exchange import Asgi
from votes.projections import PROJECTIONS
from votes.projections.profiles import PROFILES, Profile, parts_of
from votes.projections.slugs import SLUGS
from votes.projections.tallies import TALLIES, Counts, Tally
from votes.resources import event_store
from votes.server import GARBAGE_OBJECTS_MAX, create_app
from votes.wiring import ORDERS_POLL_S, read_model_store

SIZES = (333, 100_000)
LARGE = (333, 1_000, 10_000, 100_000)
GROWTH_MAX, HOLD_MS_MAX, BESIDE_MAX, START_S_MAX, MEMORY_MB_MAX = 1.5, 5.0, 2.0, 2.0, 250.0
STARTED, MEMORY = "s until it serves a list", "MB of memory"
STARTED_CPU, MEMORY_FIRST = f"{STARTED}, of processor", f"{MEMORY} at the first list"
SEED = 20_261
START = datetime(2026, 1, 1, tzinfo=UTC)
CATEGORY = "crm"
PAGES = {
    "a list": "/v1/tools?limit=50",
    "a list of a category": f"/v1/tools?category={CATEGORY}&sort=trending&limit=5",
    "the home page": "/",
    "a page of a list": "/?sort=controversial",
    "a filtered page": "/?price=free&call=too_early",
    "a tool": "/tools/{a}",
    "a comparison": "/compare/{a}-vs-{b}",
    "the form to compare": "/compare",
    "the feed": "/feed.xml",
    "a search": "/v1/tools?q=note&limit=50",
    "the sitemap": "/sitemap.xml",
    "a page of the sitemap": "/sitemap/tools-1.xml",
    "other pages of the sitemap": "/sitemap/pages.xml",
}
NO_CACHE = (b"cookie", b"visitor=nobody")
"""A cookie of ours, with which a page is rendered for its reader alone."""
ASKED = 20
"""How often each page is asked for in a round."""
READERS = 10
LOADED_S_MAX = 300.0
"""On a busy machine the largest catalogue takes minutes."""


def run(settings: Settings) -> list[Result]:
    costs: dict[str, list[float]] = {}
    holds: dict[str, list[float]] = {}
    served: dict[str, list[float]] = {}
    sizes = LARGE if settings.large else SIZES
    for size in sizes:
        with servers() as config:
            uvloop.run(_fill(config, size))
            with process("-m", "workers", config=config):
                found = uvloop.run(_measured(config, settings.rounds))
                for name, figures in _served(config, settings).items():
                    served[f"{size:,} tools: {name}"] = figures
        for name, (cost_ms, hold_ms) in found.items():
            costs[f"{size:,} tools: {name}"] = cost_ms
            holds[f"{size:,} tools: {name}"] = hold_ms
    return [
        Result("lists: a page", "ms of processor", costs, bounds=_growth(costs, sizes)),
        Result(
            "lists: the longest hold of the loop",
            "ms of processor",
            holds,
            bounds=[Bound(name, each, HOLD_MS_MAX) for name, each in holds.items()][-len(PAGES) :],
        ),
        Result("lists: a process", "as said", served, bounds=_beside_readers(served, sizes[-1])),
    ]


def _growth(costs: dict[str, list[float]], sizes: tuple[int, ...]) -> list[Bound]:
    """The cost of each page in the largest catalogue, as a multiple of that in the smallest."""
    few, many = (f"{size:,} tools" for size in (sizes[0], sizes[-1]))
    bounds = []
    for name in PAGES:
        pairs = zip(costs[f"{many}: {name}"], costs[f"{few}: {name}"], strict=True)
        ratios = [large / small for large, small in pairs]
        bounds.append(Bound(f"{name}, {many} / {few}", ratios, GROWTH_MAX))
    return bounds


def _beside_readers(served: dict[str, list[float]], size: int) -> list[Bound]:
    """How long a tally takes beside readers of the home page, as a multiple of a quiet one."""
    of = f"{size:,} tools: ms of a tally"
    pairs = zip(served[f"{of}, {READERS} readers: p99"], served[f"{of}, quiet: p99"], strict=True)
    ratios = [busy / quiet for busy, quiet in pairs]
    start, memory = f"{size:,} tools: {STARTED}", f"{size:,} tools: {MEMORY}"
    spent = f"{size:,} tools: {STARTED_CPU}"
    return [
        Bound(f"a tally's p99 beside {READERS} readers / quiet", ratios, BESIDE_MAX),
        Bound(start, served[start], START_S_MAX),
        Bound(spent, served[spent], START_S_MAX),
        Bound(memory, served[memory], MEMORY_MB_MAX),
    ]


def catalogue(size: int, epoch: str) -> ReadModels:
    """The entries of the demo catalogue again and again, with made-up votes."""
    models, chance = ReadModels(PROJECTIONS, epoch), random.Random(SEED)
    entries = demo.tools()
    for number in range(size):
        slug, entry = entries[number % len(entries)]
        slug = slug if number < len(entries) else f"{slug}-{number}"
        key = f"t{number:06d}"
        ship, skip = (min(int(chance.paretovariate(0.8)) - 1, 5_000) for _ in range(2))
        heat = chance.uniform(6_800, 6_900) if ship + skip else 0.0
        listed_at = START + timedelta(minutes=number)
        values: dict[Projection, tuple[str, Any]] = {
            PROFILES: (
                key,
                Profile(
                    slug=slug,
                    **parts_of(entry),
                    listed=True,
                    listed_at=listed_at,
                    position=number + 1,
                ),
            ),
            TALLIES: (key, Tally(Counts(ship, skip), size + number, START, heat, ship + skip)),
            SLUGS: (slug, key),
        }
        for projection, (at, value) in values.items():
            models.partitions[partition_of(at)].put(projection.name, at, value)
    return models


async def _fill(config: Config, size: int) -> None:
    await prepare(config)
    async with event_store(config) as store, read_model_store(config) as stored:
        await stored.load()  # its scripts
        await stored.replace(catalogue(size, await store.epoch()))


async def _measured(config: Config, rounds: int) -> dict[str, tuple[list[float], list[float]]]:
    """Of each page, the milliseconds of processor and those of the longest hold, round by round."""
    app = create_app(config)
    async with _running(app):
        names = (slug for slug, entry in demo.tools() if entry.category == CATEGORY)
        pair = dict(zip("ab", sorted(islice(names, 2)), strict=True))
        paths = {name: path.format(**pair) for name, path in PAGES.items()}
        gc.set_threshold(GARBAGE_OBJECTS_MAX)
        await until(lambda: _ready(app), "the read models", LOADED_S_MAX)
        for path in paths.values():
            await until(partial(_answers, app, path), path)
        await asyncio.sleep(2 * ORDERS_POLL_S)
        gc.freeze()
        found: dict[str, tuple[list[float], list[float]]] = {}
        for _ in range(rounds):
            for name, path in paths.items():
                cost_ms, hold_ms = found.setdefault(name, ([], []))
                cost_ms.append(await _cost_ms(app, path))
                hold_ms.append(await _hold_ms(app, path))
        return found


async def _cost_ms(app: Asgi, path: str) -> float:
    spent_s = 0.0
    for _ in range(ASKED):
        await asyncio.sleep(0)  # the replica hears of the projector meanwhile
        start = time.process_time()
        assert await _get(app, path) == 200
        spent_s += time.process_time() - start
    return spent_s / ASKED * 1_000


async def _hold_ms(app: Asgi, path: str) -> float:
    """The longest time of this thread's processor between two turns of the loop."""
    loop, ended = asyncio.get_running_loop(), False
    longest_s, last_s = 0.0, time.thread_time()

    def turn() -> None:
        nonlocal longest_s, last_s
        now_s = time.thread_time()
        longest_s, last_s = max(longest_s, now_s - last_s), now_s
        if not ended:
            loop.call_soon(turn)

    turn()
    for _ in range(ASKED):
        await _get(app, path)
        await asyncio.sleep(0)
    ended = True
    return longest_s * 1_000


@asynccontextmanager
async def _running(app: Asgi) -> AsyncIterator[None]:
    """The application between its start and its end."""
    asked: asyncio.Queue[Any] = asyncio.Queue()
    said: asyncio.Queue[Any] = asyncio.Queue()
    life = asyncio.ensure_future(app({"type": "lifespan", "asgi": {}}, asked.get, said.put))
    for phase in ("startup", "shutdown"):
        await asked.put({"type": f"lifespan.{phase}"})
        answer = await said.get()
        assert answer["type"] == f"lifespan.{phase}.complete", answer
        if phase == "startup":
            yield
    await life


async def _answers(app: Asgi, path: str) -> bool:
    return await _get(app, path) == 200


async def _ready(app: Asgi) -> bool:
    body = bytearray()
    await _get(app, "/health/ready", body)
    return bool(json.loads(body)["status"] == "ok")


async def _get(app: Asgi, path: str, body: bytearray | None = None) -> int:
    """The status of the response, whose body is added to `body`."""
    status = 0

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)
        if body is not None:
            body.extend(message.get("body", b""))

    bare, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": bare,
        "raw_path": bare.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1:8000"), NO_CACHE],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    await app(scope, receive, send)
    return status


def _served(config: Config, settings: Settings) -> dict[str, list[float]]:
    """How soon a process serves a list, what it then holds, and how long tallies take beside."""
    start = time.monotonic()
    with api(config) as (port, pid):
        address = f"http://127.0.0.1:{port}/v1/tools"
        wait_for(lambda: _is_list(address), "a list", LOADED_S_MAX)
        found: dict[str, list[float]] = {STARTED: [time.monotonic() - start]}
        found[STARTED_CPU] = [sum(each.processor_s for each in _processes(pid))]
        found[MEMORY_FIRST] = [max(each.memory_mb for each in _processes(pid))]
        wait_for(lambda: _is_list(f"{address}?q=note"), "a search", LOADED_S_MAX)
        wait_for(lambda: _is_list(f"{address}?sort=controversial"), "its lists", LOADED_S_MAX)
        found[MEMORY] = [max(each.memory_mb for each in _processes(pid))]
        home = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n"
        for _ in range(settings.rounds):
            for beside in (False, True):
                with _readers(port, home, settings.seconds) if beside else nullcontext():
                    took = sorted(_tallies_ms(port, settings.seconds * 0.8))
                name = f"ms of a tally, {READERS} readers" if beside else "ms of a tally, quiet"
                for share in (50, 99):
                    at = took[len(took) * share // 100]
                    found.setdefault(f"{name}: p{share}", []).append(at)
    return found


def _is_list(address: str) -> bool:
    try:
        return bool(httpx.get(address, timeout=30).json().get("tools"))
    except httpx.HTTPError:
        return False


class _Process(Struct):
    """What a process has taken: resident memory, and time of processors since its start."""

    memory_mb: float
    processor_s: float


def _processes(pid: int) -> list[_Process]:
    """The process, and those that it began."""
    found, ticks = [], os.sysconf("SC_CLK_TCK")
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            status = dict(
                line.split(":", 1) for line in (folder / "status").read_text().splitlines()
            )
            spent = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
            if pid in (int(status["PPid"]), int(status["Pid"])):
                memory_mb = int(status.get("VmRSS", "0").split()[0]) / 1024
                found.append(_Process(memory_mb, sum(map(int, spent)) / ticks))
    return found


@contextmanager
def _readers(port: int, request: bytes, seconds: float) -> Iterator[None]:
    """So many connections that ask for one page after another."""
    command = [sys.executable, "-m", "tests.benchmarks.measuring.load", str(port), str(READERS)]
    with subprocess.Popen(
        [*command, str(seconds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as load:
        assert load.stdin is not None
        assert load.stdout is not None
        load.stdin.write(msgspec.msgpack.encode([request]))
        load.stdin.close()
        time.sleep(seconds / 10)
        yield
        result = msgspec.json.decode(load.stdout.read())
        if result["error"]:
            raise RuntimeError(result["error"])


def _tallies_ms(port: int, seconds: float) -> Iterator[float]:
    """How long each of the tallies took that were asked for one after another."""
    slug = demo.tools()[0][0]
    request = f"GET /v1/tools/{slug}/tally HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n".encode()
    end = time.perf_counter() + seconds
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while (start := time.perf_counter()) < end:
            connection.sendall(request)
            answer = connection.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
            yield (time.perf_counter() - start) * 1_000
