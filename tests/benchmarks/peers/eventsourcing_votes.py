"""The package `eventsourcing` as its documentation says: an application, aggregates, threads.

An aggregate is one voter's vote. It is saved without being loaded first, which spares the package
a query a vote that ours makes.

With its database functions it makes one round trip a save, but then it takes no lock and its
order of notifications is not the order of commits: a reader can skip an event.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate

from tests.benchmarks.measuring import samples
from tests.benchmarks.measuring.rounds import Turn
from votes.config import Config

THREADS = 4
"""And connections; more of either are slower, for the threads share one interpreter."""

TOOL = "hot-tool"


class Vote(Aggregate):
    def __init__(self, tool: str, voter: str, choice: str) -> None:
        self.tool = tool
        self.voter = voter
        self.choice = choice


@contextmanager
def eventsourcing(config: Config, *, ordered: bool) -> Iterator[Turn]:
    """Votes a second of its application."""
    application: Application[Any] = Application(env=_settings(config, ordered=ordered))

    def turn(seconds: float) -> float:
        counts = [0] * THREADS
        end = time.perf_counter() + seconds

        def keep_saving(number: int) -> None:
            while time.perf_counter() < end:
                application.save(Vote(TOOL, samples.voter(), "ship"))
                counts[number] += 1

        start = time.perf_counter()
        threads = [threading.Thread(target=keep_saving, args=(n,)) for n in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / (time.perf_counter() - start)

    try:
        yield turn
    finally:
        application.close()


def _settings(config: Config, *, ordered: bool) -> dict[str, str]:
    address = urlsplit(config.postgres_url or "")
    return {
        "APPLICATION_NAME": "ordered" if ordered else "unordered",
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": address.path.lstrip("/"),
        "POSTGRES_HOST": parse_qs(address.query)["host"][0],
        "POSTGRES_PORT": "5432",
        "POSTGRES_USER": "votes_app",
        "POSTGRES_PASSWORD": "-",
        "POSTGRES_POOL_SIZE": str(THREADS),
        "POSTGRES_MAX_OVERFLOW": "0",
        "POSTGRES_CONN_MAX_AGE": "",
        "POSTGRES_ENABLE_DB_FUNCTIONS": "n" if ordered else "y",
    }
