"""Votes a second of two API processes beside one, on the same cores.

Worker, Postgres, Valkey and the load generator run there too: where one process and these already
keep all cores busy, a second one cannot add much.
"""

import asyncio
import os
from functools import partial

from tests.benchmarks.api.serve import Costed, known_visitors, set_up, turn
from tests.benchmarks.measuring.rounds import Aim, Bound, Result, Settings, alternate
from tests.benchmarks.measuring.stack import api, process, projected, servers
from tests.polling import wait_for

CLIENTS = (64, 256)
RATIO_MIN = 1.3
BUSY_MIN = 0.95
"""The share of the cores from which on they are full."""


def run(settings: Settings) -> list[Result]:
    with servers() as config:
        asyncio.run(set_up(config))
        with (
            api(config) as one,
            api(config, 2) as two,
            process("-m", "workers", config=config) as worker,
        ):
            for port, _ in (one, two):
                wait_for(partial(projected, port), "the API and the worker")
            return [
                asyncio.run(_votes(one, two, worker.pid, clients, settings)) for clients in CLIENTS
            ]


async def _votes(
    one: tuple[int, int], two: tuple[int, int], worker: int, clients: int, settings: Settings
) -> Result:
    busy: list[float] = []
    ours = {
        name: Costed(
            turn(port, known_visitors, settle=True, clients=clients, busy=cores),
            {"API": pid, "worker": worker},
        )
        for name, (port, pid), cores in (("one process", one, busy), ("two processes", two, None))
    }
    rates = await alternate(dict(ours), settings)
    first, second = ours
    shares = [cores / (os.cpu_count() or 1) for cores in busy[1:]]  # without the warm-up
    return Result(
        f"processes: {clients} clients",
        "durable votes/s",
        rates,
        [Aim(second, first, RATIO_MIN)],
        [f"{name}: {each.cost()}" for name, each in ours.items()],
        [Bound(f"share of the cores that {first} keeps busy", shares, BUSY_MIN, at_least=True)],
    )
