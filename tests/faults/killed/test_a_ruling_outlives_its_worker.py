"""kill -9 of the worker while it carries a ruling out, and while it undoes that."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.e2e.asking import bearer, new_tool
from tests.faults.killing import kill
from tests.polling import wait_for
from tests.site import TLS
from votes.config import Config
from votes.domain import vote
from votes.domain.terms import visitor
from votes.domain.tool import slug_stream
from votes.domain.vote import CastVote
from votes.engine.bulk import submit_all
from votes.engine.handle import Request
from votes.engine.ports import Meta
from votes.resources import event_store

CAMPAIGN, HONEST = 20_000, 50
KILLS = 2


@pytest.fixture
async def campaign(program):
    """A tool with the votes of a campaign a day ago, beside honest ones."""
    slug, then = new_tool(program), datetime.now(UTC) - timedelta(days=1)
    async with event_store(Config(postgres_url=program.servers.app_url)) as store:
        taken = slug_stream(slug)
        tool = (await store.last_events([taken]))[taken].event.tool
        bots = [(CastVote(tool, visitor(f"{slug}-{bot}"), "ship"), then) for bot in range(CAMPAIGN)]
        people = [
            (CastVote(tool, visitor(f"{slug}+{number}"), "skip"), datetime.now(UTC))
            for number in range(HONEST)
        ]
        requests = [Request(vote.decider, one, Meta("test"), at) for one, at in bots + people]
        await submit_all(store, requests)
    return slug, then


def test_a_ruling_is_carried_out_and_undone_whole(program, campaign, measured):
    slug, then = campaign
    said = {"tool": slug, "verdict": "discount", "reason": "A campaign."}
    said["selector"] = {"to": (then + timedelta(hours=1)).isoformat()}
    headers = bearer(program, "m", "moderator")
    with httpx.Client(verify=TLS, base_url=program.url, headers=headers, timeout=60) as http:
        wait_for_tally(http, slug, (CAMPAIGN, HONEST, 0))
        name = http.post("/v1/rulings", json=said).json()["id"]
        kills = [killed_on_the_way(program, http, name, up_to=CAMPAIGN)]
        wait_for_tally(http, slug, (0, HONEST, CAMPAIGN))
        assert http.delete(f"/v1/rulings/{name}").status_code == 204
        kills.append(killed_on_the_way(program, http, name, up_to=0))
        wait_for_tally(http, slug, (CAMPAIGN, HONEST, 0))
    measured(f"a worker killed {kills} times while it carried a ruling out and undid it")
    assert min(kills) >= 1


def killed_on_the_way(program, http, name, up_to):
    """Kill the worker again and again while it is at work; how often, once it is done."""
    kills, seen = 0, votes_of(http, name)
    while seen != up_to:
        seen = wait_for_another(http, name, seen)
        if kills < KILLS and seen != up_to:
            kill(program, "worker")
            kills += 1
    return kills


def wait_for_another(http, name, seen):
    wait_for(lambda: votes_of(http, name) != seen, "the worker to go on")
    return votes_of(http, name)


def votes_of(http, name):
    listed = read(http, "/v1/rulings")["rulings"]
    return next((ruling["votes"] for ruling in listed if ruling["id"] == name), 0)


def wait_for_tally(http, slug, counts):
    """Live numbers may be a little behind those that were read from the log."""

    def is_so():
        said = read(http, f"/v1/tools/{slug}/tally")
        return (said["ship"], said["skip"], said["discounted"]) == counts

    wait_for(is_so, f"a tally of {counts}")


def read(http, path):
    """The answer, once the log can be read: without a worker it takes the place of read models."""
    answer = wait_for(lambda: _unless_503(http.get(path)), path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _unless_503(answer):
    return None if answer.status_code == 503 else answer
