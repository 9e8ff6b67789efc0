"""A moderator sees from how many networks a campaign came; nothing says which they are."""

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random

import asyncpg
import pytest
from redis import Redis

from tests.e2e.asking import authorization, bearer, browser, new_tool, visitor_token
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
from votes.views.keys import networks

TOOLS, BOTS, HONEST = 5, 30, 60
NETWORKS = ("203.0.113.7", "198.51.100.8", "2001:db8:1:2::9")


@pytest.fixture
def redis(live_site):
    with Redis.from_url(live_site.servers.redis_owner_url) as client:
        yield client


def seen(site, redis, tokens):
    """What Redis has of each visitor."""
    visitors = [token.partition(".")[0] for token in tokens]
    written: dict[bytes, bytes] = {}
    for key in redis.scan_iter(networks(site.prefix, 0).removesuffix("0") + "*", count=1_000):
        written |= redis.hgetall(key)
    return [written.get(visitor.encode()) for visitor in visitors]


@pytest.fixture
async def tools(live_site):
    """Some with honest votes of the days before."""
    random, slugs = Random(1), [new_tool(live_site) for _ in range(TOOLS)]
    ids = await ids_by_slug(live_site.servers.owner_url)
    commands = [
        CastVote(ids[slug], visitor(f"{slug}-{number}"), random.choice(("ship", "skip")))
        for slug in slugs
        for number in range(HONEST)
    ]
    now = datetime.now(UTC)
    requests = [
        Request(vote.decider, command, Meta("test"), now - timedelta(days=random.uniform(1, 20)))
        for command in commands
    ]
    async with event_store(Config(postgres_url=live_site.servers.app_url)) as store:
        await submit_all(store, sorted(requests, key=lambda request: request.at))
    return slugs


def cast(http, tool, token, address):
    headers = authorization(token, "Visitor") | ({"X-Forwarded-For": address} if address else {})
    answer = http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


async def in_log(site, text):
    """How many events have the text anywhere."""
    connection = await asyncpg.connect(site.servers.app_url)
    try:
        query = "SELECT count(*) FROM events WHERE position(lower($1) IN lower(events::text)) > 0"
        return await connection.fetchval(query, text)
    finally:
        await connection.close()


def test_a_campaign_of_three_networks(live_site, guarded, redis, tools):
    moderator = SAME_ORIGIN | bearer(live_site, "a-moderator", "moderator")
    elsewhere = new_tool(live_site)
    with browser(guarded) as bots:
        tokens = [visitor_token(bots) for _ in range(BOTS)]
        answers = [
            cast(bots, elsewhere, token, NETWORKS[number % len(NETWORKS)])
            for number, token in enumerate(tokens)
        ]
        wait_for(lambda: all(seen(live_site, redis, tokens)), "the networks to be written")
        for tool in tools:
            answers += [
                cast(bots, tool, token, NETWORKS[number % len(NETWORKS)])
                for number, token in enumerate(tokens)
            ]
    hashes = {known.decode() for known in seen(live_site, redis, tokens)}
    assert len(hashes) == len(NETWORKS)

    def cluster():
        with browser(live_site.url) as http:
            queue = http.get("/v1/moderation/queue", headers=moderator).json()
        for found in queue["clusters"]:
            if {on["tool"] for on in found["tools"]} & set(tools) and found["voters"] >= BOTS:
                return found
        return None

    found = wait_for(cluster, "the scan")
    assert (found["networks"], found["network_known"]) == (len(NETWORKS), BOTS)
    with browser(live_site.url) as http:
        page = http.get("/moderation", headers=moderator)
        answers += [page, http.get("/v1/moderation/queue", headers=moderator)]
        answers.append(http.get("/v1/rulings"))
    assert f"Networks of these voters: {len(NETWORKS)} (known of {BOTS})." in page.text
    for secret in (*hashes, *NETWORKS):
        assert not any(secret in f"{answer.headers} {answer.text}" for answer in answers)
        assert asyncio.run(in_log(live_site, secret)) == 0


def test_on_this_machine_no_network_is_known(live_site, guarded, redis):
    tool = new_tool(live_site)
    with browser(guarded) as http:
        here, far = visitor_token(http), visitor_token(http)
        cast(http, tool, here, None)
        cast(http, tool, far, NETWORKS[0])
    wait_for(lambda: any(seen(live_site, redis, [far])), "the network to be written")
    assert seen(live_site, redis, [here]) == [None]
