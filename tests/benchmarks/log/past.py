"""How long the past takes to tell, in a log of a million events, and whether it tells the truth.

A tool has 100,000 votes there: a tenth of them imported, or all. Each answer is looked at beside a
recount, and one that differs ends the run. The first of the log is to cost no more than the last.
"""

from statistics import median
from typing import Any

import uvloop

from tests.benchmarks.measuring.rounds import Result, Settings
from tests.benchmarks.measuring.stack import prepare, servers
from tests.stored.long_log import KINDS, Asking, asking

EVENTS, VOTES = 1_000_000, 100_000
SEED = 20_261
ASKS = 200
"""In each round, of each kind and place."""
PLACES = {"anywhere": (0.0, 1.0), "in the first hundredth": (0.0, 0.01), "in the last": (0.99, 1.0)}
ASKED = {"position": "a tally at a position", "time": "a tally at a time", "trend": "a trend"}
assert tuple(ASKED) == KINDS
IMPORTED = (0.1, 1.0)
P99_MS_MAX = 10.0


def run(settings: Settings) -> list[Result]:
    return [_of(imported, settings) for imported in IMPORTED]


def _of(imported: float, settings: Settings) -> Result:
    with servers() as config:
        return uvloop.run(_run(config, settings, imported))


async def _run(config: Any, settings: Settings, imported: float) -> Result:
    await prepare(config)
    rates: dict[str, list[float]] = {}
    async with asking(config, SEED, EVENTS, VOTES, imported) as past:
        for _ in range(settings.rounds):
            for kind, asked in ASKED.items():
                for place, between in PLACES.items():
                    for name, took_ms in (await _asked(past, kind, between)).items():
                        rates.setdefault(f"{asked}, {place}: {name}", []).append(took_ms)
    worst_ms = max(median(took) for name, took in rates.items() if name.endswith("p99"))
    reached = "[green]met" if worst_ms <= P99_MS_MAX else "[red]missed"
    notes = [
        f"{VOTES:,} votes on the tool in a log of {EVENTS:,}, {imported:.0%} of them imported",
        f"{settings.rounds * ASKS * len(PLACES):,} answers of each kind, all of them exact",
        f"p99 aim {P99_MS_MAX:g} ms: {reached}[/]",
    ]
    return Result("past", "ms, asked one after another", rates, notes=notes)


async def _asked(past: Asking, kind: str, between: tuple[float, float]) -> dict[str, float]:
    took = sorted([await past.ask(kind, *between) for _ in range(ASKS)])
    return {"p50": took[ASKS // 2] * 1000, "p99": took[ASKS * 99 // 100] * 1000}
