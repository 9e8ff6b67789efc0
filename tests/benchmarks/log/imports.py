"""Rows a second of `votes import votes`, each a first vote on one of many tools.

Beside it the same file decided row by row, and a bare COPY of the rows that come of it, events and
results, into identical tables: prepared beforehand, as much at once, and only the COPY is timed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import uvloop

from tests.benchmarks.measuring import processor, samples
from tests.benchmarks.measuring.rounds import Aim, Bound, Result, Settings, Turn, alternate
from tests.benchmarks.measuring.stack import prepare, servers
from votes.cli.transfer import CHUNK_ROWS, import_rows
from votes.config import Config
from votes.engine.bulk import Bulk
from votes.resources import event_store, now

TOOLS = [f"tool-{number:03}" for number in range(200)]
ROWS = 10 * CHUNK_ROWS
ROWS_MIN_S = 60_000
OURS, SINGLE, BARE = "votes import", "row by row", "bare COPY"
EVENTS = (
    "position",
    "stream",
    "version",
    "subject",
    "type",
    "schema",
    "data",
    "meta",
    "at",
    "late",
)
RESULTS = ("command_id", "fingerprint", "outcome", "position", "at")

_numbers = count()

Pass = Callable[[], Awaitable[float]]
"""Stores `ROWS` rows, and answers how many seconds that took."""


def run(settings: Settings) -> list[Result]:
    with servers() as config:
        return [uvloop.run(_run(config, settings))]


async def _run(config: Config, settings: Settings) -> Result:
    await prepare(config)
    async with event_store(config) as store:
        await samples.list_tools(store, TOOLS)
    owner = await asyncpg.connect(config.migration_url)
    await owner.execute("""
        CREATE TABLE bare (LIKE events INCLUDING ALL);
        CREATE TABLE bare_results (LIKE command_results INCLUDING ALL);
    """)
    assert config.data_dir is not None
    ours = _Imports(config, config.data_dir / "votes.csv")
    try:
        rates = await alternate(
            {
                OURS: _turn(ours),
                SINGLE: _turn(lambda: _row_by_row(ours)),
                BARE: _turn(lambda: _copied(owner)),
            },
            settings,
        )
    finally:
        await owner.close()
    bounds = [
        Bound("rows/s", rates[OURS], ROWS_MIN_S, at_least=True),
        *(Bound(f"us a row, {part}", spent, None) for part, spent in ours.spent_us.items()),
    ]
    aims = [Aim(OURS, SINGLE, floor=0.5), Aim(OURS, BARE)]
    notes = [f"{CHUNK_ROWS:,} rows at once, first votes on {len(TOOLS)} tools"]
    return Result("imports", "rows/s, fsync", rates, aims, notes, bounds)


def _turn(one: Pass) -> Turn:
    async def turn(seconds: float) -> float:
        """Whole passes, one after another."""
        spent, passes = 0.0, 0
        while spent < seconds:
            spent += await one()
            passes += 1
        return passes * ROWS / spent

    return turn


class _Imports:
    """Imports a new file with each pass; `spent_us` is the processor time of a row."""

    def __init__(self, config: Config, path: Path) -> None:
        self._config, self._path = config, path
        self.spent_us: dict[str, list[float]] = {"its own": [], "Postgres": []}

    async def __call__(self) -> float:
        with self._path.open("w") as file:
            print("tool,voter,choice,at", file=file)
            for number in (next(_numbers) for _ in range(ROWS)):
                at = f"2026-01-{number // 3_600 % 28 + 1:02}T{number // 60 % 24:02}:00:00Z"
                print(f"{TOOLS[number % len(TOOLS)]},voter-{number:010},ship,{at}", file=file)
        postgres_s, own_s = processor.spent()["postgres"], time.process_time()
        start = time.perf_counter()
        counts = await import_rows(self._config, "votes", self._path, create_tools=False)
        took_s = time.perf_counter() - start
        assert counts["events"] == ROWS, counts
        self.spent_us["its own"].append((time.process_time() - own_s) / ROWS * 1e6)
        self.spent_us["Postgres"].append((processor.spent()["postgres"] - postgres_s) / ROWS * 1e6)
        return took_s


async def _row_by_row(ours: _Imports) -> float:
    with _one_by_one():
        spent_us = {part: list(figures) for part, figures in ours.spent_us.items()}
        took_s = await ours()
        ours.spent_us.update(spent_us)
        return took_s


@contextmanager
def _one_by_one() -> Iterator[None]:
    async def never(*_: Any) -> None:
        """As where something moves meanwhile."""

    submit, Bulk.submit = Bulk.submit, never  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        Bulk.submit = submit  # type: ignore[method-assign]


async def _copied(owner: asyncpg.Connection) -> float:
    spent = 0.0
    for _ in range(0, ROWS, CHUNK_ROWS):
        events, results = [], []
        for number in (next(_numbers) for _ in range(CHUNK_ROWS)):
            tool, voter = TOOLS[number % len(TOOLS)], f"import:voter-{number:010}"
            where = number + 1, f"vote:{len(voter)}:{voter}:{tool}", 1, tool
            what = "VoteCast", 1, '{"choice": "ship"}', '{"actor": "import"}'
            events.append((*where, *what, now(), True))
            outcome = '[{"listed": true}, {"listed": true, "choice": "ship"}, true]'
            results.append((uuid4(), b"", outcome, number + 1, now()))
        start = time.perf_counter()
        async with owner.transaction():
            await owner.copy_records_to_table("bare", records=events, columns=EVENTS)
            await owner.copy_records_to_table("bare_results", records=results, columns=RESULTS)
        spent += time.perf_counter() - start
        await asyncio.sleep(0)
    return spent
