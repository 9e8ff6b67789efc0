"""The jobs. Each is safe to run twice, and at once."""

from datetime import timedelta
from typing import Any

import structlog

from votes.engine.projector import rebuild as rebuild_models
from votes.engine.verify import audit as audit_models
from votes.wiring import event_store, now, read_model_store

SETS_KEPT = timedelta(days=7)

logger = structlog.get_logger("votes.worker")


async def rebuild(ctx: dict[str, Any]) -> int:
    """Fold the read models anew beside the live ones and flip; answers the position reached."""
    config = ctx["config"]
    async with event_store(config) as store, read_model_store(config) as kept:
        return (await rebuild_models(store, kept)).position


async def audit(ctx: dict[str, Any]) -> bool:
    """Compare the read models with the log; drift is told, and mended by a rebuild.

    Then the models of releases that nobody runs any more are removed.
    """
    config = ctx["config"]
    async with event_store(config) as store, read_model_store(config) as kept:
        found = await audit_models(store, kept, now())
        if found.ok:
            logger.info("audit: no drift", events=found.events, models=found.models)
        else:
            logger.error("audit: drift", problem=found.problem, drifts=len(found.drifts))
            await rebuild_models(store, kept)
        for signature in await kept.forget_old_sets((now() - SETS_KEPT).timestamp()):
            logger.info("removed the read models of another release", signature=signature)
    return found.ok
