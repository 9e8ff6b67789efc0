"""Moderators discount and release votes, and lift that; all read what they did."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from tests.e2e.asking import (
    authorization,
    bearer,
    everything,
    get,
    new_ruling,
    new_tool,
    problem,
    request,
    visitor_token,
)
from tests.polling import wait_for
from votes.cli.diagnosis import unfinished_checked
from votes.config import Config
from votes.domain import vote
from votes.domain.moderation.ruling import RulingMade, Selector, stream
from votes.domain.terms import RulingId, visitor
from votes.domain.vote import CastVote
from votes.engine.bulk import submit_all
from votes.engine.handle import Request
from votes.engine.log import Recorded, Stream
from votes.engine.ports import Meta, Unfinished
from votes.resources import event_store

NOW = datetime.now(UTC)
THEN = NOW - timedelta(days=1)
WINDOW = {"from": THEN.isoformat(), "to": (THEN + timedelta(minutes=10)).isoformat()}
CAMPAIGN, HONEST = 30, 7
RULING = {"selector": WINDOW, "verdict": "discount", "reason": "A burst of new visitors."}


@pytest.fixture
def moderator(live_site):
    return bearer(live_site, "a-moderator", "moderator")


@pytest.fixture
async def voted_on(live_site, http):
    """A tool with votes of now, and a campaign in the window; of its votes two are held."""
    slug = new_tool(live_site)
    for _ in range(HONEST):
        token = authorization(visitor_token(http), "Visitor")
        http.put(f"/v1/tools/{slug}/vote", json={"choice": "skip"}, headers=token)
    async with event_store(Config(postgres_url=live_site.servers.app_url)) as store:
        (taken,) = await store.last_events([Stream(f"slug:{slug}")])
        tool = (await store.last_events([taken]))[taken].event.tool
        commands = [
            CastVote(tool, visitor(f"{slug}-{number}"), "ship", "unproven" if number < 2 else None)
            for number in range(CAMPAIGN)
        ]
        requests = [Request(vote.decider, one, Meta("test"), THEN) for one in commands]
        last: Any = (await submit_all(store, requests))[-1]
    seen = {"min_position": last.position}
    assert http.get(f"/v1/tools/{slug}/tally", params=seen).json()["ship"] == CAMPAIGN - 2
    return slug


def tally(site, slug):
    return get(f"{site.url}/v1/tools/{slug}/tally").json()


def journal(site, position=0):
    asked = {"limit": 100, "min_position": position}
    return get(f"{site.url}/v1/rulings", params=asked).json()["rulings"]


def in_journal(site, name, position=0):
    (found,) = [ruling for ruling in journal(site, position) if ruling["id"] == name]
    return found


def make(site, headers, slug, query="", **said):
    url = f"{site.url}/v1/rulings{query}"
    return request("POST", url, json={**RULING, "tool": slug, **said}, headers=headers)


def carried_out(site, answer, votes):
    """Wait until the ruling is carried out on so many votes, and all see it."""
    name, position = answer.json()["id"], answer.json()["position"]
    assert answer.status_code == 201
    wait_for(lambda: in_journal(site, name, position)["votes"] == votes, "the ruling carried out")
    return name


def lift(site, headers, name):
    answer = request("DELETE", f"{site.url}/v1/rulings/{name}", headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    position = answer.headers["votes-position"]
    assert in_journal(site, name, position)["lifted_at"]
    wait_for(lambda: in_journal(site, name)["votes"] == 0, "the votes restored")
    return int(position)


def test_what_is_discounted_is_gone_and_back_when_it_is_lifted(live_site, moderator, voted_on):
    before = tally(live_site, voted_on)
    name = carried_out(live_site, make(live_site, moderator, voted_on), CAMPAIGN)
    after = tally(live_site, voted_on)
    assert (after["ship"], after["skip"], after["held"]) == (0, HONEST, 0)
    assert (after["discounted"], after["against"]) == (CAMPAIGN, {"ruling": CAMPAIGN})
    lift(live_site, moderator, name)
    newer = {"position", "as_of"}
    lifted = tally(live_site, voted_on)
    assert {key: lifted[key] for key in lifted.keys() - newer} == {
        key: before[key] for key in before.keys() - newer
    }
    assert lifted["position"] > after["position"] > before["position"]


def test_a_dry_run_stores_nothing_and_says_what_comes(live_site, moderator, voted_on):
    before = tally(live_site, voted_on)
    answer = make(live_site, moderator, voted_on, "?dry_run=true")
    assert answer.status_code == 200
    said = answer.json()
    assert said["votes"] == CAMPAIGN
    assert tally(live_site, voted_on) == before
    assert voted_on not in {ruling["tool"] for ruling in journal(live_site)}
    carried_out(live_site, make(live_site, moderator, voted_on), said["votes"])
    newer = {"position", "as_of"}
    after = tally(live_site, voted_on)
    assert {key: said["tally"][key] for key in after.keys() - newer} == {
        key: after[key] for key in after.keys() - newer
    }


def test_held_votes_count_when_they_are_released(live_site, moderator, voted_on):
    released = make(live_site, moderator, voted_on, verdict="release", selector={"held": True})
    name = carried_out(live_site, released, 2)
    after = tally(live_site, voted_on)
    assert (after["ship"], after["held"], after["against"]) == (CAMPAIGN, 0, {})
    lift(live_site, moderator, name)
    assert tally(live_site, voted_on)["held"] == 2


def test_the_journal_says_what_and_why_and_nobodys_name(live_site, moderator, tool):
    made = make(live_site, moderator, tool).json()
    later = new_ruling(live_site)
    said = in_journal(live_site, made["id"], made["position"])
    assert said == made
    assert said.keys() == {
        *("id", "tool", "verdict", "selector", "reason"),
        *("made_at", "lifted_at", "votes", "position"),
    }
    assert lift(live_site, moderator, made["id"]) > made["position"]
    names = [ruling["id"] for ruling in everything(live_site, "/v1/rulings", "rulings", {})]
    assert names.index(later) < names.index(made["id"])
    page = get(f"{live_site.url}/v1/rulings", params={"limit": 1}).json()
    cursor = {"limit": 1, "cursor": page["next_cursor"]}
    following = get(f"{live_site.url}/v1/rulings", params=cursor).json()
    assert [page["rulings"][0]["id"], following["rulings"][0]["id"]] == names[:2]
    assert page["total"] == len(names)


def test_the_queue_shows_what_is_held_and_when(live_site, moderator, voted_on):
    found = everything(live_site, "/v1/moderation/queue", "tools", moderator)
    (watched,) = [one for one in found if one["tally"]["tool"] == voted_on]
    assert watched["tally"] == tally(live_site, voted_on)
    assert watched["tally"]["against"] == {"unproven": 2}
    hours = {hour["at"]: hour for hour in watched["hours"]}
    assert len(hours) == 48
    of_campaign = [hour for hour in hours.values() if hour["held"]]
    assert [(one["ship"], one["skip"], one["held"]) for one in of_campaign] == [(28, 0, 2)]
    held = [one["tally"]["held"] for one in found]
    assert held == sorted(held, reverse=True)


def test_a_repeated_request_names_the_same_ruling(live_site, moderator, tool):
    key = moderator | {"Idempotency-Key": tool}
    first, again = make(live_site, key, tool), make(live_site, key, tool)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    lift(live_site, moderator, first.json()["id"])
    assert make(live_site, key, tool).json() == first.json()
    other = make(live_site, key, tool, reason="Another reason.")
    problem(other, 422, "idempotency_key_reused")


def test_an_admin_may_do_it_too(live_site, admin, tool):
    assert make(live_site, admin, tool).status_code == 201
    assert get(f"{live_site.url}/v1/moderation/queue", headers=admin).status_code == 200


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"slug": "no-such-tool"}, 404, "tool_unknown"),
        ({"selector": {"cluster": "c1"}}, 404, "cluster_unknown"),
        ({"selector": {"from": WINDOW["to"], "to": WINDOW["from"]}}, 400, "invalid_body"),
        ({"selector": {"from": "yesterday"}}, 400, "invalid_body"),
        ({"selector": {"network": "10.0.0.1"}}, 400, "invalid_body"),
        ({"verdict": "delete"}, 400, "invalid_body"),
        ({"reason": ""}, 400, "invalid_body"),
    ],
)
@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_what_is_no_ruling_is_refused(live_site, moderator, tool, said, status, code, query):
    answer = make(live_site, moderator, query=query, **{"slug": tool, **said})
    problem(answer, status, code)


@pytest.mark.parametrize("name", ["no-such-ruling", "UPPER", "%00", "a%0ab", "x" * 500])
def test_a_ruling_that_is_not_there_cannot_be_lifted(live_site, moderator, name):
    answer = request("DELETE", f"{live_site.url}/v1/rulings/{name}", headers=moderator)
    problem(answer, 404, "ruling_unknown")


def test_a_tool_with_a_former_slug_is_the_same(live_site, moderator, admin, tool):
    url, new = f"{live_site.url}/v1/tools/{tool}/rename", f"{tool}-2"
    assert request("POST", url, json={"slug": new}, headers=admin).status_code == 200
    made = make(live_site, moderator, tool)
    carried_out(live_site, made, 0)
    assert in_journal(live_site, made.json()["id"])["tool"] == new


def carried_out_all(site, slug):
    """What explains the tally, once all its rulings are carried out."""
    told = json.loads(site.votes("explain", slug, "--json").stdout)
    return told if all(one["carried_out"] for one in told["rulings"]) else None


def test_the_log_explains_a_tally(live_site, moderator, voted_on):
    discounted = make(live_site, moderator, voted_on, selector=WINDOW | {"held": True})
    name = carried_out(live_site, discounted, 2)
    lifted = carried_out(live_site, make(live_site, moderator, voted_on), CAMPAIGN - 2)
    lift(live_site, moderator, lifted)
    seen = tally(live_site, voted_on)
    told = wait_for(partial(carried_out_all, live_site, voted_on), "a worker that is done")
    for field in ("tool", "ship", "skip", "call", "under_review", "against"):
        assert told[field] == seen[field]
    assert (told["visitors"], told["users"], told["imported"]) == (CAMPAIGN + HONEST, 0, 0)
    assert datetime.fromisoformat(told["first_vote_at"]) == THEN
    assert [(one["id"], one["votes"]) for one in told["rulings"]] == [(name, 2), (lifted, 0)]
    assert [bool(one["lifted_at"]) for one in told["rulings"]] == [False, True]
    text = live_site.votes("explain", voted_on).stdout
    for words in (
        f"{CAMPAIGN - 2 + HONEST} votes count: {CAMPAIGN - 2} ship, {HONEST} skip.",
        "2 discounted by a ruling",
        f"because: {RULING['reason']}",
        "stands on 2 votes",
        "lifted at",
    ):
        assert words in text, text
    assert "a worker is not done" not in text


def test_what_is_not_in_the_catalogue_cannot_be_explained(live_site):
    told = live_site.votes("explain", "no-such-tool")
    assert (told.returncode, told.stdout) == (1, "")
    assert "no-such-tool" in told.stderr


def test_the_doctor_names_rulings_that_are_not_carried_out():
    old = datetime.now(UTC) - timedelta(hours=1)
    made = Recorded(
        9, stream(RulingId("a-ruling")), 1, RulingMade(Selector(), "discount", "A test."), old
    )
    found = unfinished_checked("rulings", [Unfinished(made, 0)])
    assert (found.ok, found.found) == (False, "not carried out: a-ruling")
    assert unfinished_checked("rulings", [Unfinished(replace(made, at=datetime.now(UTC)), 0)]).ok
    assert unfinished_checked("rulings", []).ok
