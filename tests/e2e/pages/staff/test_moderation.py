"""Moderators rule on votes by plain forms; all read the journal."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.asking import bearer, request
from tests.e2e.pages.reading import named, one, page, parsed, section, words
from tests.polling import wait_for
from tests.site import SAME_ORIGIN
from votes.config import Config
from votes.domain import vote
from votes.domain.terms import visitor
from votes.domain.tool import slug_stream
from votes.domain.vote import CastVote
from votes.engine.bulk import submit_all
from votes.engine.handle import Request
from votes.engine.ports import Meta
from votes.resources import event_store

HELD, COUNTED = 6, 3
REASON = "A burst of <new> visitors."


@pytest.fixture
def moderator(live_site):
    return SAME_ORIGIN | bearer(live_site, "a-moderator", "moderator")


@pytest.fixture
async def watched(live_site, http, tool):
    """A tool with votes that count, and more that are held."""
    at = datetime.now(UTC) - timedelta(hours=2)
    async with event_store(Config(postgres_url=live_site.servers.app_url)) as store:
        taken = slug_stream(tool)
        found = (await store.last_events([taken]))[taken].event.tool
        voters = [visitor(f"{tool}-{number}") for number in range(HELD + COUNTED)]
        commands = [
            CastVote(found, voter, "ship", "unproven" if number < HELD else None)
            for number, voter in enumerate(voters)
        ]
        asked = [Request(vote.decider, command, Meta("test"), at) for command in commands]
        last: Any = (await submit_all(store, asked))[-1]
    seen = {"min_position": last.position}
    assert http.get(f"/v1/tools/{tool}/tally", params=seen).json()["held"] == HELD
    return tool


def filled(form, **fields):
    """What a browser sends of the form: its hidden and filled fields."""
    found = {field.get("name"): field.get("value") or "" for field in named(form, "input")}
    assert fields.keys() - {"what"} <= found.keys()
    return found | fields


def in_journal(http, tool):
    """The rows of the journal about the tool."""
    rows = [words(row) for row in named(page(http, "/rulings"), "li", class_="row")]
    return [row for row in rows if row.startswith(tool)]


def test_a_ruling_is_tried_made_read_by_all_and_lifted(http, moderator, watched):
    queue = page(http, "/moderation", headers=moderator)
    assert f"{HELD} votes held" in words(section(queue, "queue"))
    chosen = page(http, f"/moderation?tool={watched}", headers=moderator)
    assert "no proof of work" in words(section(chosen, "queue"))
    form = one(section(chosen, "rule"), "form")
    said = filled(form, reason=REASON, what="discount_held")
    assert said["tool"] == watched
    assert {button.get("value") for button in named(form, "button")} >= {said["what"]}
    tried = http.post(form.get("action"), data=said, headers=moderator)
    assert (tried.status_code, tried.headers["cache-control"]) == (200, "private, no-store")
    preview = parsed(tried.text)
    assert f"Discount {HELD} votes on {watched}?" in words(one(preview, "h1"))
    assert in_journal(http, watched) == []
    form = one(one(preview, "main"), "form")
    made = http.post(form.get("action"), data=filled(form), headers=moderator)
    assert made.status_code == 303
    wait_for(lambda: f"{HELD} votes" in "".join(in_journal(http, watched)), "the ruling")
    (row,) = in_journal(http, watched)
    assert REASON in row
    assert "Discounted: held votes" in row
    assert f"{HELD} discounted" in words(page(http, f"/tools/{watched}"))
    queue = page(http, made.headers["location"].partition("#")[0], headers=moderator)
    rows = named(section(queue, "journal"), "li", class_="row")
    (undo,) = [one(row, "form") for row in rows if words(row).startswith(watched)]
    lifted = http.post(undo.get("action"), headers=moderator)
    assert lifted.status_code == 303
    wait_for(lambda: "Lifted" in "".join(in_journal(http, watched)), "the ruling lifted")
    wait_for(
        lambda: http.get(f"/v1/tools/{watched}/tally").json()["held"] == HELD, "the votes held"
    )


def test_held_votes_in_a_window_are_released(http, moderator, watched):
    at = datetime.now(UTC) - timedelta(hours=3)
    data = {
        "tool": watched,
        "from": f"{at:%Y-%m-%dT%H:%M}",
        "to": f"{at + timedelta(hours=2):%Y-%m-%dT%H:%M:%S}",
        "what": "release",
        "reason": "An office.",
    }
    tried = http.post("/moderation/preview", data=data, headers=moderator)
    assert f"Release {HELD} votes" in words(one(parsed(tried.text), "h1"))
    data["to"] = f"{at:%Y-%m-%dT%H:%M:%S.%f}"
    tried = http.post("/moderation/preview", data=data, headers=moderator)
    assert "Release 0 votes" in words(one(parsed(tried.text), "h1"))


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"tool": "no-such-tool"}, 404),
        ({"what": "delete"}, 400),
        ({"reason": ""}, 400),
        ({"from": "yesterday"}, 400),
        ({"from": "2026-01-02T00:00", "to": "2026-01-01T00:00"}, 400),
    ],
)
@pytest.mark.parametrize("path", ["/moderation/preview", "/moderation/rulings"])
def test_a_form_that_is_no_ruling_is_told_and_stores_nothing(
    http, moderator, tool, path, wrong, status
):
    data = {"tool": tool, "what": "discount", "reason": "A test."}
    answer = http.post(path, data=data | wrong, headers=moderator)
    assert answer.status_code == status
    assert "text/html" in answer.headers["content-type"]
    assert in_journal(http, tool) == []


FORMS = ["/moderation/preview", "/moderation/rulings", "/moderation/rulings/none/lift"]


@pytest.mark.parametrize("path", FORMS)
def test_moderators_alone_send_these_forms(live_site, tool, path):
    data = {"tool": tool, "what": "discount", "reason": "A test."}
    user = SAME_ORIGIN | bearer(live_site, "somebody", "panelist")
    for headers, status in ((SAME_ORIGIN, 401), (user, 403)):
        answer = request("POST", live_site.url + path, data=data, headers=headers)
        assert answer.status_code == status


def test_the_page_is_for_moderators(live_site, http, moderator, admin):
    assert http.get("/moderation").status_code == 401
    assert http.get("/moderation", headers=bearer(live_site, "somebody")).status_code == 403
    assert http.get("/moderation", headers=admin).status_code == 200
    answer = http.get("/moderation", headers=moderator)
    assert answer.headers["cache-control"] == "private, no-store"
    robots = one(parsed(answer.text), "meta", name="robots")
    assert robots.get("content") == "noindex"


def test_a_ruling_that_is_not_there_cannot_be_lifted(http, moderator):
    answer = http.post("/moderation/rulings/none/lift", headers=moderator)
    assert answer.status_code == 404
