"""An admin or a service votes for somebody who is known elsewhere, and takes that back."""

import json
from functools import partial

import asyncpg
import pytest

from tests.e2e.asking import api_beside, bearer, get, new_tool, problem, request, unique
from tests.polling import wait_for
from votes.client import Votes


@pytest.fixture
def crm(live_site) -> dict[str, str]:
    """The header of a service of which nobody has heard."""
    return bearer(live_site, unique("crm"), "service")


@pytest.fixture(scope="module")
def apart(live_site):
    """The address of an API on the same servers that tells such votes apart."""
    with api_beside(live_site, VOTES_ON_BEHALF="apart") as url:
        yield url


def cast(url, who, tool, other, choice="ship", **more):
    body = {"choice": choice, "on_behalf_of": other}
    return request("PUT", f"{url}/v1/tools/{tool}/vote", json=body, headers={**who, **more})


def retract(url, who, tool, other):
    asked = {"on_behalf_of": other}
    return request("DELETE", f"{url}/v1/tools/{tool}/vote", params=asked, headers=who)


def is_counted(site, tool, expected):
    return tally(site, tool) == expected


def tally(site, tool, *answers):
    """The tally after all these answers."""
    assert {answer.status_code for answer in answers} <= {200}
    last = max((answer.json()["position"] for answer in answers), default=0)
    seen = {"min_position": last}
    said = get(f"{site.url}/v1/tools/{tool}/tally", params=seen).json()
    return said["ship"], said["skip"], said["held"], said["discounted"], said["against"]


async def test_it_counts_once_for_whom_it_is_and_can_be_taken_back(live_site, tool, crm):
    one, two = unique("crm:"), unique("crm:")
    other_service = bearer(live_site, unique("erp"), "admin")
    mine = request(
        "PUT", f"{live_site.url}/v1/tools/{tool}/vote", json={"choice": "skip"}, headers=crm
    )
    first = cast(live_site.url, crm, tool, one)
    assert tally(live_site, tool, mine, first) == (1, 1, 0, 0, {})
    again = cast(live_site.url, other_service, tool, one)  # whoever sends it, it is theirs
    assert (again.json()["changed"], again.json()["position"]) == (False, first.json()["position"])
    second = cast(live_site.url, crm, tool, two, "skip")
    assert tally(live_site, tool, again, second) == (1, 2, 0, 0, {})
    taken = retract(live_site.url, other_service, tool, one)
    assert (taken.json()["choice"], taken.json()["previous"]) == (None, "ship")
    assert tally(live_site, tool, taken) == (0, 2, 0, 0, {})
    told = json.loads(live_site.votes("explain", tool, "--json").stdout)
    assert (told["users"], told["on_behalf"], told["skip"]) == (1, 1, 2)
    async with Votes(live_site.url, user_token=crm["Authorization"].split()[1]) as client:
        assert (await client.cast_vote(tool, "ship", on_behalf_of=two)).previous == "skip"
        assert (await client.retract_vote(tool, on_behalf_of=two)).previous == "ship"


async def test_the_log_has_the_sender_and_no_id_of_elsewhere(live_site, tool):
    other, sender = unique("crm:"), bearer(live_site, unique("crm"), "service")
    user = bearer(live_site, other)  # a user who is called the same is somebody else
    theirs = request(
        "PUT", f"{live_site.url}/v1/tools/{tool}/vote", json={"choice": "ship"}, headers=user
    )
    cast_for = cast(live_site.url, sender, tool, other)
    assert tally(live_site, tool, theirs, cast_for) == (2, 0, 0, 0, {})
    did = get(f"{live_site.url}/v1/me/export", headers=sender).json()["acts"]
    assert [act["position"] for act in did] == [cast_for.json()["position"]]
    connection = await asyncpg.connect(live_site.servers.app_url)
    try:
        rows = await connection.fetch(
            "SELECT stream, events::text AS all FROM events WHERE position = ANY($1)",
            [answer.json()["position"] for answer in (theirs, cast_for)],
        )
    finally:
        await connection.close()
    assert {row["stream"].split(":")[2] for row in rows} == {"user", "for"}
    assert not any(other in row["all"] for row in rows)


def test_told_apart_it_counts_nowhere_and_no_ruling_lets_it(live_site, tool, crm, apart):
    ones = [unique("crm:") for _ in range(6)]
    counted = cast(live_site.url, crm, tool, ones[0], "skip")
    told = [cast(apart, crm, tool, other) for other in ones[1:]]
    assert not any("votes-challenge" in answer.headers for answer in told)
    assert tally(live_site, tool, counted, *told) == (0, 1, 0, 0, {"on_behalf": 5})
    again = cast(apart, crm, tool, ones[0], "skip")  # the setting is for later votes alone
    assert tally(live_site, tool, again) == (0, 1, 0, 0, {"on_behalf": 5})
    moderator = bearer(live_site, "a-moderator", "moderator")
    for verdict, after in (
        ("release", (0, 1, 0, 0, {"on_behalf": 5})),
        ("discount", (0, 0, 0, 6, {"ruling": 6})),
    ):
        said = {"tool": tool, "selector": {}, "verdict": verdict, "reason": "A test."}
        made = request("POST", f"{live_site.url}/v1/rulings", json=said, headers=moderator).json()
        wait_for(partial(is_counted, live_site, tool, after), "the ruling")
        if verdict == "discount":
            changed = cast(apart, crm, tool, ones[0])  # told apart when the ruling is lifted
            assert tally(live_site, tool, changed)[3:] == (5, {"ruling": 5, "ruled": 1})
            url = f"{live_site.url}/v1/rulings/{made['id']}"
            assert request("DELETE", url, headers=moderator).status_code == 204
    lifted = (0, 0, 0, 0, {"on_behalf": 6})
    wait_for(lambda: tally(live_site, tool) == lifted, "the ruling lifted")


def test_a_site_may_take_none(live_site, tool, crm):
    other = unique("crm:")
    assert cast(live_site.url, crm, tool, other).status_code == 200
    with api_beside(live_site, VOTES_ON_BEHALF="off") as url:
        problem(cast(url, crm, tool, other), 403, "forbidden")
        assert retract(url, crm, tool, other).json()["previous"] == "ship"


def test_a_key_is_the_senders_own(live_site, tool, crm):
    one, two, key = unique("crm:"), unique("crm:"), {"Idempotency-Key": unique("key")}
    first, again = (cast(live_site.url, crm, tool, one, **key) for _ in range(2))
    assert first.content == again.content
    problem(cast(live_site.url, crm, tool, two, **key), 422, "idempotency_key_reused")
    another = bearer(live_site, unique("erp"), "service")
    assert cast(live_site.url, another, tool, two, **key).json()["changed"]


@pytest.mark.parametrize("other", ["", "a\0b", "a\nb", "\0crm:1", "x" * 201, "\u202ea", 4711])
def test_what_cannot_be_an_id_is_refused(live_site, tool, crm, other):
    problem(cast(live_site.url, crm, tool, other), 400, "invalid_body")
    if isinstance(other, str):
        problem(retract(live_site.url, crm, tool, other), 400, "invalid_parameter")
        problem(erase(live_site.url, crm, other), 400, "invalid_parameter")


def erase(url, who, other):
    return request("DELETE", f"{url}/v1/me", params={"on_behalf_of": other}, headers=who)


async def people(site):
    """How many persons there are."""
    connection = await asyncpg.connect(site.servers.app_url)
    try:
        return await connection.fetchval("SELECT count(*) FROM people")
    finally:
        await connection.close()


async def test_an_id_that_nobody_has_is_not_stored(live_site, tool, crm):
    other, key = unique("crm:"), {"Idempotency-Key": unique("key")}
    cast(live_site.url, crm, tool, unique("crm:"))  # the sender is known from now on
    before = await people(live_site)
    for _ in range(2):
        taken = retract(live_site.url, crm | key, tool, other)
        assert (taken.status_code, taken.json()["previous"]) == (200, None)
        assert erase(live_site.url, crm, other).status_code == 204
    assert await people(live_site) == before
    cast(live_site.url, crm, tool, other)
    problem(retract(live_site.url, crm | key, tool, other), 422, "idempotency_key_reused")
    assert retract(live_site.url, crm, tool, other).json()["previous"] == "ship"


async def test_whom_others_vote_for_is_erased_through_every_process(live_site, apart, tool, crm):
    """Also a process that knows the person begins anew. The vote counts on."""
    other = unique("crm:")
    first = cast(live_site.url, crm, tool, other)
    assert cast(apart, crm, tool, other).json()["changed"] is False
    before = await people(live_site)
    async with Votes(live_site.url, user_token=crm["Authorization"].split()[1]) as client:
        await client.erase_me(on_behalf_of=other)
    assert retract(apart, crm, tool, other).json()["previous"] is None
    assert await people(live_site) == before - 1
    assert tally(live_site, tool, first) == (1, 0, 0, 0, {})
    anew = cast(live_site.url, crm, tool, other, "skip")
    assert anew.json()["previous"] is None
    assert tally(live_site, tool, anew) == (1, 1, 0, 0, {})
    assert get(f"{live_site.url}/v1/me/export", headers=crm).json()["since"] is not None


def test_only_who_may_vote_for_others_erases_them(live_site, tool, crm):
    other = unique("crm:")
    cast(live_site.url, crm, tool, other)
    for role in (None, "moderator", "panelist"):
        who = bearer(live_site, other, *filter(None, [role]))
        problem(erase(live_site.url, who, other), 403, "forbidden")
    problem(erase(live_site.url, {}, other), 401, "not_authenticated")
    assert retract(live_site.url, crm, tool, other).json()["previous"] == "ship"


def test_an_erased_sender_leaves_the_votes(live_site, crm):
    tool, other = new_tool(live_site), unique("crm:")
    cast(live_site.url, crm, tool, other)
    assert request("DELETE", f"{live_site.url}/v1/me", headers=crm).status_code == 204
    again = cast(live_site.url, crm, tool, other, "skip")
    assert again.json()["previous"] == "ship"
    assert tally(live_site, tool, again) == (0, 1, 0, 0, {})
