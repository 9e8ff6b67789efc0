"""Waiting for a position that never comes leaves nothing behind."""

import asyncio

import pytest

from votes.engine.read_models import ReadModels
from votes.engine.replica import Replica
from votes.projections import PROJECTIONS


async def test_waiters_that_gave_up_are_forgotten():
    replica = Replica()
    replica.changed(ReadModels(PROJECTIONS, "e"), None)
    for _ in range(200):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await replica.reached(2**63 - 1)
    assert len(replica._waiting) <= 2


async def test_those_that_still_wait_are_kept():
    replica, models = Replica(), ReadModels(PROJECTIONS, "e")
    replica.changed(models, None)
    waiting = [asyncio.create_task(replica.reached(number)) for number in range(1, 21)]
    await asyncio.sleep(0)
    for task in waiting[::2]:
        task.cancel()
    await asyncio.gather(*waiting[::2], return_exceptions=True)
    models.position = 20
    replica.changed(models, None)
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting[1::2])
