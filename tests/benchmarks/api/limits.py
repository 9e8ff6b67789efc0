"""What it costs a vote to be counted towards its limits: one API process with all limits beside one
with none, on the same servers, in turns.

The votes come from 1,000 networks by a trusted proxy's word, so each counts towards the limits of
its visitor, its network and its tool. Processor time is that of the API process alone.
"""

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path

from msgspec.structs import fields

from tests.benchmarks.api import serve
from tests.benchmarks.measuring.rounds import Aim, Result, Settings, Turn, alternate
from tests.benchmarks.measuring.stack import api, process, projected, servers
from tests.polling import wait_for
from votes.config import Config, Limits, limit_setting

NETWORKS = 1_000
RATIO = 0.95
OFF = {limit_setting(field.name): "off" for field in fields(Limits)}
"""No limit at all."""


def run(settings: Settings) -> list[Result]:
    with servers() as config:
        asyncio.run(serve.set_up(config))
        with process("-m", "workers", config=config), ExitStack() as stack:
            ports = {
                "all limits": stack.enter_context(_api(config)),
                "no limits": stack.enter_context(_api(config, **OFF)),
            }
            return asyncio.run(_votes(ports, settings))


@contextmanager
def _api(config: Config, **env: str) -> Iterator[tuple[int, int]]:
    """Its port and its process id."""
    with api(config, VOTES_TRUSTED_PROXIES="127.0.0.0/8", **env) as (port, pid):
        wait_for(lambda: projected(port), "the API and the worker")
        yield port, pid


async def _votes(ports: dict[str, tuple[int, int]], settings: Settings) -> list[Result]:
    spent: dict[str, list[float]] = {name: [] for name in ports}

    def turn(name: str) -> Turn:
        port, pid = ports[name]
        votes = serve.turn(port, networked_votes, settle=True)

        def measured(seconds: float) -> float:
            before = processor_s(pid)
            rate = votes(seconds)
            spent[name].append((processor_s(pid) - before) / (rate * seconds) * 1e6)
            return rate

        return measured

    rates = await alternate({name: turn(name) for name in ports}, settings)
    spent = {name: of[1:] for name, of in spent.items()}  # without the turn that does not count
    ours, base = ports
    title = "limits: votes, 64 clients, one API process"
    return [
        Result(title, "durable votes/s", rates, [Aim(ours, base, RATIO)]),
        Result(title, "µs of a processor a vote", spent, [Aim(base, ours, RATIO)]),
    ]


def networked_votes(seconds: float) -> list[bytes]:
    """Votes of known visitors, each from one of the networks."""
    return [
        vote.replace(b"\r\nCookie", b"\r\nX-Forwarded-For: 198.18.%d.%d\r\nCookie" % network)
        for vote, network in zip(
            serve.known_visitors(seconds), cycle(divmod(n, 256) for n in range(NETWORKS))
        )
    ]


def processor_s(pid: int) -> float:
    """What the process and its children have used of a processor, in seconds."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(processor_s(int(child)) for child in children)
