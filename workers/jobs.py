"""The jobs. Each may run twice, also at the same time."""

from datetime import timedelta
from typing import Any

import structlog

from votes.app.digest import week_of
from votes.engine.projecting.projector import rebuild as rebuild_models
from votes.engine.projecting.verify import audit as audit_models
from votes.mail.weekly import write_weekly_mail
from votes.resources import event_store, now
from votes.store.connections import WORKER
from votes.wiring import read_model_store

NIGHT = timedelta(hours=7)
OLD_SETS_KEPT = timedelta(days=7)

logger = structlog.get_logger("votes.worker")


async def rebuild(ctx: dict[str, Any]) -> int:
    """Fold the read models anew and make them live; return their position."""
    config = ctx["config"]
    async with event_store(config, WORKER) as store, read_model_store(config) as read_models:
        return (await rebuild_models(store, read_models)).position


async def audit(ctx: dict[str, Any]) -> bool:
    """Compare the read models with the log; log drift, and rebuild them where there is any.

    Then remove the read models of releases that no longer run.
    """
    config = ctx["config"]
    async with event_store(config, WORKER) as store, read_model_store(config) as read_models:
        result = await audit_models(store, read_models, now())
        if result.ok:
            logger.info("audit: no drift", events=result.events, models=result.models)
        else:
            logger.error("audit: drift", problem=result.problem, drifts=len(result.drifts))
            await rebuild_models(store, read_models)
        for signature in await read_models.remove_old_sets((now() - OLD_SETS_KEPT).timestamp()):
            logger.info("removed the read models of another release", signature=signature)
    return result.ok


async def digest(ctx: dict[str, Any]) -> int:
    """Write the weekly mail, if this week has none yet, and not in the night to Monday; return how
    many get it. It is sent beside the projector, as long as it is due to somebody.
    """
    config, at = ctx["config"], now()
    if config.smtp_url is None or week_of(at - NIGHT) != week_of(at):
        return 0
    async with event_store(config, WORKER) as store, read_model_store(config) as read_models:
        readers = await write_weekly_mail(store, read_models, at)
    logger.info("weekly mail", readers=readers)
    return readers
