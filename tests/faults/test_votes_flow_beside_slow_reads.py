"""Reads of the past, however slow, take nothing from votes: their connections are their own."""

import asyncio
from collections import Counter
from functools import partial

import httpx
import pytest

from tests.faults.crowd import poll_settled, rows
from tests.faults.killing import hang, resume
from tests.site import TLS
from votes.store.connections import PAST

TOOL = "linear"
VOTES = 20
ASKED = 4 * PAST.connections_max
TIMEOUT_S = 60
SESSIONS = "SELECT pid FROM pg_stat_activity WHERE application_name = $1"


async def votes(http: httpx.AsyncClient, number: int) -> list[int]:
    """The positions of votes by so many."""
    positions = []
    for _ in range(number):
        http.cookies.clear()
        answer = await http.put(f"/v1/tools/{TOOL}/vote", json={"choice": "ship"})
        assert answer.status_code == 200, answer.text
        positions.append(answer.json()["position"])
    return positions


async def ask(http: httpx.AsyncClient, **params: int) -> httpx.Response:
    return await http.get(f"/v1/tools/{TOOL}/tally", params=params)


async def sessions_of_the_past(program, http: httpx.AsyncClient, position: int) -> list[int]:
    """The process ids of the sessions that read the past, once there are as many as may be."""
    for _ in range(100):
        await asyncio.gather(*(ask(http, at=position) for _ in range(ASKED)))
        found = [row["pid"] for row in await rows(program, SESSIONS, PAST.name)]
        if len(found) >= PAST.connections_max:
            return found
    raise TimeoutError(f"{found}")


@pytest.fixture
async def http(program):
    async with httpx.AsyncClient(verify=TLS, base_url=program.url, timeout=TIMEOUT_S) as client:
        yield client


async def test_while_every_reader_of_the_past_stands_still_votes_are_answered(program, http):
    """The sessions that read it are stopped, so that whoever asks waits."""
    positions = await votes(http, ASKED + 1)
    await poll_settled(partial(ask, http, min_position=positions[-1]), Counter())
    sessions = await sessions_of_the_past(program, http, positions[0])
    hang(sessions)
    try:
        waiting = [asyncio.create_task(ask(http, at=position)) for position in positions[:-1]]
        await votes(http, VOTES)
        state = await http.get("/v1/me/state", params={"tools": TOOL})
        assert state.json()[TOOL]["vote"] == "ship"
        for refused in await asyncio.gather(*waiting):
            assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
            assert refused.headers["retry-after"]
    finally:
        resume(sessions)
    told = [await poll_settled(partial(ask, http, at=at), Counter()) for at in positions]
    assert [one["ship"] - told[0]["ship"] for one in told] == list(range(len(positions)))
