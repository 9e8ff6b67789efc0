"""Postgres or Valkey stands still: every answer comes within its deadline, and then all goes on."""

import asyncio
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.faults.killing import hanging, wait_until_ready
from tests.polling import wait_for
from tests.site import SAME_ORIGIN, TLS
from votes.http.deadlines import OPTIONAL_S, READ_S, STATUS_S, WRITE_S

SLACK, ROUNDS = 2, 10
"""How many times longer an answer may take, and how often one is asked for again that does: the
machine may be busy."""
VOTES = 20
TIMEOUT_S = 60
TOOL = "notion"
PAGES = ("/", f"/tools/{TOOL}", "/compare/asana-vs-notion")

Expected = tuple[str, str, int, float]
"""Method, path, status, deadline in seconds."""


@pytest.fixture
def client(program) -> Iterator[httpx.Client]:
    """A browser that has voted, so that pages look for its votes."""
    with httpx.Client(
        verify=TLS, base_url=program.url, timeout=TIMEOUT_S, headers=SAME_ORIGIN
    ) as made:
        assert vote(made).status_code == 200
        assert vote(made, "skip").status_code == 200
        yield made


def vote(client: httpx.Client, choice: str = "ship") -> httpx.Response:
    return client.put(f"/v1/tools/{TOOL}/vote", json={"choice": choice})


async def ask_all(client: httpx.Client, expected: list[Expected], **headers: str) -> None:
    """All at once: each has its status within its deadline. Those that have not are asked again."""
    headers |= SAME_ORIGIN

    async def ask(http: httpx.AsyncClient, method, path, status, deadline_s) -> str | None:
        body = {"choice": "ship"} if method == "PUT" else None
        begun = time.monotonic()
        answer = await http.request(method, path, headers=headers, json=body)
        took = time.monotonic() - begun
        if answer.status_code == 503 and not path.startswith(("/health", "/status")):
            assert answer.headers["retry-after"]
        if answer.status_code == status and took <= deadline_s * SLACK:
            return None
        return f"{method} {path}: {answer.status_code} after {took:.1f} s, not {status}"

    async with httpx.AsyncClient(
        base_url=client.base_url,
        cookies=client.cookies,
        follow_redirects=True,
        timeout=TIMEOUT_S,
        verify=TLS,
    ) as http:
        for _ in range(ROUNDS):
            missed = await asyncio.gather(*(ask(http, *one) for one in expected))
            expected = [one for one, told in zip(expected, missed, strict=True) if told]
    assert expected == [], missed


def test_while_postgres_hangs_each_answer_comes_in_time_and_then_votes_are_taken(program, client):
    user = program.token("somebody")
    position = vote(client).json()["position"]
    seen = f"/v1/tools/{TOOL}/tally?min_position={position}"
    wait_for(lambda: client.get(seen).status_code == 200, "the vote in the read models")
    past = f"/v1/tools/{TOOL}/tally?at={position - 1}"
    with hanging(program, "postgres"):
        trend = f"/v1/tools/{TOOL}/trend?bucket=hour"
        wait_for(lambda: client.get(trend).status_code == 200, "a trend")
        asyncio.run(
            ask_all(
                client,
                [
                    *(("GET", path, 200, OPTIONAL_S) for path in PAGES),
                    ("GET", f"/v1/tools/{TOOL}/tally", 200, OPTIONAL_S),
                    ("GET", "/health/ready", 503, STATUS_S),
                    ("GET", "/status", 503, STATUS_S),
                    ("GET", past, 503, READ_S),
                    ("GET", f"/v1/me/state?tools={TOOL}", 503, READ_S),
                    *[("PUT", f"/v1/tools/{TOOL}/vote", 503, WRITE_S)] * VOTES,
                ],
            )
        )
        mine = [("GET", path, 503, READ_S) for path in ("/v1/me/bookmarks", "/bookmarks")]
        asyncio.run(ask_all(client, mine, **user))
    wait_for(lambda: vote(client, "skip").status_code == 200, "a vote")
    wait_for(lambda: client.get(past).status_code == 200, "the past")
    wait_until_ready(program)


def test_while_valkey_hangs_votes_are_taken_and_each_answer_comes_in_time(program, client):
    with hanging(program, "valkey"):
        asyncio.run(
            ask_all(
                client,
                [
                    ("GET", "/health/ready", 200, STATUS_S),
                    ("GET", "/status", 200, STATUS_S),
                    ("PUT", f"/v1/tools/{TOOL}/vote", 200, WRITE_S),
                ],
            )
        )
        for _ in range(VOTES):
            vote(client)
    wait_until_ready(program)
