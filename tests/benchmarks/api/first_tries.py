"""Durable votes over HTTP beside what a web developer writes first, on the same Postgres.

One process each, 64 clients that keep their connections; see `peers`. The second table is by
processor time, which other load on the machine moves less; it has the worker, Postgres and Valkey
in it.
"""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.benchmarks.api.serve import TOOLS, Costed, known_visitors, responds, set_up, turn
from tests.benchmarks.measuring.rounds import Aim, Result, Settings, alternate
from tests.benchmarks.measuring.stack import api, process, projected, servers
from tests.polling import wait_for
from tests.site import free_port
from votes.config import Config

OURS = "votes"
PEERS = {
    "FastAPI, SQLAlchemy": "tests.benchmarks.peers.fastapi_votes",
    "Django, its ORM": "tests.benchmarks.peers.django_votes",
}
TIMES = 10
"""At least so many times the votes of a first try."""


def run(settings: Settings) -> list[Result]:
    with servers() as config:
        asyncio.run(set_up(config))
        return asyncio.run(_run(config, settings))


async def _run(config: Config, settings: Settings) -> list[Result]:
    """All processes are there all the time; who has no turn is idle."""
    with ExitStack() as stack:
        port, pid = stack.enter_context(api(config))
        worker = stack.enter_context(process("-m", "workers", config=config))
        wait_for(lambda: projected(port), "the API and the worker")
        votes = turn(port, known_visitors, settle=True)
        opponents = {OURS: Costed(votes, {"API": pid, "worker": worker.pid})}
        for name, module in PEERS.items():
            opponents[name] = stack.enter_context(_peer(module, config))
        rates = await alternate({**opponents}, settings)
    aims = [Aim(OURS, peer, TIMES) for peer in PEERS]
    notes = [f"{name}: {opponent.cost()}" for name, opponent in opponents.items()]
    cores = {name: opponent.votes_per_core_s() for name, opponent in opponents.items()}
    return [
        Result("first tries", "durable votes/s, 64 clients, one process", rates, aims),
        Result("first tries, a core", "durable votes/s of one core", cores, aims, notes),
    ]


@contextmanager
def _peer(module: str, config: Config) -> Iterator[Costed]:
    """A first try, with tables of its own in the same database."""
    port = free_port()
    with process("-m", module, str(port), config.migration_url or "", *TOOLS) as running:
        wait_for(lambda: responds(port), module)
        yield Costed(turn(port, known_visitors), {"API": running.pid})
