"""Two API processes on the same servers: a voter has one current vote, whoever answered."""

import asyncio
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial

import httpx
import pytest
from msgspec.structs import replace

from tests.e2e.asking import get
from tests.faults.crowd import poll_settled, rows
from tests.polling import wait_for
from tests.site import COUNTING, TIRELESS, TLS, Site, free_port
from tests.stored.slugs import VOTES_BY_SLUG
from votes.cli.settings import completed, environment, with_secrets
from votes.config import load
from votes.domain.terms import ToolId, visitor
from votes.domain.vote import stream

TOOL = "todoist"
VOTES = 500
CONNECTIONS_MAX = 50


@pytest.fixture
def second_url(program: Site) -> Iterator[str]:
    """Where another `votes api` on the program's servers listens."""
    config = with_secrets(completed(load(program.env), program.servers))
    config = replace(config, redis_url=program.servers.redis_api_url)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "votes", "api", "--port", str(port)]
    env = environment(config) | COUNTING | TIRELESS
    with open(os.devnull, "ab") as nothing:
        process = subprocess.Popen(command, env=env, stdout=nothing, stderr=nothing)

    def ready() -> bool:
        try:
            return get(f"{url}/health/ready", timeout=5).json()["status"] == "ok"
        except httpx.HTTPError:
            return False

    try:
        wait_for(ready, "the second API")
        yield url
    finally:
        process.terminate()
        process.wait(30)


def contradictions(token: str) -> list[dict]:
    """Requests in no order: some repeated under one key, some under none."""
    mind = random.Random(11)
    requests = []
    for number in range(VOTES):
        choice = mind.choice(("ship", "skip"))
        headers = {"Authorization": f"Visitor {token}"}
        if number % 3 == 0:
            headers["Idempotency-Key"] = f"{choice}-{number % 60}"
        requests.append({"json": {"choice": choice}, "headers": headers})
    return requests


async def all_at_once(client, urls, requests: list[dict]) -> list[httpx.Response]:
    """The answers; the client grows slow when more than its connections wait in it."""
    room = asyncio.Semaphore(CONNECTIONS_MAX)

    async def put(number: int, request: dict) -> httpx.Response:
        async with room:
            return await client.put(f"{urls[number % 2]}/v1/tools/{TOOL}/vote", **request)

    return await asyncio.gather(*(put(*numbered) for numbered in enumerate(requests)))


async def test_one_voter_at_two_processes_has_one_vote(program, second_url):
    urls = (program.url, second_url)
    async with httpx.AsyncClient(verify=TLS, timeout=60) as client:
        made = await client.post(f"{program.url}/v1/visitors")
        token = made.json()["token"]
        answers = await all_at_once(client, urls, contradictions(token))
        assert {answer.status_code for answer in answers} == {200}
        stored = await rows(
            program,
            f"SELECT position, version, choice, previous FROM {VOTES_BY_SLUG}"
            " WHERE said = $1 ORDER BY position",
            stream(visitor(token.partition(".")[0]), ToolId(TOOL)),
        )
        head = max(answer.json()["position"] for answer in answers)
        path = f"/v1/tools/{TOOL}/tally?min_position={head}"
        reads = [partial(client.get, url + path) for url in urls]
        tallies = [await poll_settled(read, Counter()) for read in reads]
    assert [row["version"] for row in stored] == list(range(1, len(stored) + 1))
    choices = [row["choice"] for row in stored]
    assert [row["previous"] for row in stored] == [None, *choices[:-1]]
    changed = {answer.json()["position"] for answer in answers if answer.json()["changed"]}
    assert changed == {row["position"] for row in stored}
    assert len(stored) > 10
    for tally in tallies:
        assert tally["total"] == tally[choices[-1]] == 1
        assert tally["position"] == stored[-1]["position"]
