"""`python -m workers`: the process that `votes worker` starts."""

import asyncio
import os

import uvloop
from arq.worker import run_worker

from votes.config import load
from workers.settings import WorkerSettings, of_deployment


def main() -> None:
    asyncio.set_event_loop(uvloop.new_event_loop())
    run_worker(WorkerSettings, **of_deployment(load(os.environ)))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
