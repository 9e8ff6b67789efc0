"""What runs beside the projection is tried again whatever it raises, and ends when cancelled."""

import asyncio

import structlog

from tests.integration.projection.scene import ended_by_cancellation
from tests.polling import until
from votes.engine.ports import Unavailable
from votes.running import beside


async def test_whatever_it_raises_is_logged_once_and_it_is_tried_again():
    outcomes = iter(
        [ValueError("odd"), ValueError("odd"), Unavailable("away"), None, KeyError("x")]
    )
    done: list[None] = []

    async def work() -> None:
        if isinstance(outcome := next(outcomes, None), Exception):
            raise outcome
        done.append(outcome)

    with structlog.testing.capture_logs() as logs:
        task = asyncio.create_task(beside("a part", 0, work))
        await until(lambda: len(done) > 2, "work that succeeds")
        await ended_by_cancellation(task)
    assert [(line["part"], line["error"]) for line in logs] == [
        ("a part", "ValueError('odd')"),
        ("a part", "KeyError('x')"),
    ]


async def test_it_ends_though_the_work_swallows_its_cancellation():
    waiting = asyncio.Event()

    async def work() -> None:
        waiting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return

    task = asyncio.create_task(beside("a part", 0, work))
    await waiting.wait()
    await ended_by_cancellation(task)
