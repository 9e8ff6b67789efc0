"""Whether a long log costs more: appends, reads, and bytes an event, by the length of the log.

Logs of all lengths are there at once, each in its own Postgres, and take turns. `--large` adds one
of ten million events, which takes some ten minutes to fill.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import asyncpg
import uvloop

from tests.benchmarks.measuring import samples
from tests.benchmarks.measuring.rounds import Bound, Result, Settings
from tests.benchmarks.measuring.stack import prepare, servers
from tests.stored.long_log import TOOL, fill
from votes.engine.decider import Rejected
from votes.engine.log import Stream
from votes.resources import event_store
from votes.store.postgres import PostgresEventStore
from votes.wiring import batcher_on

SIZES = (100_000, 1_000_000)
LARGE = 10_000_000
SHARE_ON_TOOL = 0.1
SEED = 20_261
READ = 5_000
STREAMS = "SELECT DISTINCT stream FROM events WHERE subject = $1 AND type = 'VoteCast' LIMIT $2"
"""So many of the votes on the tool; each log has more."""
CALLERS = 64
RATIO_MAX, BYTES_MAX = 1.1, 300

Figures = dict[str, list[float]]


def run(settings: Settings) -> list[Result]:
    return uvloop.run(_run(settings, (*SIZES, LARGE) if settings.large else SIZES))


async def _run(settings: Settings, sizes: tuple[int, ...]) -> list[Result]:
    took: Figures = {}
    stored: Figures = {}
    streams: dict[int, list[Stream]] = {}
    async with AsyncExitStack() as stack:
        stores = {}
        for size in sizes:
            config = stack.enter_context(servers())
            await prepare(config)
            owner = await asyncpg.connect(config.migration_url)
            await fill(owner, random.Random(SEED), size, int(size * SHARE_ON_TOOL), 0.1)
            await owner.execute("VACUUM ANALYZE events")
            stored[f"{size:,} events"] = [await _bytes_an_event(owner)]
            streams[size] = [row["stream"] for row in await owner.fetch(STREAMS, TOOL, READ)]
            await owner.close()
            stores[size] = await stack.enter_async_context(event_store(config))
        for number in range(-1, settings.rounds):
            for size in sizes if number % 2 else reversed(sizes):
                turn = await _turn(stores[size], streams[size], settings.seconds)
                for name, figure in turn.items():
                    each = took.setdefault(f"{size:,} events: {name}", [])
                    if number >= 0:  # the first one warms up
                        each.append(figure)
    return [
        Result("growth: a call", "ms", took, bounds=_bounds(took, sizes)),
        Result(
            "growth: the log",
            "bytes an event, with indexes",
            stored,
            bounds=[Bound(f"bytes an event, {of}", each, BYTES_MAX) for of, each in stored.items()],
        ),
    ]


def _bounds(took: Figures, sizes: tuple[int, ...]) -> list[Bound]:
    """Each call in the longest log, as a multiple of that in the shortest."""
    few, many = f"{sizes[0]:,} events", f"{sizes[-1]:,} events"
    bounds = []
    for name in (name.partition(": ")[2] for name in took if name.startswith(few)):
        pairs = zip(took[f"{many}: {name}"], took[f"{few}: {name}"], strict=True)
        ratios = [large / small for large, small in pairs]
        bounds.append(Bound(f"{name}, {many} / {few}", ratios, RATIO_MAX))
    return bounds


async def _bytes_an_event(owner: asyncpg.Connection) -> float:
    query = "SELECT pg_total_relation_size('events')::float8 / max(position) FROM events"
    return float(await owner.fetchval(query))


async def _turn(
    store: PostgresEventStore, streams: list[Stream], seconds: float
) -> dict[str, float]:
    """Votes of 64 callers who each wait for their answer, then streams one by one."""
    batcher, chance = batcher_on(store), random.Random(time.monotonic_ns())

    async def voted() -> None:
        outcome = await batcher.submit(samples.cast(TOOL))
        assert not isinstance(outcome, Rejected), outcome

    async def read() -> None:
        """The state of a vote, as the one who casts it again makes it read."""
        assert await store.last_events([chance.choice(streams)])

    votes = await _timed(voted, seconds / 2, CALLERS)
    reads = await _timed(read, seconds / 2, 1)
    return {
        "a vote among 64, p50": _percentile(votes, 0.5),
        "a vote among 64, p99": _percentile(votes, 0.99),
        "a stream, p50": _percentile(reads, 0.5),
        "a stream, p99": _percentile(reads, 0.99),
    }


async def _timed(call: Callable[[], Awaitable[None]], seconds: float, callers: int) -> list[float]:
    took_ms: list[float] = []
    end = time.perf_counter() + seconds

    async def keep_calling() -> None:
        while (start := time.perf_counter()) < end:
            await call()
            took_ms.append((time.perf_counter() - start) * 1_000)

    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(keep_calling())
    return took_ms


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
