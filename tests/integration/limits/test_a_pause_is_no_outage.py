"""Redis has the time that is said to answer; a process that stood still looks before it judges."""

import asyncio

import pytest

from tests.engine.no_time import NO_TIME, NoTimeLoop, elapse
from votes.limits.limiter import patience

loop_factories = NO_TIME


async def test_who_does_not_answer_is_given_up_after_that_time():
    began = asyncio.get_running_loop().time()
    with pytest.raises(TimeoutError):
        async with patience(2):
            await elapse(3)
    assert asyncio.get_running_loop().time() - began == 2


async def test_an_answer_in_time_is_taken_and_nothing_ends_what_follows():
    async with patience(2):
        await elapse(1.9)
    await elapse(3)


async def test_an_answer_that_is_read_after_a_pause_of_this_process_is_taken():
    loop = asyncio.get_running_loop()
    assert isinstance(loop, NoTimeLoop)
    answer = loop.create_future()

    def stand_still() -> None:
        """The loop goes on long after the time is over, and finds the answer with its timers."""
        loop.now += 10
        loop.call_soon(answer.set_result, "here")

    loop.call_later(0.1, stand_still)
    async with patience(2):
        assert await answer == "here"
