"""What arq runs, by `votes worker`."""

import asyncio
import os
from typing import Any, ClassVar

import structlog
from arq import cron
from arq.connections import RedisSettings

from votes.config import Config, load
from votes.logs import set_up_logs
from votes.resources import required
from votes.running import ends_the_process
from votes.views import keys
from votes.wiring import project
from workers import jobs

HEALTH_CHECK_S = 5
JOB_TIMEOUT_S = 600
DIGEST_MINUTE = 5

logger = structlog.get_logger("votes.worker")


async def start(ctx: dict[str, Any]) -> None:
    """Start the projector beside the jobs. When it ends, so does the worker."""
    config = load(os.environ)
    set_up_logs(config.log)
    ctx["config"] = config
    ctx["projector"] = asyncio.create_task(project(config), name="projector")
    ctx["projector"].add_done_callback(ends_the_process)


async def stop(ctx: dict[str, Any]) -> None:
    """Stop the projector. Raises its error, so that the process ends with one."""
    projector: asyncio.Task[None] = ctx["projector"]
    projector.cancel()
    try:
        await projector
    except asyncio.CancelledError:
        logger.info("stopped")


class WorkerSettings:
    """The settings of arq that are the same in every deployment; `of_deployment` has the others."""

    functions: ClassVar[list[Any]] = [jobs.rebuild, jobs.audit, jobs.digest]
    on_startup = start
    on_shutdown = stop
    health_check_interval = HEALTH_CHECK_S
    job_timeout = JOB_TIMEOUT_S
    max_tries = 3
    handle_signals = True


def of_deployment(config: Config) -> dict[str, Any]:
    """The queue's server, its name, and the hourly jobs. Raises `ConfigError`.

    The weekly mail is looked at each hour and written once: a worker that was away on Monday writes
    it when it is back.

    arq makes the ids of a job from its name, so each deployment has its own names.
    """
    prefix = config.redis_prefix
    audit = cron(jobs.audit, name=keys.job(prefix, "audit"), minute=17, unique=True)
    digest = cron(jobs.digest, name=keys.job(prefix, "digest"), minute=DIGEST_MINUTE, unique=True)
    return {
        "redis_settings": RedisSettings.from_dsn(required(config.queue_url, "VOTES_QUEUE_URL")),
        "queue_name": keys.queue(prefix),
        "cron_jobs": [audit, digest],
    }
