"""Moderators see a tally by the claims that the site allows; no other claim is kept."""

import asyncio
import json

import asyncpg
import pytest

from tests.e2e.asking import (
    api_beside,
    authorization,
    bearer,
    browser,
    get,
    new_tool,
    problem,
    put,
    request,
    unique,
    visitor_token,
)
from tests.polling import wait_for
from votes.client import Votes
from votes.config import ConfigError, load

MINIMUM = 5


@pytest.fixture
def moderator(live_site) -> dict[str, str]:
    return bearer(live_site, "a-moderator", "moderator")


def vote(site, tool, choice, who=None, **claims):
    """The answer to a vote of somebody new, unless it is said who."""
    headers = bearer(site, who or unique("user"), **claims)
    answer = put(f"{site.url}/v1/tools/{tool}/vote", json={"choice": choice}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def cohorts(site, tool, moderator, claim="plan", **query):
    answer = get(
        f"{site.url}/v1/tools/{tool}/cohorts",
        params={"claim": claim, **query},
        headers=moderator,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def numbers(part):
    return part["ship"], part["skip"], part["total"]


def split(view):
    """The shown values, and what is left."""
    values = {part["value"]: numbers(part) for part in view["values"]}
    return values, numbers(view["others"])


def stored(site, *positions):
    """The data of the events there."""

    async def read():
        connection = await asyncpg.connect(site.servers.app_url)
        try:
            asked = "SELECT data::text FROM events WHERE position = ANY($1) ORDER BY position"
            return [json.loads(row[0]) for row in await connection.fetch(asked, positions)]
        finally:
            await connection.close()

    return asyncio.run(read())


def test_a_tally_is_split_by_value_and_says_how_many_values_there_are(live_site, moderator):
    tool = new_tool(live_site)
    for number in range(7):
        vote(live_site, tool, "ship" if number < 4 else "skip", plan="pro")
    for _ in range(6):
        vote(live_site, tool, "ship", plan="free")
    for number in range(5):
        last = vote(live_site, tool, "skip", **({"plan": f"trial {number}"} if number else {}))
    seen = {"min_position": last["position"]}
    view = cohorts(live_site, tool, moderator, **seen)
    assert list(split(view)[0]) == ["pro", "free"]
    assert split(view) == ({"pro": (4, 3, 7), "free": (6, 0, 6)}, (0, 5, 5))
    assert [one["ship_share"] for one in view["values"]] == [4 / 7, 1.0]
    tally = get(f"{live_site.url}/v1/tools/{tool}/tally", params=seen).json()
    said = {name: tally[name] for name in ("tool", "position", "as_of", "stale")}
    assert {name: view[name] for name in said} == said
    assert (view["claim"], view["distinct"], view["minimum"]) == ("plan", 6, MINIMUM)


async def test_values_of_few_are_neither_shown_nor_left_over(live_site, moderator):
    """Left of the tally would be the one on trial: so the smallest plan is not shown either."""
    tool = new_tool(live_site)
    for _ in range(6):
        vote(live_site, tool, "ship", plan="pro", organisation="acme")
    for number in range(5):
        vote(live_site, tool, "skip", plan="free", organisation=f"small-{number}")
    last = vote(live_site, tool, "skip", plan="trial")["position"]
    async with Votes(live_site.url, user_token=moderator["Authorization"].split()[1]) as client:
        plans = await client.get_cohorts(tool, "plan", min_position=last)
        organisations = await client.get_cohorts(tool, "organisation", min_position=last)
    assert [(one.value, one.ship, one.skip) for one in plans.values] == [("pro", 6, 0)]
    assert (plans.others.ship, plans.others.skip, plans.others.ship_share) == (0, 6, 0.0)
    assert plans.distinct == 3
    assert [(one.value, one.total) for one in organisations.values] == [("acme", 6)]
    assert (organisations.others.total, organisations.distinct) == (6, 6)


def test_a_vote_counts_where_its_login_was_when_it_was_cast(live_site, moderator):
    tool, ada = new_tool(live_site), unique("ada")
    for _ in range(MINIMUM):
        for plan in ("free", "pro"):
            vote(live_site, tool, "ship", plan=plan)
    first = vote(live_site, tool, "ship", ada, plan="free")["position"]
    again = vote(live_site, tool, "ship", ada, plan="pro")
    assert (again["changed"], again["position"]) == (False, first)
    before = cohorts(live_site, tool, moderator, min_position=first)
    assert split(before) == ({"free": (6, 0, 6), "pro": (5, 0, 5)}, (0, 0, 0))
    changed = vote(live_site, tool, "skip", ada, plan="pro")["position"]
    after = cohorts(live_site, tool, moderator, min_position=changed)
    assert split(after) == ({"pro": (5, 1, 6), "free": (5, 0, 5)}, (0, 0, 0))
    free, pro = {"plan": "free"}, {"plan": "pro"}
    assert stored(live_site, first, changed) == [
        {"choice": "ship", "claims": free},
        {"choice": "skip", "previous": "ship", "claims": pro, "previous_claims": free},
    ]


def test_a_vote_by_a_form_has_the_same_claims(live_site, tool):
    ada, where = bearer(live_site, unique("ada"), plan="pro"), f"/tools/{tool}/vote"
    with browser(live_site.url) as http:
        answer = http.post(where, data={"choice": "ship"}, headers=ada)
    position = int(answer.headers["location"].partition("min_position=")[2].partition("#")[0])
    assert stored(live_site, position) == [{"choice": "ship", "claims": {"plan": "pro"}}]


ODD = {
    "a number": 5,
    "true": True,
    "null": None,
    "a list": ["pro"],
    "an object": {"plan": "pro"},
    "empty": "",
    "too long": "x" * 101,
    "a NUL": "a\0b",
    "two lines": "a\nb",
    "a bidi override": "\u202ea",
    "half an emoji": "\ud83d",
}


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_a_claim_that_is_no_short_visible_text_is_as_good_as_none(live_site, tool, value):
    """Nobody's login fails for it, nor does the other claim."""
    cast = vote(live_site, tool, "ship", plan=value, organisation="x" * 100)
    assert stored(live_site, cast["position"])[0]["claims"] == {"organisation": "x" * 100}


def test_no_claim_that_is_not_allowed_and_no_subject_enters_the_log(live_site, tool):
    canary, sub = unique("canary"), unique("sub-canary")
    others = {"email": canary, "Plan": canary, "plan ": canary, canary: "pro", "org": [canary]}
    cast = vote(live_site, tool, "ship", sub, plan="pro", organisation=sub, **others)
    assert stored(live_site, cast["position"])[0]["claims"] == {"plan": "pro"}

    async def found():
        connection = await asyncpg.connect(live_site.servers.app_url)
        try:
            asked = "SELECT count(*) FROM events WHERE events::text LIKE ANY ($1)"
            looked_for = [[f"%{canary}%", f"%{sub}%"], ['%"plan"%']]
            return [await connection.fetchval(asked, texts) for texts in looked_for]
        finally:
            await connection.close()

    canaries, plans = asyncio.run(found())
    assert canaries == 0
    assert plans > 0  # so the search finds


def test_without_the_setting_no_claim_is_kept_and_none_is_shown(live_site, tool, moderator):
    me = bearer(live_site, unique("ada"), plan="pro")
    with api_beside(live_site, VOTES_COHORT_CLAIMS="") as url:
        cast = put(f"{url}/v1/tools/{tool}/vote", json={"choice": "ship"}, headers=me).json()
        asked = get(f"{url}/v1/tools/{tool}/cohorts?claim=plan", headers=moderator)
    assert stored(live_site, cast["position"]) == [{"choice": "ship"}]
    problem(asked, 404, "claim_unknown")


def test_nobody_but_who_logs_in_votes_with_claims(live_site, tool):
    """Not a visitor, not somebody else on whose behalf a user votes, and not a visitor who is
    linked to a user: what the user's vote had goes out with it."""
    ada, crm = unique("ada"), bearer(live_site, unique("crm"), "service", plan="pro")
    where, choice = f"{live_site.url}/v1/tools/{tool}/vote", {"choice": "ship"}
    with browser(live_site.url) as http:
        token = visitor_token(http)
    visitor = authorization(token, "Visitor")
    first = vote(live_site, tool, "skip", ada, plan="pro")
    by_visitor = put(where, json=choice, headers=visitor).json()
    behalf = put(where, json=choice | {"on_behalf_of": unique("crm")}, headers=crm).json()
    link = f"{live_site.url}/v1/me/link"
    who = bearer(live_site, ada, plan="pro")
    moved = request("POST", link, json={"visitor": token}, headers=who).json()["position"] - 1
    later = put(where, json={"choice": "skip"}, headers=visitor).json()
    plan = {"plan": "pro"}
    assert stored(live_site, first["position"], by_visitor["position"], behalf["position"]) == [
        {"choice": "skip", "claims": plan},
        choice,
        choice,
    ]
    to_user, by_linked = stored(live_site, moved, later["position"])
    assert to_user.pop("origin")["own"] == {"choice": "skip", "claims": plan}
    assert [to_user, by_linked] == [
        choice | {"previous": "skip", "previous_claims": plan},
        {"choice": "skip", "previous": "ship"},
    ]


def test_a_ruling_takes_votes_out_of_their_cohorts_and_lifted_puts_them_back(
    live_site, tool, moderator
):
    for _ in range(MINIMUM):
        last = vote(live_site, tool, "ship", plan="pro")["position"]
    said = {"tool": tool, "selector": {}, "verdict": "discount", "reason": "A test."}
    whole = {"pro": (5, 0, 5)}, (0, 0, 0)
    assert split(cohorts(live_site, tool, moderator, min_position=last)) == whole
    made = request("POST", f"{live_site.url}/v1/rulings", json=said, headers=moderator).json()
    none: tuple[dict[str, object], tuple[int, int, int]] = {}, (0, 0, 0)
    wait_for(lambda: split(cohorts(live_site, tool, moderator)) == none, "the ruling")
    assert cohorts(live_site, tool, moderator)["distinct"] == 0
    request("DELETE", f"{live_site.url}/v1/rulings/{made['id']}", headers=moderator)
    wait_for(lambda: split(cohorts(live_site, tool, moderator)) == whole, "the ruling lifted")


def test_a_user_is_told_what_is_kept_and_an_erased_one_counts_on(live_site, tool, moderator):
    ada = unique("ada")
    for _ in range(MINIMUM - 1):
        vote(live_site, tool, "ship", plan="pro")
    last = vote(live_site, tool, "ship", ada, plan="pro")["position"]
    me = bearer(live_site, ada, plan="free")
    (kept,) = get(f"{live_site.url}/v1/me/export", headers=me).json()["votes"]
    assert (kept["tool"], kept["claims"]) == (tool, {"plan": "pro"})
    before = cohorts(live_site, tool, moderator, min_position=last)
    assert request("DELETE", f"{live_site.url}/v1/me", headers=me).status_code == 204
    assert split(before) == ({"pro": (5, 0, 5)}, (0, 0, 0))
    assert cohorts(live_site, tool, moderator) == before
    assert get(f"{live_site.url}/v1/me/export", headers=me).json()["votes"] == []


def test_who_has_the_tag_is_sent_no_body_and_nobody_keeps_one(live_site, tool, moderator):
    where = f"{live_site.url}/v1/tools/{tool}/cohorts?claim=plan"
    first = get(where, headers=moderator)
    tag = {"If-None-Match": first.headers["etag"]}
    again = get(where, headers=moderator | tag)
    assert (again.status_code, again.content) == (304, b"")
    for answer in (first, again):
        assert answer.headers["cache-control"] == "private, no-store"
    assert get(where, headers=tag).status_code == 401
    last = vote(live_site, tool, "ship", plan="pro")["position"]
    changed = get(f"{where}&min_position={last}", headers=moderator | tag)
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


def test_what_is_not_split_is_unknown_to_those_who_may_ask(live_site, tool, moderator):
    where = f"{live_site.url}/v1/tools/{tool}/cohorts"
    for claim in ("email", "Plan", "", "plan,organisation", "sub", "a\0b", "plan@1"):
        asked = get(where, params={"claim": claim}, headers=moderator)
        problem(asked, 404, "claim_unknown")
        ada = bearer(live_site, "ada")
        problem(get(where, params={"claim": claim}, headers=ada), 403, "forbidden")
    problem(get(where, headers=moderator), 400, "invalid_parameter")
    asked = get(where, params={"claim": "x" * 201}, headers=moderator)
    problem(asked, 400, "invalid_parameter")
    missing = f"{live_site.url}/v1/tools/no-such-tool/cohorts?claim=plan"
    problem(get(missing, headers=moderator), 404, "tool_unknown")


def test_a_site_may_show_every_value(live_site, tool, moderator):
    last = vote(live_site, tool, "ship", plan="\U0001f680 a=b@c:1")["position"]
    with api_beside(live_site, VOTES_COHORT_MIN="1") as url:
        query = {"claim": "plan", "min_position": last}
        view = get(f"{url}/v1/tools/{tool}/cohorts", params=query, headers=moderator).json()
    assert split(view) == ({"\U0001f680 a=b@c:1": (1, 0, 1)}, (0, 0, 0))


@pytest.mark.parametrize(
    "said", ["sub", "plan,email", "plan two", "pl\u00e4n", "x" * 101, "a,b,c,d,e,f,g,h,i"]
)
def test_what_cannot_split_a_tally_stops_the_start(said):
    with pytest.raises(ConfigError, match="VOTES_COHORT_CLAIMS"):
        load({"VOTES_COHORT_CLAIMS": said})


def test_the_settings_are_shown_by_doctor(live_site):
    told = json.loads(live_site.votes("doctor", "--json").stdout)
    (found,) = [one["found"] for one in told if one["name"] == "tallies are split"]
    assert found == "plan, organisation; values of 5 voters and more"
