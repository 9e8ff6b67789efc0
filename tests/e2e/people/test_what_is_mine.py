"""Personal routes: who am I, my state on a page of tools, my bookmarks."""

import httpx
import pytest

from tests.e2e.asking import authorization, bearer, new_tool, problem, unique, visitor_token
from tests.e2e.shapes import BOOKMARK, BOOKMARKS, ME, check_shape
from votes.api.application import NAMED_LIKE_ROUTES

SUBJECTS = ["a", "a:b", "1:a", "a:", ":a", "Ünï 😀", "user:a", "a%", "a_", "A"]


def keep(http: httpx.Client, who: dict[str, str], tool: str, **body: object) -> httpx.Response:
    return http.put(f"/v1/me/bookmarks/{tool}", json=body, headers=who)


def names(page: httpx.Response) -> list[str]:
    check_shape(page.json(), BOOKMARKS)
    return [bookmark["tool"] for bookmark in page.json()["bookmarks"]]


def test_i_am_nobody_then_a_visitor_and_a_user_with_a_token(http, live_site, tool):
    said = [http.get("/v1/me").json()]
    http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"})
    said.append(http.get("/v1/me").json())
    panelist = bearer(live_site, "Ada", "panelist", "admin", persona="builder")
    said.append(http.get("/v1/me", headers=panelist).json())
    for one in said:
        check_shape(one, ME)
    assert said[0] == {
        "kind": "nobody",
        "id": None,
        "roles": [],
        "persona": None,
        "login_ended": False,
    }
    assert said[1]["kind"] == "visitor"
    assert said[1]["id"]
    assert said[2] == {
        "kind": "user",
        "id": "Ada",
        "roles": ["admin", "panelist"],
        "persona": "builder",
        "login_ended": False,
    }


def test_my_state_has_my_last_vote_and_my_bookmarks_at_once(http, live_site, me):
    one, two, three = (new_tool(live_site) for _ in range(3))
    params = {"tools": f"{one},{two},{three},no-such-tool"}
    http.put(f"/v1/tools/{one}/vote", json={"choice": "ship"}, headers=me)
    http.put(f"/v1/tools/{two}/vote", json={"choice": "skip"}, headers=me)
    http.delete(f"/v1/tools/{two}/vote", headers=me)
    keep(http, me, two)
    keep(http, me, three)
    http.delete(f"/v1/me/bookmarks/{three}", headers=me)
    assert http.get("/v1/me/state", params=params, headers=me).json() == {
        one: {"vote": "ship", "bookmarked": False},
        two: {"vote": None, "bookmarked": True},
        three: {"vote": None, "bookmarked": False},
        "no-such-tool": {"vote": None, "bookmarked": False},
    }


def test_a_visitor_has_a_state_without_bookmarks(http, tool):
    params = {"tools": tool}
    assert http.get("/v1/me/state", params=params).json()[tool]["vote"] is None
    http.put(f"/v1/tools/{tool}/vote", json={"choice": "skip"})
    assert http.get("/v1/me/state", params=params).json()[tool] == {
        "vote": "skip",
        "bookmarked": False,
    }


def test_a_bookmark_is_new_then_there_then_gone(http, tool, me):
    path = f"/v1/me/bookmarks/{tool}"
    notes = {"note": "line one\nline two", "tags": [" edge ", "edge", ""], "collection": "to-try"}
    new = keep(http, me, tool, note="x")
    there = keep(http, me, tool, note="line one\nline two", tags=["edge"], collection="to-try")
    same = keep(http, me, tool, **{**notes, "tags": ["edge", "edge"]})
    assert [answer.status_code for answer in (new, there, same)] == [201, 200, 200]
    for answer in (new, there, same):
        check_shape(answer.json(), BOOKMARK)
    assert there.json() == same.json()
    assert there.json()["tags"] == ["edge"]
    assert new.json()["added_at"] == there.json()["added_at"]
    kept = http.put(path, headers=me)  # nothing is said of it, so nothing changes
    assert (kept.status_code, kept.json()) == (200, there.json())
    emptied = http.put(path, headers=me, json={})  # what the body leaves out is empty
    assert (emptied.status_code, emptied.json()["note"], emptied.json()["tags"]) == (200, "", [])
    gone = [http.delete(path, headers=me) for _ in range(2)]
    assert [(answer.status_code, answer.content) for answer in gone] == [(204, b"")] * 2
    assert names(http.get("/v1/me/bookmarks", headers=me)) == []
    assert keep(http, me, tool).status_code == 201


def test_bookmarks_are_listed_sorted_searched_and_filtered(http, live_site, me):
    tools = sorted(new_tool(live_site) for _ in range(3))
    keep(http, me, tools[1], note="Über alles", tags=["fast", "edge"], collection="Work")
    keep(http, me, tools[0], note="later", tags=["slow"], collection="Work")
    keep(http, me, tools[2], tags=["fast"])

    def listed(**params: object) -> list[str]:
        return names(http.get("/v1/me/bookmarks", params=params, headers=me))

    assert listed() == listed(sort="added") == [tools[2], tools[0], tools[1]]
    assert listed(sort="old") == [tools[1], tools[0], tools[2]]
    assert listed(sort="name") == tools
    assert listed(tag="fast", sort="name") == [tools[1], tools[2]]
    assert listed(collection="Work", tag="slow") == [tools[0]]
    assert listed(q="ÜBER edge") == [tools[1]]
    assert listed(q=tools[2]) == [tools[2]]
    keep(http, me, tools[1], note="Über alles", tags=["fast", "edge"])
    assert listed(sort="changed") == [tools[1], tools[2], tools[0]]
    assert listed(sort="added") == [tools[2], tools[0], tools[1]]
    assert listed(tag="fas") == listed(collection="work") == []


@pytest.mark.parametrize("sort", ["added", "old", "changed", "name", "verdict", "rank"])
def test_every_bookmark_is_on_one_page(http, live_site, me, sort):
    tools = {new_tool(live_site) for _ in range(5)}
    for tool in tools:
        keep(http, me, tool)
    found: list[str] = []
    cursor: dict[str, str | None] = {}
    for _ in range(3):
        params = {"sort": sort, "limit": 2, **cursor}
        page = http.get("/v1/me/bookmarks", params=params, headers=me)
        found += names(page)
        assert page.json()["total"] == 5
        cursor = {"cursor": page.json()["next_cursor"]}
    assert cursor == {"cursor": None}
    assert len(found) == 5
    assert set(found) == tools


def test_nobody_sees_the_bookmarks_or_the_state_of_another(http, live_site):
    mark = unique("")
    people = {subject: bearer(live_site, f"{subject}{mark}") for subject in SUBJECTS}
    people |= {f"{mark}{subject}": bearer(live_site, f"{mark}{subject}") for subject in SUBJECTS}
    own = {name: new_tool(live_site) for name in people}
    for name, who in people.items():
        assert keep(http, who, own[name], note=name).status_code == 201
        assert http.put(f"/v1/tools/{own[name]}/vote", json={"choice": "ship"}, headers=who)
    for name, who in people.items():
        page = http.get("/v1/me/bookmarks", headers=who)
        assert names(page) == [own[name]]
        assert page.json()["bookmarks"][0]["note"] == name
        params = {"tools": ",".join(own.values())}
        state = http.get("/v1/me/state", params=params, headers=who).json()
        assert [slug for slug, mine in state.items() if mine["vote"]] == [own[name]]
        assert [slug for slug, mine in state.items() if mine["bookmarked"]] == [own[name]]


def test_who_has_written_nothing_has_nothing(http, tool, me):
    for _ in range(2):
        assert http.get("/v1/me/state", params={"tools": tool}, headers=me).json() == {
            tool: {"vote": None, "bookmarked": False}
        }
        assert names(http.get("/v1/me/bookmarks", headers=me)) == []
    bad = http.get("/v1/me/bookmarks", params={"cursor": "x"}, headers=me)
    problem(bad, 400, "invalid_cursor")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_bookmarks_are_for_users(http, tool, method):
    path = "/v1/me/bookmarks" + ("" if method == "GET" else f"/{tool}")
    token = authorization(visitor_token(http), "Visitor")
    problem(http.request(method, path), 401, "not_authenticated")
    problem(http.request(method, path, headers=token), 401, "not_authenticated")


def test_a_tool_that_is_not_there_cannot_be_bookmarked(http, me):
    path = f"/v1/me/bookmarks/{unique('tool')}"
    problem(http.put(path, json={}, headers=me), 404, "tool_unknown")
    assert http.delete(path, headers=me).status_code == 204


def test_a_bookmark_outlives_a_delisting_and_can_be_removed(http, tool, me, admin):
    keep(http, me, tool)
    http.delete(f"/v1/tools/{tool}", headers=admin)
    assert names(http.get("/v1/me/bookmarks", headers=me)) == [tool]
    problem(keep(http, me, tool, note="new"), 404, "tool_unknown")
    assert http.delete(f"/v1/me/bookmarks/{tool}", headers=me).status_code == 204
    assert names(http.get("/v1/me/bookmarks", headers=me)) == []


@pytest.mark.parametrize("path", sorted({one.paths.copy().pop() for one in NAMED_LIKE_ROUTES}))
def test_a_tool_that_is_named_like_a_route_is_kept_like_any_other(http, live_site, me, path):
    slug, admin = path.rpartition("/")[2], bearer(live_site, "an-admin", "admin")
    entry = {"name": slug, "category": "Tests"}
    assert http.put(f"/v1/tools/{slug}", json=entry, headers=admin).status_code < 300
    try:
        kept = keep(http, me, slug, note="x")
        assert (kept.status_code, kept.json()["tool"]) == (201, slug)
        stale = http.put(path, headers={"If-Match": '"x"', **me})
        assert stale.status_code == 412
        assert names(http.get("/v1/me/bookmarks", headers=me)) == [slug]
        assert http.delete(path, headers=me).status_code == 204
        assert names(http.get("/v1/me/bookmarks", headers=me)) == []
    finally:
        http.delete(f"/v1/tools/{slug}", headers=admin)
