"""Voters who never give up: they note each answer, and what must be in the log by it."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import asyncpg
import httpx

from tests.polling import LIMIT_S, until
from tests.site import TLS, Site
from tests.stored.slugs import VOTES_BY_SLUG
from votes.domain.terms import ToolId, visitor
from votes.domain.vote import stream

TOOLS = ("notion", "asana", "canva")
PAUSE_S = 0.05
"""Before each request of a voter: more would only take the processors from the program."""
RETRIES_MAX = int(LIMIT_S / PAUSE_S)
READ_EACH_S = 0.02
TIMEOUT_S = 15.0

History = dict[str, list[str | None]]


class Crowd:
    """`history` is what each stream must hold, by the answers; `failures` what else was said."""

    def __init__(self, url: str, voters: int) -> None:
        self.url = url
        self.voters = voters
        self.answers = 0
        self.failures: Counter[str] = Counter()
        self.history: History = {}
        self.positions: list[int] = []

    async def vote_until(self, enough: Callable[[], bool]) -> None:
        """Vote until there is enough, and until each last vote is settled."""
        limits = httpx.Limits(max_connections=self.voters)
        async with httpx.AsyncClient(
            verify=TLS, base_url=self.url, limits=limits, timeout=TIMEOUT_S
        ) as client:
            await asyncio.gather(*(self._voter(client, n, enough) for n in range(self.voters)))

    async def _voter(
        self, client: httpx.AsyncClient, number: int, enough: Callable[[], bool]
    ) -> None:
        mind = random.Random(number)
        made = await poll_settled(lambda: client.post("/v1/visitors"), self.failures)
        token = made["token"]
        while not enough():
            tool, choice = mind.choice(TOOLS), mind.choice(("ship", "skip", None))
            headers = {"Authorization": f"Visitor {token}", "Idempotency-Key": f"{mind.random()}"}
            method, body = ("PUT", {"choice": choice}) if choice else ("DELETE", None)
            path = f"/v1/tools/{tool}/vote"
            vote = partial(client.request, method, path, headers=headers, json=body)
            answer = await poll_settled(vote, self.failures)
            self._note(stream(visitor(token.partition(".")[0]), ToolId(tool)), choice, answer)

    def _note(self, stream: str, choice: str | None, answer: dict[str, Any]) -> None:
        known = self.history.setdefault(stream, [])
        before = known[-1] if known else None
        assert (answer["choice"], answer["previous"]) == (choice, before), (stream, answer)
        assert answer["changed"] == (choice != before)
        if answer["changed"]:
            known.append(choice)
            self.positions.append(answer["position"])
        self.answers += 1

    async def wait_until(self, answers: int) -> None:
        """Until so many votes are acknowledged."""
        await until(lambda: self.answers >= answers, f"{answers} answers")


async def poll_settled(ask: Callable[[], Any], failures: Counter[str]) -> dict[str, Any]:
    """The same request again until it is answered; an outage may say 503, or nothing."""
    for _ in range(RETRIES_MAX):
        await asyncio.sleep(PAUSE_S)
        try:
            response = await ask()
        except httpx.TransportError as error:
            failures[type(error).__name__] += 1
        else:
            if response.status_code in (200, 201):
                return response.json()
            assert response.status_code == 503, response.text
            assert response.headers["retry-after"]
            failures["503"] += 1
    raise TimeoutError(f"not settled: {failures}")


async def poll_tallies(site: Site, enough: Callable[[], bool]) -> Counter[str]:
    """Read tallies until there is enough: what was answered, of which none may be older."""
    answered: Counter[str] = Counter()
    shown = dict.fromkeys(TOOLS, 0)
    async with httpx.AsyncClient(verify=TLS, base_url=site.url, timeout=TIMEOUT_S) as client:
        while not enough():
            await asyncio.sleep(READ_EACH_S)
            try:
                response = await client.get("/v1/tallies", params={"tools": ",".join(TOOLS)})
            except httpx.TransportError:
                answered["nothing"] += 1
                continue
            answered[str(response.status_code)] += 1
            for tally in response.json().get("tallies", ()):
                answered["stale" if tally["stale"] else "live"] += 1
                assert tally["position"] >= shown[tally["tool"]], (tally, shown)
                shown[tally["tool"]] = tally["position"]
    return answered


async def rows(site: Site, query: str, *arguments: Any) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(site.servers.owner_url)
    try:
        return await connection.fetch(query, *arguments)
    finally:
        await connection.close()


async def check(site: Site, crowd: Crowd) -> None:
    """The log holds what was acknowledged, once and in order, and the tallies are its fold."""
    stored = await rows(
        site,
        f"SELECT position, said, version, choice, previous FROM {VOTES_BY_SLUG}"
        " WHERE said = ANY($1::text[]) ORDER BY position",
        list(crowd.history),
    )
    logged: History = {stream: [] for stream in crowd.history}
    for row in stored:
        known = logged[row["said"]]
        assert row["previous"] == (known[-1] if known else None)
        known.append(row["choice"])
        assert row["version"] == len(known)
    assert logged == crowd.history
    assert sorted(crowd.positions) == [row["position"] for row in stored]
    await check_tallies(site)
    verified = site.votes("verify")
    assert verified.returncode == 0, verified.stderr


async def check_tallies(site: Site) -> None:
    """What the API says is what the last event of each voter says."""
    counted = await rows(
        site,
        "SELECT tool, count(*) FILTER (WHERE choice = 'ship') AS ship,"
        " count(*) FILTER (WHERE choice = 'skip') AS skip FROM ("
        f" SELECT DISTINCT ON (stream) tool, choice FROM {VOTES_BY_SLUG}"
        " ORDER BY stream, version DESC"
        ") AS last WHERE tool = ANY($1::text[]) GROUP BY tool",
        list(TOOLS),
    )
    (head,) = await rows(site, "SELECT max(position) AS position FROM events")
    async with httpx.AsyncClient(verify=TLS, base_url=site.url, timeout=TIMEOUT_S) as client:
        asked = {"tools": ",".join(TOOLS), "min_position": head["position"]}
        answer = await poll_settled(lambda: client.get("/v1/tallies", params=asked), Counter())
    told = {tally["tool"]: (tally["ship"], tally["skip"]) for tally in answer["tallies"]}
    none = dict.fromkeys(TOOLS, (0, 0))
    assert told == none | {row["tool"]: (row["ship"], row["skip"]) for row in counted}
