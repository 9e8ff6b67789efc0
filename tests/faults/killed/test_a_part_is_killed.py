"""kill -9 of any part while votes arrive: what was acknowledged is in the log, exactly once."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Literal, get_args

import pytest

from tests.faults.crowd import Crowd, check, poll_tallies
from tests.faults.killing import kill, kill_program, wait_until_ready

VOTERS = 8
VOTES_BEFORE = 100
VOTES_AFTER = 100


async def vote_during(program, fault: Callable[[], None]) -> tuple[Crowd, Counter[str]]:
    """Voters and a reader, from well before a fault until well after it."""
    crowd = Crowd(program.url, VOTERS)
    enough = asyncio.Event()

    async def strike() -> None:
        await crowd.wait_until(VOTES_BEFORE)
        await asyncio.to_thread(fault)
        await asyncio.to_thread(wait_until_ready, program)
        await crowd.wait_until(crowd.answers + VOTES_AFTER)

    async with asyncio.TaskGroup() as group:
        striking = group.create_task(strike())
        striking.add_done_callback(lambda _: enough.set())
        group.create_task(crowd.vote_until(enough.is_set))
        reading = group.create_task(poll_tallies(program, enough.is_set))
    return crowd, reading.result()


Part = Literal["worker", "api", "postgres", "valkey"]


@pytest.mark.parametrize("name", get_args(Part))
async def test_nothing_acknowledged_is_lost_by_a_kill_of(program, name: Part):
    crowd, read = await vote_during(program, lambda: kill(program, name))
    wait_until_ready(program)
    await check(program, crowd)
    match name:
        case "worker":
            assert not crowd.failures
            assert read["live"]
            assert read.keys() <= {"200", "live", "stale"}  # another may be long in starting
        case "api":
            assert crowd.failures
        case "postgres":
            assert crowd.failures["503"]
            assert read["live"]
        case "valkey":
            assert not crowd.failures
            assert read["stale"]
            assert read.keys() <= {"200", "live", "stale"}


async def test_nothing_acknowledged_is_lost_by_a_kill_of_the_whole_program(program):
    def again() -> None:
        kill_program(program)
        program.start()

    crowd, _ = await vote_during(program, again)
    await check(program, crowd)
    assert crowd.failures.keys() & {"ConnectError", "ReadError", "RemoteProtocolError"}
