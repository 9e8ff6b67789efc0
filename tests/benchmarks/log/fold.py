"""Events a second that are read and folded: many together, one by one, and rebuilt into Redis.

The last opponent reads the events row by row and counts them. All are printed by the clock and by
this process's processor time, to which Postgres and Redis add theirs.
"""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import uvloop

from tests.benchmarks.measuring import samples
from tests.benchmarks.measuring.rounds import Aim, Bound, Result, Settings, Turn, alternate
from tests.benchmarks.measuring.stack import prepare, servers
from votes.engine.batcher import BATCH_COMMANDS_MAX
from votes.engine.projecting.columns import fold_columns
from votes.engine.projecting.projector import REBUILD_EVENTS_MAX, fold_log, rebuild
from votes.engine.projection import ONE_BY_ONE
from votes.engine.read_models import ReadModels
from votes.projections import PROJECTIONS
from votes.projections.tallies import TALLIES
from votes.resources import event_store
from votes.store.postgres import PostgresEventStore
from votes.store.queries import QUERIES
from votes.wiring import read_model_store

EVENTS = 100_000
REBUILT, EVENTS_MIN = "rebuild into Redis", 500_000
TOOLS = [f"tool-{number:03}" for number in range(200)]
UNITS = {
    "events/s": time.perf_counter,
    "events/s of this process's processor": time.process_time,
}

Pass = Callable[[], Awaitable[int]]
"""Goes through the whole log once, and answers how many events it has."""


def run(settings: Settings) -> list[Result]:
    with servers() as config:
        return uvloop.run(_run(config, settings))


async def _run(config: Any, settings: Settings) -> list[Result]:
    await prepare(config)
    async with event_store(config) as store, read_model_store(config) as stored:
        await _fill(store)
        connection = await asyncpg.connect(config.postgres_url)

        async def rebuilt() -> int:
            return (await rebuild(store, stored)).position

        async def one_by_one() -> int:
            with _no_bulk():
                return await _folded(store)

        passes: dict[str, Pass] = {
            REBUILT: rebuilt,
            "read and fold": lambda: _folded(store),
            "read and fold one by one": one_by_one,
            "read and count": lambda: _counted(connection),
        }
        aims = [
            Aim("read and fold", "read and fold one by one"),
            *(Aim(ours, "read and count") for ours in list(passes)[:2]),
        ]
        notes = [f"{EVENTS:,} votes on {len(TOOLS)} tools"]
        results = []
        try:
            for unit, clock in UNITS.items():
                opponents: dict[str, Turn] = {
                    name: _turn(each, clock) for name, each in passes.items()
                }
                rates = await alternate(opponents, settings)
                bounds = [Bound(f"rebuild, {unit}", rates[REBUILT], EVENTS_MIN, at_least=True)]
                results.append(Result("fold", unit, rates, aims, notes, bounds))
        finally:
            await connection.close()
    return results


def _turn(one: Pass, clock: Callable[[], float]) -> Turn:
    async def turn(seconds: float) -> float:
        """Whole passes, one after another."""
        events, start, ends_at = 0, clock(), time.perf_counter() + seconds
        while time.perf_counter() < ends_at:
            events += await one()
        return events / (clock() - start)

    return turn


@contextmanager
def _no_bulk() -> Iterator[None]:
    bulk, PROJECTIONS.bulk = PROJECTIONS.bulk, ONE_BY_ONE
    try:
        yield
    finally:
        PROJECTIONS.bulk = bulk


async def _fill(store: PostgresEventStore) -> None:
    await samples.list_tools(store, TOOLS)
    for start in range(0, EVENTS, BATCH_COMMANDS_MAX):
        end = min(start + BATCH_COMMANDS_MAX, EVENTS)
        batch = [samples.append_of(TOOLS[number % len(TOOLS)]) for number in range(start, end)]
        assert None not in await store.append(batch)


async def _folded(store: PostgresEventStore) -> int:
    models = ReadModels(PROJECTIONS, await store.epoch())
    if PROJECTIONS.bulk is not ONE_BY_ONE:
        await fold_columns(store, models, REBUILD_EVENTS_MAX)
    await fold_log(store, models, REBUILD_EVENTS_MAX)
    assert sum(tally.total for _, tally in models.items(TALLIES)) == EVENTS
    return models.position


async def _counted(connection: asyncpg.Connection) -> int:
    """The rows of the events, in the same steps, are counted and dropped."""
    position = 0
    while rows := await connection.fetch(QUERIES["events_after"], position, REBUILD_EVENTS_MAX):
        position += len(rows)
    return position
