"""A user gets all that is held of them, and nothing of anybody else."""

import asyncio

import pytest

from tests.e2e.asking import authorization, bearer, new_tool, problem, unique, visitor_token
from tests.e2e.shapes import BOOKMARK, COLLECTION, check_shape
from votes.app import export
from votes.app.bookmarks.shelves import Shelves
from votes.config import Config
from votes.resources import event_store
from votes.store.people import People


def held(http, who):
    answer = http.get("/v1/me/export", headers=who)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, no-store")
    return answer.json()


def test_of_a_stranger_nothing_is_held_and_asking_changes_that_not(http, live_site):
    subject = unique("user")
    for _ in range(2):
        said = held(http, bearer(live_site, subject))
        kinds = ("votes", "bookmarks", "collections", "unmatched", "acts", "links")
        assert said == {"id": subject, "since": None, **{kind: [] for kind in kinds}}


def test_it_has_votes_bookmarks_and_what_was_done_under_a_role(http, live_site):
    subject, persona = unique("user"), unique("persona")
    me = bearer(live_site, subject, "admin", "moderator", "panelist", persona=persona)
    other = bearer(live_site, unique("user"), "admin", "moderator", "panelist", persona=persona)
    one, two, mine = new_tool(live_site), new_tool(live_site), unique("tool")
    note = {"note": "For me", "tags": ["a"], "collection": "work"}
    for who in (me, other):
        http.put(f"/v1/tools/{one}/vote", json={"choice": "ship"}, headers=who)
        http.put(f"/v1/tools/{two}/vote", json={"choice": "skip"}, headers=who)
        http.put(f"/v1/me/bookmarks/{one}", json=note, headers=who)
        http.put("/v1/me/collections/work", json={"name": "Work"}, headers=who)
        http.put(f"/v1/me/bookmarks/{two}", headers=who)
        http.delete(f"/v1/me/bookmarks/{two}", headers=who)
        opinion = {"score": 5, "choice": "skip", "body": subject if who is me else "other"}
        http.put(f"/v1/tools/{one}/reviews/{persona}", json=opinion, headers=who)
        ruling = {"tool": one, "selector": {}, "verdict": "release", "reason": "A test."}
        http.post("/v1/rulings", json=ruling, headers=who)
    http.put(f"/v1/tools/{mine}", json={"name": "Mine", "category": "Tests"}, headers=me)
    http.delete(f"/v1/tools/{two}/vote", headers=me)
    said = held(http, me)
    assert said["id"] == subject
    (vote,) = said["votes"]
    assert said["since"] <= vote["at"]
    assert (vote["tool"], vote["choice"]) == (one, "ship")
    (kept,) = said["bookmarks"]
    check_shape(kept, BOOKMARK)
    assert {name: kept[name] for name in note} == note
    (work,) = said["collections"]
    check_shape(work, COLLECTION)
    assert work["name"] == "Work"
    assert [(act["type"], act["tool"]) for act in said["acts"]] == [
        ("ReviewPublished", one),
        ("RulingMade", one),
        ("SlugTaken", mine),
        ("ToolListed", mine),
    ]
    assert said["acts"][0]["data"]["opinion"]["body"] == subject
    positions = [act["position"] for act in said["acts"]]
    assert positions == sorted(positions)


def test_it_is_complete_however_much_that_is(live_site, http, monkeypatch):
    subject, tools = unique("user"), [new_tool(live_site) for _ in range(5)]
    me = bearer(live_site, subject)
    for tool in tools:
        http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"}, headers=me)
        http.put(f"/v1/me/bookmarks/{tool}", headers=me)
    monkeypatch.setattr(export, "STREAMS_READ_MAX", 2)

    async def read():
        async with event_store(Config(postgres_url=live_site.servers.app_url)) as store:
            person = await People(store, store).find(subject)
            assert person is not None
            shelf = await Shelves(store).of(person)
            assert shelf is not None
            return await export.export(store, None, subject, shelf, [])

    said = asyncio.run(read())
    for found in (said.votes, said.bookmarks):
        assert sorted(one.tool for one in found) == sorted(tools)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_it_is_for_users(http, method):
    path = "/v1/me/export" if method == "GET" else "/v1/me"
    token = authorization(visitor_token(http), "Visitor")
    problem(http.request(method, path), 401, "not_authenticated")
    problem(http.request(method, path, headers=token), 401, "not_authenticated")
