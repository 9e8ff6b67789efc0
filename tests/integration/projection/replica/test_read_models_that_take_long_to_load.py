"""Read models that take longer to load than a heartbeat lasts are caught up with, then shown."""

import asyncio
import time

from tests.integration.projection.replica.following import (
    A,
    Follower,
    cast,
    replace,
    shown_at,
    two_tools,
)
from tests.integration.projection.scene import ended_by_cancellation
from tests.polling import until
from votes.engine.projecting.projector import HEARTBEAT_TIMEOUT_S
from votes.engine.read_models import ReadModels


async def test_they_are_shown_once_they_have_what_came_meanwhile(kept, other_space):
    await kept.load()
    models = await replace(kept, two_tools())
    made = Follower(other_space)
    loading = made.subscription._read_model_store.load

    async def slowly() -> ReadModels | None:
        loaded, end_s = await loading(), time.monotonic() + HEARTBEAT_TIMEOUT_S + 0.5

        async def beats() -> bool:
            assert await kept.apply(cast(models, A))
            return time.monotonic() > end_s

        await until(beats, "the end of a long load")
        return loaded

    made.subscription._read_model_store.load = slowly  # type: ignore[method-assign]
    made.task = asyncio.create_task(made.subscription.run())
    try:
        await until(lambda: made.seen, "the read models")
        await shown_at(kept, models, made)
        assert (made.seen[0][0] or 0) > 2
        assert made.loads == 1
        assert not any(position is None for position, _ in made.seen)
    finally:
        await ended_by_cancellation(made.task)
