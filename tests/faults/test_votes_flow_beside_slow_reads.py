"""Counts of the past, however slow, take nothing from votes: they have few connections, of their
own, and a queue with an end."""

import asyncio
from itertools import islice

import httpx
import pytest

from tests.faults.crowd import rows
from tests.faults.killing import hang, resume
from votes.app.history import COUNTS_MAX, WAITING_MAX

TOOL = "linear"
VOTES = 20
ASKED = COUNTS_MAX + WAITING_MAX
REFUSED = 5
TIMEOUT_S = 60
COUNTING = (
    "SELECT pid FROM pg_stat_activity"
    " WHERE query LIKE '%AS stretch%' AND state = 'idle' AND pid <> pg_backend_pid()"
)


async def votes(http: httpx.AsyncClient, number: int) -> list[int]:
    """The positions of votes by so many."""
    positions = []
    for _ in range(number):
        http.cookies.clear()
        answer = await http.put(f"/v1/tools/{TOOL}/vote", json={"choice": "ship"})
        assert answer.status_code == 200, answer.text
        positions.append(answer.json()["position"])
    return positions


def ask(http: httpx.AsyncClient, at: int) -> "asyncio.Task[httpx.Response]":
    return asyncio.create_task(http.get(f"/v1/tools/{TOOL}/tally", params={"at": at}))


async def counting_sessions(program, http: httpx.AsyncClient) -> list[int]:
    """The process ids of the sessions that count, once there are as many as there may be."""
    for day in range(1, 29):
        windows = [f"2025-{month:02}-{day:02}T00:00:00Z" for month in range(1, COUNTS_MAX + 1)]
        path = f"/v1/tools/{TOOL}/trend"
        await asyncio.gather(*(http.get(path, params={"from": start}) for start in windows))
        found = [row["pid"] for row in await rows(program, COUNTING)]
        if len(found) >= COUNTS_MAX:
            return found
    raise TimeoutError(f"{found}")


@pytest.fixture
async def http(program):
    async with httpx.AsyncClient(base_url=program.url, timeout=TIMEOUT_S) as client:
        yield client


async def test_while_every_count_stands_still_votes_are_answered(program, http):
    """The sessions that count are stopped, so that whoever counts waits."""
    positions = await votes(http, ASKED + REFUSED + 1)
    seen = {"min_position": positions[-1]}
    assert (await http.get(f"/v1/tools/{TOOL}/tally", params=seen)).status_code == 200
    sessions = await counting_sessions(program, http)
    hang(sessions)
    try:
        waiting = [ask(http, position) for position in positions[:-1]]
        for answered in islice(asyncio.as_completed(waiting), REFUSED):
            refused = await answered
            assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
            assert refused.headers["retry-after"]
        await votes(http, VOTES)
        state = await http.get("/v1/me/state", params={"tools": TOOL})
        assert state.json()[TOOL]["vote"] == "ship"
    finally:
        resume(sessions)
    counted = [one.json() for one in await asyncio.gather(*waiting) if one.status_code == 200]
    assert len(counted) <= ASKED
    told = [(await ask(http, position)).json()["ship"] for position in positions]
    assert [ship - told[0] for ship in told] == list(range(len(positions)))
