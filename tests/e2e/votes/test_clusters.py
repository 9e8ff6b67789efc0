"""A moderator finds a campaign in the queue; one ruling takes it out of a tally, undone whole."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from tests.e2e.asking import bearer, new_tool
from tests.e2e.pages.reading import named, one, page, parsed, section, words
from tests.polling import wait_for
from tests.site import SAME_ORIGIN
from tests.stored.slugs import ids_by_slug
from votes.config import Config
from votes.domain import vote
from votes.domain.terms import visitor
from votes.domain.vote import CastVote
from votes.engine.bulk import submit_all
from votes.engine.handle import Request
from votes.engine.ports import Meta
from votes.resources import event_store

TOOLS, BOTS, HONEST = 5, 50, 60
TALLY = ("ship", "skip", "total", "ship_share", "call", "interval", "held", "discounted", "against")


@pytest.fixture
def moderator(live_site):
    return SAME_ORIGIN | bearer(live_site, "a-moderator", "moderator")


@pytest.fixture
async def campaign(live_site):
    """Tools with honest votes of twenty days, and a campaign of one hour. The honest (ship, skip)
    of each tool."""
    random, begun = Random(1), datetime.now(UTC) - timedelta(days=3)
    slugs = [new_tool(live_site) for _ in range(TOOLS)]
    ids = await ids_by_slug(live_site.servers.owner_url)
    votes, counts = [], {}
    for slug in slugs:
        ships = [random.random() < 0.5 for _ in range(HONEST)]
        counts[slug] = sum(ships), HONEST - sum(ships)
        for number, ship in enumerate(ships):
            at = begun + timedelta(days=random.uniform(-17, 3))
            votes.append((at, f"{slug}-{number}", slug, ship))
        for bot in range(BOTS):
            at = begun + timedelta(seconds=random.uniform(0, 3_600))
            votes.append((at, f"{slugs[0]}-bot{bot}", slug, True))
    requests = [
        Request(
            vote.decider,
            CastVote(ids[slug], visitor(voter), "ship" if ship else "skip"),
            Meta("test"),
            at,
        )
        for at, voter, slug, ship in sorted(votes)
    ]
    async with event_store(Config(postgres_url=live_site.servers.app_url)) as store:
        await submit_all(store, requests)
    return counts


def cluster_on(http, moderator, tool):
    """The whole cluster: a scan that looks while the votes come stores a smaller one first."""
    queue = http.get("/v1/moderation/queue", headers=moderator).json()
    found = [one for one in queue["clusters"] if tool in [on["tool"] for on in one["tools"]]]
    return found[0] if found and found[0]["votes"] == BOTS * TOOLS else None


def tally(http, tool):
    said = http.get(f"/v1/tools/{tool}/tally").json()
    return {name: said[name] for name in TALLY}


def counted(http, tool):
    said = tally(http, tool)
    return said["ship"], said["skip"]


def test_by_the_api(http, moderator, campaign):
    tool, other = list(campaign)[:2]
    wait_for(lambda: cluster_on(http, moderator, tool), "the scan")
    cluster = cluster_on(http, moderator, tool)
    assert cluster["voters"] == BOTS
    assert {on["tool"] for on in cluster["tools"]} == set(campaign)
    assert "-bot" not in http.get("/v1/moderation/queue", headers=moderator).text
    before = tally(http, tool)
    said = {
        "tool": tool,
        "selector": {"cluster": cluster["id"]},
        "verdict": "discount",
        "reason": "A campaign.",
    }
    dry = http.post("/v1/rulings?dry_run=true", json=said, headers=moderator).json()
    assert dry["votes"] == BOTS
    assert (dry["tally"]["ship"], dry["tally"]["skip"]) == campaign[tool]
    assert tally(http, tool) == before
    made = http.post("/v1/rulings", json=said, headers=moderator)
    assert made.status_code == 201
    wait_for(lambda: counted(http, tool) == campaign[tool], "the ruling")
    assert counted(http, other) != campaign[other]
    ruled = {on["tool"]: on["ruled"] for on in cluster_on(http, moderator, tool)["tools"]}
    assert ruled == {slug: slug == tool for slug in campaign}
    assert http.delete(f"/v1/rulings/{made.json()['id']}", headers=moderator).status_code == 204
    wait_for(lambda: tally(http, tool) == before, "the ruling lifted")


def test_of_another_tool_the_cluster_is_unknown(live_site, http, moderator, campaign):
    tool = next(iter(campaign))
    wait_for(lambda: cluster_on(http, moderator, tool), "the scan")
    said = {
        "tool": new_tool(live_site),
        "selector": {"cluster": cluster_on(http, moderator, tool)["id"]},
        "verdict": "discount",
        "reason": "A campaign.",
    }
    answer = http.post("/v1/rulings", json=said, headers=moderator)
    assert (answer.status_code, answer.json()["code"]) == (404, "cluster_unknown")


def test_by_the_page(http, moderator, campaign):
    tool = next(iter(campaign))
    wait_for(lambda: cluster_on(http, moderator, tool), "the scan")
    queue = page(http, "/moderation", headers=moderator)
    blocks = named(section(queue, "found"), "article")
    (block,) = [one for one in blocks if tool in [words(name) for name in named(one, "option")]]
    assert f"{BOTS} voters in lockstep on {TOOLS} tools" in words(block)
    form = one(block, "form")
    fields = {field.get("name"): field.get("value") or "" for field in named(form, "input")}
    data = fields | {"tool": tool, "what": "discount"}
    tried = parsed(http.post(form.get("action"), data=data, headers=moderator).text)
    assert f"Discount {BOTS} votes on {tool}?" in words(one(tried, "h1"))
    assert f"of cluster {fields['cluster']}" in words(one(tried, "main"))
    form = one(one(tried, "main"), "form")
    data = {field.get("name"): field.get("value") or "" for field in named(form, "input")}
    assert http.post(form.get("action"), data=data, headers=moderator).status_code == 303
    wait_for(lambda: counted(http, tool) == campaign[tool], "the ruling")
