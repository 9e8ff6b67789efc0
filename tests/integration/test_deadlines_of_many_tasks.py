"""Deadlines that end within the same tick have one timer, and each ends its own task alone."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.engine.no_time import NoTimeLoop, elapse
from votes.engine.ports import Unavailable
from votes.http.deadlines import TICK_S, within


def _run(test: Coroutine[Any, Any, None]) -> None:
    """Run it in a loop in which to wait takes no time."""
    with asyncio.Runner(loop_factory=NoTimeLoop) as runner:
        runner.run(test)


async def _ends_after(took_s: float, within_s: float) -> str:
    try:
        with within(within_s):
            await elapse(took_s)
    except Unavailable:
        return "late"
    return "in time"


def test_of_those_that_end_together_only_the_late_ones_are_ended() -> None:
    async def test() -> None:
        took = (4.0, 6.0, 4.9, 5.0 + 2 * TICK_S)
        ended = await asyncio.gather(*(_ends_after(each_s, 5.0) for each_s in took))
        assert ended == ["in time", "late", "in time", "late"]

    _run(test())


@pytest.mark.parametrize("within_s", [0.0, TICK_S, 0.8, 5.0])
def test_it_ends_at_its_time_or_a_tick_later(within_s: float) -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        await elapse(TICK_S / 3)
        began = loop.time()
        assert await _ends_after(60.0, within_s) == "late"
        assert within_s <= loop.time() - began <= within_s + TICK_S + 1e-6

    _run(test())


def test_the_shorter_one_inside_ends_first_and_the_outer_one_goes_on() -> None:
    async def test() -> None:
        with within(1.0):
            assert await _ends_after(60.0, 0.5) == "late"
            assert await _ends_after(0.1, 0.5) == "in time"

    _run(test())


def test_who_is_done_in_time_goes_on_for_as_long_as_it_takes() -> None:
    async def test() -> None:
        assert await _ends_after(4.0, 5.0) == "in time"
        await elapse(10.0)

    _run(test())


def test_who_is_cancelled_from_outside_is_cancelled() -> None:
    async def test() -> None:
        task = asyncio.create_task(_ends_after(60.0, 5.0))
        await elapse(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await elapse(10.0)  # its deadline ends nobody

    _run(test())
