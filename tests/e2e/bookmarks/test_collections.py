"""Collections: made, nested, moved by one write, removed and brought back with what was in them."""

from typing import Any

import httpx
import pytest

from tests.e2e.asking import bearer, problem, unique
from tests.e2e.shapes import COLLECTION, check_shape
from votes.domain.bookmarks.ranks import between


def save(http: httpx.Client, me: dict[str, str], name: str, **fields: object) -> httpx.Response:
    path = f"/v1/me/collections/{name.lower()}"
    return http.put(path, json={"name": name, **fields}, headers=me)


def tree(http: httpx.Client, me: dict[str, str]) -> list[tuple[str, str | None, int]]:
    found = http.get("/v1/me/collections", headers=me).json()["collections"]
    return [(one["name"], one["inside"], one["bookmarks"]) for one in found]


def keep(http: httpx.Client, me: dict[str, str], tool: str, **kept: object) -> dict[str, Any]:
    return http.put(f"/v1/me/bookmarks/{tool}", json=kept, headers=me).json()


def undo(http: httpx.Client, me: dict[str, str], after: int, until: int) -> dict[str, int]:
    body = {"after": after, "until": until}
    return http.post("/v1/me/bookmarks:undo", json=body, headers=me).json()


def unsorted(http: httpx.Client, me: dict[str, str], **wanted: str) -> list[str]:
    """The tools of the bookmarks that are in no collection."""
    params = {"unsorted": "true", **wanted}
    found = http.get("/v1/me/bookmarks", params=params, headers=me).json()
    assert found["total"] == len(found["bookmarks"])
    return [one["tool"] for one in found["bookmarks"]]


def test_collections_are_listed_in_their_order_with_what_is_inside_them(http, me, tools):
    made = save(http, me, "Work")
    assert made.status_code == 201
    check_shape(made.json(), COLLECTION)
    save(http, me, "Home")
    save(http, me, "Later", parent="work")
    keep(http, me, tools[0], collection="later")
    keep(http, me, tools[1], collection="home")
    keep(http, me, tools[2])
    assert tree(http, me) == [("Work", None, 0), ("Later", "work", 1), ("Home", None, 1)]
    assert http.get("/v1/me/collections", headers=me).json()["unsorted"] == 1
    assert unsorted(http, me) == [tools[2]]
    assert unsorted(http, me, tag="none") == []
    first = between(None, made.json()["rank"])
    moved = save(http, me, "Home", rank=first)
    assert (moved.status_code, moved.json()["rank"]) == (200, first)
    assert tree(http, me) == [("Home", None, 1), ("Work", None, 0), ("Later", "work", 1)]
    labels = http.get("/v1/me/bookmarks:labels", headers=me).json()
    assert labels["collections"] == http.get("/v1/me/collections", headers=me).json()["collections"]


def test_an_own_order_is_changed_by_one_write(http, me, tools):
    kept = [keep(http, me, tool) for tool in tools]

    def order() -> list[str]:
        query = {"sort": "rank", "limit": 2}
        page = http.get("/v1/me/bookmarks", params=query, headers=me).json()
        query["cursor"] = page["next_cursor"]
        rest = http.get("/v1/me/bookmarks", params=query, headers=me).json()
        return [one["tool"] for one in (*page["bookmarks"], *rest["bookmarks"])]

    assert order() == tools
    middle = between(kept[0]["rank"], kept[1]["rank"])
    moved = keep(http, me, tools[2], rank=middle)
    assert moved["rank"] == middle
    assert order() == [tools[0], tools[2], tools[1]]
    assert keep(http, me, tools[2])["rank"] == kept[2]["rank"]
    assert order() == tools


def test_a_removed_collection_comes_back_with_all_that_was_in_it(http, me, tools):
    save(http, me, "Work")
    save(http, me, "Later", parent="work")
    keep(http, me, tools[0], collection="work")
    before = tree(http, me)
    removed = http.delete("/v1/me/collections/work", headers=me)
    assert removed.status_code == 204
    position = int(removed.headers["votes-position"])
    assert tree(http, me) == [("Later", None, 0)]
    assert http.get("/v1/me/collections", headers=me).json()["unsorted"] == 1
    assert unsorted(http, me) == [tools[0]]
    (trash,) = http.get("/v1/me/bookmarks:removed", headers=me).json()["collections"]
    assert (trash["collection"]["name"], trash["position"]) == ("Work", position)
    done = undo(http, me, position - 1, position)
    assert (done["collections"], done["bookmarks"]) == (1, 0)
    assert tree(http, me) == before
    assert http.get("/v1/me/bookmarks:removed", headers=me).json()["collections"] == []
    again = http.delete("/v1/me/collections/none", headers=me)
    assert again.status_code == 204


def test_all_that_was_done_is_undone_together(http, me, tools):
    first = save(http, me, "Work").json()["position"]
    save(http, me, "Later", parent="work")
    save(http, me, "Work", public=True)
    last = keep(http, me, tools[0], collection="later")["position"]
    done = undo(http, me, first - 1, last)
    assert (done["collections"], done["bookmarks"]) == (2, 1)
    assert tree(http, me) == []
    assert done["after"] >= last
    assert undo(http, me, first - 1, last)["collections"] == 0
    assert undo(http, me, done["after"], done["until"])["collections"] == 2
    assert tree(http, me) == [("Work", None, 0), ("Later", "work", 1)]


def test_deeper_a_cycle_and_an_unknown_parent_are_refused(http, me):
    save(http, me, "A")
    save(http, me, "B", parent="a")
    problem(save(http, me, "C", parent="b"), 422, "collection_misplaced")
    problem(save(http, me, "A", parent="a"), 422, "collection_misplaced")
    problem(save(http, me, "A", parent="b"), 422, "collection_misplaced")
    problem(save(http, me, "C", parent="x"), 404, "collection_unknown")
    assert tree(http, me) == [("A", None, 0), ("B", "a", 0)]


def test_a_lost_update_is_refused(http, me):
    first = save(http, me, "Work")
    seen = {"If-Match": first.headers["etag"], **me}
    assert first.headers["etag"] == f'"{first.json()["etag"]}"'
    save(http, me, "Work", rank="V")
    path = "/v1/me/collections/work"
    problem(http.put(path, json={"name": "Lost"}, headers=seen), 412, "changed")
    problem(http.delete(path, headers=seen), 412, "changed")
    assert tree(http, me) == [("Work", None, 0)]


@pytest.mark.parametrize("written", ["%20", "a.b", "ä", "x" * 65])
def test_an_id_that_is_none_is_refused(http, me, written):
    path = f"/v1/me/collections/{written}"
    problem(http.put(path, json={"name": "x"}, headers=me), 400, "invalid_parameter")
    problem(http.delete(path, headers=me), 400, "invalid_parameter")


@pytest.mark.parametrize(
    "fields", [{"name": ""}, {"rank": "0"}, {"rank": "a!"}, {"rank": "z" * 101}, {"parent": ""}]
)
def test_bad_fields_are_refused(http, me, fields):
    body = {"name": "Work"} | fields
    answer = http.put("/v1/me/collections/work", json=body, headers=me)
    problem(answer, 400, "invalid_body")


def test_each_time_that_it_becomes_public_it_has_another_address(http, me):
    assert save(http, me, "Work").json()["public"] is None
    first = save(http, me, "Work", public=True).json()["public"]
    assert save(http, me, "Work", public=True, rank="V").json()["public"] == first
    assert save(http, me, "Work").json()["public"] is None
    assert save(http, me, "Work", public=True).json()["public"] not in (None, first)


def test_nobody_sees_or_changes_what_is_anothers(http, me, live_site):
    other = bearer(live_site, unique("user"))
    save(http, me, "Work")
    assert tree(http, other) == []
    http.delete("/v1/me/collections/work", headers=other)
    assert tree(http, me) == [("Work", None, 0)]
