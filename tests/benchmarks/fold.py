"""Events a second that a rebuild reads and folds, beside reading and counting them alone."""

import time
from typing import Any

import asyncpg
import uvloop

from tests.benchmarks import samples
from tests.benchmarks.rounds import Aim, Result, Settings, Turn, alternate
from tests.benchmarks.stack import prepare, servers
from votes.engine.batcher import BATCH_COMMANDS_MAX
from votes.engine.projector import PASS_EVENTS_MAX, fold_log
from votes.engine.read_models import ReadModels
from votes.projections import PROJECTIONS
from votes.projections.tallies import TALLIES
from votes.store.postgres import PostgresEventStore
from votes.store.queries import QUERIES
from votes.wiring import event_store

EVENTS = 100_000
TOOLS = [f"tool-{number:03}" for number in range(200)]


def run(settings: Settings) -> list[Result]:
    with servers() as config:
        return [uvloop.run(_run(config, settings))]


async def _run(config: Any, settings: Settings) -> Result:
    await prepare(config)
    async with event_store(config) as store:
        await _fill(store)
        connection = await asyncpg.connect(config.postgres_url)
        try:
            opponents: dict[str, Turn] = {
                "read and fold": lambda seconds: _folded(store, seconds),
                "read and count": lambda seconds: _counted(connection, seconds),
            }
            rates = await alternate(opponents, settings)
        finally:
            await connection.close()
    aims = [Aim("read and fold", "read and count")]
    notes = [f"{EVENTS:,} votes on {len(TOOLS)} tools"]
    return Result("fold", "events/s, one process", rates, aims, notes)


async def _fill(store: PostgresEventStore) -> None:
    await samples.list_tools(store, TOOLS)
    for start in range(0, EVENTS, BATCH_COMMANDS_MAX):
        end = min(start + BATCH_COMMANDS_MAX, EVENTS)
        batch = [samples.append_of(TOOLS[number % len(TOOLS)]) for number in range(start, end)]
        assert None not in await store.append(batch)


async def _folded(store: PostgresEventStore, seconds: float) -> float:
    """Whole rebuilds, one after another."""
    events, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        models = ReadModels(PROJECTIONS, await store.epoch())
        await fold_log(store, models)
        assert sum(tally.total for _, tally in models.items(TALLIES)) == EVENTS
        events += models.position
    return events / (time.perf_counter() - start)


async def _counted(connection: asyncpg.Connection, seconds: float) -> float:
    """The same query in the same passes; the rows are counted and dropped."""
    events, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        position = 0
        while rows := await connection.fetch(QUERIES["events_after"], position, PASS_EVENTS_MAX):
            position += len(rows)
        events += position
    return events / (time.perf_counter() - start)
