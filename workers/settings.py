"""What arq runs. `votes worker` starts it; so does `arq workers.WorkerSettings`."""

import asyncio
import os
import signal
from typing import Any, ClassVar

import structlog
from arq import cron
from arq.connections import RedisSettings
from arq.cron import CronJob

from votes.config import load
from votes.logs import set_up_logs
from votes.wiring import project
from workers import jobs

HEALTH_CHECK_S = 5
JOB_TIMEOUT_S = 600

logger = structlog.get_logger("votes.worker")


async def start(ctx: dict[str, Any]) -> None:
    """Start the projector beside the jobs. When it ends, so does the worker."""
    config = load(os.environ)
    set_up_logs(config.log)
    ctx["config"] = config
    ctx["projector"] = asyncio.create_task(project(config), name="projector")
    ctx["projector"].add_done_callback(_end_worker)


def _end_worker(projector: "asyncio.Task[None]") -> None:
    if not projector.cancelled():
        logger.error("the projector ended", error=repr(projector.exception()))
        signal.raise_signal(signal.SIGTERM)


async def stop(ctx: dict[str, Any]) -> None:
    """Stop the projector; raises what it died of, so that the process ends with an error."""
    projector: asyncio.Task[None] = ctx["projector"]
    projector.cancel()
    try:
        await projector
    except asyncio.CancelledError:
        logger.info("stopped")


class WorkerSettings:
    """arq's settings; the queue's address is in the environment."""

    functions: ClassVar[list[Any]] = [jobs.rebuild, jobs.audit]
    cron_jobs: ClassVar[list[CronJob]] = [cron(jobs.audit, minute=17, unique=True)]
    on_startup = start
    on_shutdown = stop
    health_check_interval = HEALTH_CHECK_S
    job_timeout = JOB_TIMEOUT_S
    max_tries = 3
    handle_signals = True


def redis_settings() -> RedisSettings:
    """Where the queue is."""
    config = load(os.environ)
    return RedisSettings.from_dsn(config.queue_url or "redis://localhost:6379")
