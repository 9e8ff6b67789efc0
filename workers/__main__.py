"""`python -m workers`: what `votes worker` becomes."""

import asyncio

import uvloop
from arq.worker import run_worker

from workers.settings import WorkerSettings, redis_settings


def main() -> None:
    asyncio.set_event_loop(uvloop.new_event_loop())
    run_worker(WorkerSettings, redis_settings=redis_settings())  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
