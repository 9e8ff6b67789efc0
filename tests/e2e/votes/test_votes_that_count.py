"""Whoever has many browsers and no processors moves no call; an office of people counts in full."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import altcha
import asyncpg
import httpx
import msgspec
import pytest

from tests.e2e.asking import api_beside, authorization, bearer, browser, new_tool, secrets_of
from tests.faults.killing import hanging, wait_until_ready
from tests.polling import wait_for
from tests.running.lengths import length
from tests.site import HOLDING, SAME_ORIGIN, Site, site
from tests.stored.slugs import VOTES_BY_SLUG, ids_by_slug
from votes.config import Config
from votes.domain.terms import VisitorId
from votes.http.checks import proofs
from votes.http.logins.tokens import NEW_H, Visitor, VisitorTokens, hours
from votes.limits.policies import POLICIES
from votes.resources import now

Measured = Callable[[str], None]

FREE_VISITORS, FREE_VOTES = 3, 4
"""Of the soft limits."""
COST = 10
"""Of a proof: these tests make hundreds."""
LOOP, OFFICE, BOTS, BOT_NETWORKS, BOT_VOTES = 40, 200, 300, 20, length(3_000, 10_000)
LOAD_VOTES, LOAD_CONNECTIONS, LOAD_S_MAX = length(1_500, 15_000), 16, 120
ESTABLISHED = {"ship": 100, "skip": 10}

_hosts = count(1)


@pytest.fixture(scope="module")
def program() -> Iterator[Site]:
    """Which takes any number of votes, and holds those of many new visitors."""
    settings: dict[str, Any] = {policy.setting: "off" for policy in POLICIES} | HOLDING
    settings |= {"VOTES_TRUSTED_PROXIES": "127.0.0.0/8", "VOTES_CHALLENGE_COST": str(COST)}
    with site(own_valkey=True, **settings) as running:
        yield running


@pytest.fixture
def tool(program: Site) -> str:
    return new_tool(program)


@pytest.fixture
def network() -> dict[str, str]:
    """The header of a network that nobody else asks from."""
    return {"X-Forwarded-For": f"198.51.100.{next(_hosts)}"}


@pytest.fixture
def crowded(network: dict[str, str], program: Site) -> dict[str, str]:
    """As `network`, from which as many visitors came as may vote without a proof."""
    with browser(program.url) as http:
        for _ in range(FREE_VISITORS):
            assert http.post("/v1/visitors", headers=network).status_code == 201
    return network


def tokens_of(program: Site) -> VisitorTokens:
    return VisitorTokens([secrets_of(program)["secret_key"].encode()])


def old_visitor(program: Site) -> dict[str, str]:
    """The header of a visitor who is new no more."""
    old = Visitor(VisitorId(uuid4().hex), hours(now()) - NEW_H - 1)
    return authorization(tokens_of(program).token(old), "Visitor")


def cast(http: httpx.Client, tool: str, choice: str = "ship", **headers: str) -> httpx.Response:
    answer = http.put(f"/v1/tools/{tool}/vote", json={"choice": choice}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["choice"] == choice
    return answer


def is_held(answer: httpx.Response) -> bool:
    return "votes-challenge" in answer.headers


def challenged(http: httpx.Client, tool: str, **headers: str) -> altcha.Challenge:
    """The challenge for a vote of whoever the client and the headers say."""
    asked = http.get(f"/v1/challenge?tool={tool}", headers=headers)
    assert asked.headers["cache-control"] == "private, no-store"
    return altcha.Challenge.from_dict(asked.json())


def proof_for(http: httpx.Client, tool: str, **headers: str) -> str:
    return solved(challenged(http, tool, **headers))


def solved(challenge: altcha.Challenge) -> str:
    solution = altcha.solve_challenge(challenge)
    assert solution is not None
    return altcha.Payload(challenge, solution).to_base64()


def tally_of(program: Site, tool: str) -> dict[str, Any]:
    """The tally with all votes that were answered."""
    with browser(program.url) as http:
        head = http.get("/health/ready").json()["head"]
        found: dict[str, Any] = http.get(
            f"/v1/tools/{tool}/tally", params={"min_position": head}
        ).json()
    return found


def told(tally: dict[str, Any]) -> str:
    counted = f"{tally['ship']} ship : {tally['skip']} skip counted"
    return f"{counted}, {tally['held']} held, call {tally['call']}"


def establish(program: Site, tool: str) -> dict[str, Any]:
    """A tally that has a call."""
    with browser(program.url) as http:
        for choice, votes in ESTABLISHED.items():
            for _ in range(votes):
                assert not is_held(cast(http, tool, choice, **old_visitor(program)))
    tally = tally_of(program, tool)
    assert tally["call"] == "ship"
    assert not tally["under_review"]
    return tally


def load(program: Site, requests: list[bytes]) -> None:
    """Each is answered, with 200."""
    argv = [sys.executable, "-m", "tests.benchmarks.measuring.load", str(program.port)]
    done = subprocess.run(
        [*argv, str(LOAD_CONNECTIONS), str(LOAD_S_MAX)],
        input=msgspec.msgpack.encode(requests),
        capture_output=True,
        check=True,
        timeout=LOAD_S_MAX + 60,
    )
    result = msgspec.json.decode(done.stdout)
    assert result["error"] in (None, "ran out of requests"), result
    assert result["answered"] == len(requests), result


def request_of(tool: str, choice: str, *headers: str) -> bytes:
    body = f'{{"choice":"{choice}"}}'
    lines = (
        f"PUT /v1/tools/{tool}/vote HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    )
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def test_forty_votes_of_a_loop_make_no_call(program, tool, network, measured: Measured):
    held = 0
    for _ in range(LOOP):
        with browser(program.url) as http:
            held += is_held(cast(http, tool, **network))
    tally = tally_of(program, tool)
    measured(f"{LOOP} votes in a loop from one address: {told(tally)}")
    assert (tally["ship"], tally["held"], held) == (
        FREE_VISITORS,
        LOOP - FREE_VISITORS,
        LOOP - FREE_VISITORS,
    )
    assert tally["call"] in ("none", "too_early")


def test_a_load_generator_makes_no_call(program, tool, network, measured: Measured):
    (name, address), *_ = network.items()
    load(program, [request_of(tool, "ship", f"{name}: {address}")] * LOAD_VOTES)
    tally = tally_of(program, tool)
    measured(f"{LOAD_VOTES} votes, {LOAD_CONNECTIONS} at a time, on a fresh tool: {told(tally)}")
    assert tally["ship"] + tally["held"] == LOAD_VOTES
    assert tally["ship"] == FREE_VISITORS
    assert tally["call"] in ("none", "too_early")


def test_a_load_generator_moves_no_call(program, tool, network, measured: Measured):
    before = establish(program, tool)
    (name, address), *_ = network.items()
    load(program, [request_of(tool, "skip", f"{name}: {address}")] * LOAD_VOTES)
    tally = tally_of(program, tool)
    measured(
        f"{LOAD_VOTES} votes, {LOAD_CONNECTIONS} at a time, on a tool with {told(before)}:"
        f" {told(tally)}"
    )
    assert tally["skip"] == before["skip"] + FREE_VISITORS
    assert tally["under_review"]
    assert (tally["call"], tally["leaning"]) == (before["call"], before["leaning"])


@pytest.mark.parametrize("votes", [{}, ESTABLISHED], ids=["fresh", "established"])
def test_visitors_of_many_networks_move_no_call(program, tool, votes, measured: Measured):
    before = establish(program, tool) if votes else tally_of(program, tool)
    people = []
    with browser(program.url) as http:
        for bot in range(BOTS):
            address = f"203.0.113.{bot % BOT_NETWORKS}"
            token = http.post("/v1/visitors", headers={"X-Forwarded-For": address}).json()["token"]
            people.append((f"Authorization: Visitor {token}", f"X-Forwarded-For: {address}"))
    requests = [
        request_of(tool, ("skip", "ship", "skip")[n // BOTS % 3], *people[n % BOTS])
        for n in range(BOT_VOTES)
    ]
    load(program, requests)
    tally = tally_of(program, tool)
    measured(
        f"{BOT_VOTES} votes of {BOTS} visitors over {BOT_NETWORKS} networks,"
        f" on a tool with {told(before)}: {told(tally)}"
    )
    assert tally["total"] - before["total"] <= FREE_VOTES
    assert (tally["total"] + tally["held"] - before["total"]) == BOTS
    assert tally["call"] in ({"ship"} if votes else {"none", "too_early"})


def test_an_office_that_solves_its_challenges_counts_in_full(
    program, tool, network, measured: Measured
):
    before = establish(program, tool)
    held = 0
    for _ in range(OFFICE):
        with browser(program.url) as http:
            http.headers.update({**network, "X-Forwarded-Proto": "http"})
            if is_held(cast(http, tool)):
                held += 1
                proof = proof_for(http, tool)
                assert not is_held(cast(http, tool, **{"Votes-Proof": proof}))
    tally = tally_of(program, tool)
    measured(f"{OFFICE} browsers behind one address, {held} of them with a proof: {told(tally)}")
    assert held >= OFFICE - FREE_VISITORS
    assert (tally["ship"], tally["held"]) == (before["ship"] + OFFICE, 0)


def test_a_proof_counts_once(program, tool, crowded):
    with browser(program.url) as http:
        proof = proof_for(http, tool)
        answers = [cast(http, tool, **crowded, **{"Votes-Proof": proof})]
    for _ in range(3):
        with browser(program.url) as http:
            answers.append(cast(http, tool, **crowded, **{"Votes-Proof": proof}))
    assert [is_held(answer) for answer in answers] == [False, True, True, True]
    assert answers[0].json().keys() == answers[1].json().keys()
    tally = tally_of(program, tool)
    assert (tally["ship"], tally["held"]) == (1, 3)


def expired(program: Site, tool: str, token: str) -> altcha.Challenge:
    """A challenge of the site itself, made too long ago."""
    ids = asyncio.run(ids_by_slug(program.servers.owner_url))
    made = now() - timedelta(seconds=proofs.LIFETIME_S + 1)
    visitor_id = token.partition(".")[0]
    config = Config(secret_keys=(secrets_of(program)["secret_key"].encode(),), challenge_cost=COST)
    challenge = proofs.challenge(config, ids[tool], visitor_id, made)
    return altcha.Challenge.from_dict(msgspec.to_builtins(challenge))


@pytest.mark.parametrize(
    "case", ["another tool", "another visitor", "nobody", "expired", "prolonged", "made easier"]
)
def test_a_proof_for_something_else_is_as_good_as_none(program, tool, crowded, case):
    with browser(program.url) as http:
        token, other = (
            http.post("/v1/visitors", headers=crowded).json()["token"] for _ in range(2)
        )
        me = authorization(token, "Visitor") | crowded
        challenge: Any = challenged(http, tool, **me)
        match case:
            case "another tool":
                challenge = challenged(http, new_tool(program), **me)
            case "another visitor":
                challenge = challenged(http, tool, **authorization(other, "Visitor"))
            case "nobody":
                challenge = challenged(http, tool)
            case "expired":
                challenge = expired(program, tool, token)
            case "prolonged":
                challenge.parameters.expires_at += 600
            case _:
                challenge.parameters.key_prefix = ""
        assert is_held(cast(http, tool, **me, **{"Votes-Proof": solved(challenge)}))
        good = solved(challenged(http, tool, **me))
        assert not is_held(cast(http, tool, **me, **{"Votes-Proof": good}))


def test_a_challenge_of_an_older_key_may_still_be_solved(program, tool, crowded):
    keys = f"a-newer-key-of-the-challenges,{secrets_of(program)['secret_key']}"
    with browser(program.url) as http:
        proof = proof_for(http, tool)
    with api_beside(program, VOTES_SECRET_KEYS=keys) as url, browser(url) as http:
        assert not is_held(cast(http, tool, **crowded, **{"Votes-Proof": proof}))
        assert http.get(f"/v1/challenge?tool={tool}").status_code == 200


@pytest.mark.parametrize("proof", ["", "x", "bnVsbA==", "eyJjaGFsbGVuZ2UiOjF9", "é", "=" * 5_000])
def test_what_is_no_proof_is_as_good_as_none(program, tool, crowded, proof):
    with browser(program.url) as http:
        answer = cast(http, tool, **crowded, **{"Votes-Proof": proof.encode()})
    assert is_held(answer)


def test_a_vote_without_a_proof_counts_with_one_under_the_same_key(program, tool, crowded):
    with browser(program.url) as http:
        headers = {**crowded, "Idempotency-Key": "k", "X-Forwarded-Proto": "http"}
        assert is_held(cast(http, tool, **headers))
        assert is_held(cast(http, tool, **headers))
        proven = headers | {"Votes-Proof": proof_for(http, tool)}
        answers = [cast(http, tool, **proven) for _ in range(2)]
    assert not any(map(is_held, answers))
    assert answers[0].json() == answers[1].json()
    assert tally_of(program, tool)["ship"] == 1


def test_a_tool_takes_few_votes_of_new_visitors_without_proof(program, tool):
    held = []
    for _ in range(FREE_VOTES + 2):
        with browser(program.url) as http:
            where = {"X-Forwarded-For": f"192.0.2.{next(_hosts)}"}
            held.append(is_held(cast(http, tool, **where)))
    assert held == [False] * FREE_VOTES + [True] * 2


def test_users_and_visitors_of_before_are_not_held(program, tool, crowded):
    with browser(program.url) as http:
        for number in range(FREE_VOTES + 2):
            assert not is_held(cast(http, tool, **crowded, **bearer(program, f"user-{number}")))
            assert not is_held(cast(http, tool, **crowded, **old_visitor(program)))


def test_what_the_framework_takes_is_held_too(program, tool, crowded):
    with browser(program.url) as http:
        path, body = f"/v1/tools/{tool}/vote?anything", {"choice": "ship"}
        assert is_held(http.put(path, json=body, headers=crowded))


def test_a_form_is_held_and_says_nothing(program, tool, crowded):
    with browser(program.url) as http:
        answer = http.post(
            f"/tools/{tool}/vote", data={"choice": "ship"}, headers={**SAME_ORIGIN, **crowded}
        )
        assert answer.status_code == 303
        page = http.get(answer.headers["location"])
    assert 'aria-pressed="true"' in page.text
    assert "challenge" not in page.text
    tally = tally_of(program, tool)
    assert (tally["total"], tally["held"]) == (0, 1)


def test_a_challenge_is_of_a_tool_that_there_is(program):
    with browser(program.url) as http:
        assert http.get("/v1/challenge?tool=nothing-here").status_code == 404
        assert http.get("/v1/challenge").status_code == 400


def test_while_redis_is_away_votes_go_on_and_those_of_new_visitors_are_held(program, tool, network):
    with browser(program.url) as http:
        proof = proof_for(http, tool)
    with hanging(program, "valkey"), browser(program.url) as http:
        answers = [cast(http, tool, "skip", **network, **old_visitor(program))]
    with hanging(program, "valkey"):
        for headers in ({}, {"Votes-Proof": proof}):
            with browser(program.url) as http:
                answers.append(cast(http, tool, **network, **headers))
    assert [is_held(answer) for answer in answers] == [False, True, True]
    wait_until_ready(program)
    tally = tally_of(program, tool)
    assert (tally["ship"], tally["skip"], tally["held"]) == (0, 1, 2)
    assert asyncio.run(why_held(program, tool)) == ["unchecked"] * 2
    elsewhere = new_tool(program)

    def counts() -> bool:
        with browser(program.url) as http:
            where = {"X-Forwarded-For": f"192.0.2.{next(_hosts)}"}
            return not is_held(cast(http, elsewhere, **where))

    wait_for(counts, "a vote that counts")


async def why_held(program: Site, tool: str) -> list[str]:
    """What the log says against the votes on the tool."""
    connection = await asyncpg.connect(program.servers.owner_url)
    try:
        rows = await connection.fetch(
            f"SELECT data->>'against' FROM {VOTES_BY_SLUG} WHERE tool = $1", tool
        )
    finally:
        await connection.close()
    return sorted(row[0] for row in rows if row[0] is not None)
