"""Bookmarks in full: lost updates are refused, many change at once, all of it can be undone, and
what changed is told."""

import httpx
import pytest

from tests.e2e.asking import api_beside, bearer, get, problem, unique
from tests.e2e.shapes import BOOKMARK, check_shape


def keep(http: httpx.Client, me: dict[str, str], tool: str, **kept: object) -> httpx.Response:
    return http.put(f"/v1/me/bookmarks/{tool}", json=kept, headers=me)


def post(http: httpx.Client, me: dict[str, str], what: str, **body: object) -> httpx.Response:
    return http.post(f"/v1/me/bookmarks:{what}", json=body, headers=me)


def kept(http: httpx.Client, me: dict[str, str]) -> dict[str, tuple[str, list[str]]]:
    """Note and tags by tool."""
    page = http.get("/v1/me/bookmarks", headers=me).json()
    return {one["tool"]: (one["note"], one["tags"]) for one in page["bookmarks"]}


def test_a_lost_update_is_refused(http, me, tools):
    first = keep(http, me, tools[0], note="first")
    assert first.headers["etag"] == f'"{first.json()["etag"]}"'
    path, seen = f"/v1/me/bookmarks/{tools[0]}", {"If-Match": first.headers["etag"], **me}
    second = http.put(path, json={"note": "second"}, headers=seen)
    assert (second.status_code, second.json()["note"]) == (200, "second")
    problem(http.put(path, json={"note": "third"}, headers=seen), 412, "changed")
    problem(http.delete(path, headers=seen), 412, "changed")
    assert kept(http, me) == {tools[0]: ("second", [])}
    several = {"If-Match": f"{first.headers['etag']}, {second.headers['etag']}", **me}
    assert http.delete(path, headers=several).status_code == 204
    problem(http.put(path, json={}, headers={"If-Match": "*", **me}), 412, "changed")
    assert kept(http, me) == {}


def test_what_never_was_a_tool_is_removed_like_any_other(http, live_site, me, tools):
    path = f"/v1/me/bookmarks/{unique('never')}"
    for condition in ("*", '"x"'):
        problem(http.delete(path, headers={"If-Match": condition, **me}), 412, "changed")
    problem(http.delete(path, headers={"If-Match": "x", **me}), 400, "invalid_parameter")
    bad_key = {"Idempotency-Key": "a" * 256, **me}
    problem(http.delete(path, headers=bad_key), 400, "invalid_idempotency_key")
    keyed = {"Idempotency-Key": unique("key"), **me}
    assert [http.delete(path, headers=keyed).status_code for _ in range(2)] == [204, 204]
    reused = http.put(f"/v1/me/bookmarks/{tools[0]}", json={}, headers=keyed)
    problem(reused, 422, "idempotency_key_reused")
    assert kept(http, me) == {}


def test_a_batch_about_what_never_was_a_tool_has_keys_and_conditions(http, me):
    never = unique("never")
    operation = {"op": "delete", "tool": never}
    answer = post(http, me, "batch", operations=[operation, {**operation, "if_match": "x"}])
    assert [one["status"] for one in answer.json()["answers"]] == [204, 412]
    path, keyed = "/v1/me/bookmarks:batch", {"Idempotency-Key": unique("key"), **me}
    first = http.post(path, json={"operations": [operation]}, headers=keyed)
    assert http.post(path, json={"operations": [operation]}, headers=keyed).json() == first.json()
    other = {"operations": [{**operation, "tool": unique("never")}]}
    problem(http.post(path, json=other, headers=keyed), 422, "idempotency_key_reused")


@pytest.mark.parametrize("condition", ["", "x", 'W/"x"', '"x', '"a",', "*, *"])
def test_a_bad_condition_is_refused_and_changes_nothing(http, me, tools, condition):
    path = f"/v1/me/bookmarks/{tools[0]}"
    for method in ("PUT", "DELETE"):
        answer = http.request(method, path, headers={"If-Match": condition, **me})
        problem(answer, 400, "invalid_parameter")
    assert kept(http, me) == {}


def test_a_batch_has_an_answer_for_each(http, me, tools):
    stale = keep(http, me, tools[1], note="old").json()["etag"]
    keep(http, me, tools[1], note="new")
    operations = [
        {"op": "put", "tool": tools[0], "annotations": {"note": "a", "tags": ["x"]}},
        {"op": "put", "tool": tools[0]},
        {"op": "put", "tool": tools[1], "annotations": {"note": "lost"}, "if_match": stale},
        {"op": "delete", "tool": tools[2]},
        {"op": "put", "tool": "no-such-tool"},
        {"op": "delete", "tool": "no-such-tool"},
        {"op": "delete", "tool": tools[1]},
    ]
    answer = post(http, me, "batch", operations=operations)
    answers = answer.json()["answers"]
    assert [one["status"] for one in answers] == [201, 200, 412, 204, 404, 204, 204]
    assert [one["code"] for one in answers if one["code"]] == ["changed", "tool_unknown"]
    assert [one["tool"] for one in answers] == [one["tool"] for one in operations]
    for one in answers[:2]:
        check_shape(one["bookmark"], BOOKMARK)
        assert one["bookmark"]["note"] == "a"
    assert kept(http, me) == {tools[0]: ("a", ["x"])}


def test_a_batch_that_is_sent_again_has_the_same_answers(http, me, tools):
    operations = [{"op": "put", "tool": tool} for tool in tools]
    keyed = {"Idempotency-Key": unique("key"), **me}
    path, body = "/v1/me/bookmarks:batch", {"operations": operations}
    first = http.post(path, json=body, headers=keyed)
    http.delete(f"/v1/me/bookmarks/{tools[0]}", headers=me)
    again = http.post(path, json=body, headers=keyed)
    assert [one["status"] for one in again.json()["answers"]] == [201] * 3
    assert again.json() == first.json()
    assert kept(http, me).keys() == set(tools[1:])
    removals = [{"op": "delete", "tool": tool} for tool in tools]
    for others in (operations[::-1], operations[:2], [*operations, removals[1]], removals):
        other = http.post(path, json={"operations": others}, headers=keyed)
        problem(other, 422, "idempotency_key_reused")
    assert kept(http, me).keys() == set(tools[1:])


def test_a_batch_has_a_size(http, me, tools):
    operations = [{"op": "put", "tool": tools[0]}] * 101
    problem(post(http, me, "batch", operations=operations), 400, "invalid_body")
    problem(post(http, me, "batch", operations=[]), 400, "invalid_body")
    assert kept(http, me) == {}


def test_a_tag_is_renamed_merged_and_taken_away_and_all_of_it_undone(http, me, tools):
    keep(http, me, tools[0], note="n", tags=["old", "x"])
    keep(http, me, tools[1], tags=["x"])
    keep(http, me, tools[2], tags=["other"])
    first = kept(http, me)
    renamed = post(http, me, "retag", tag="old", to="new").json()
    assert renamed["bookmarks"] == 1
    assert kept(http, me)[tools[0]] == ("n", ["new", "x"])
    merged = post(http, me, "retag", tag="new", to="x").json()
    assert kept(http, me)[tools[0]] == ("n", ["x"])
    gone = post(http, me, "retag", tag="x", to=None).json()
    assert gone["bookmarks"] == 2
    assert kept(http, me) == {tools[0]: ("n", []), tools[1]: ("", []), tools[2]: ("", ["other"])}
    assert post(http, me, "retag", tag="x", to="y").json()["bookmarks"] == 0
    undone = post(http, me, "undo", after=gone["after"], until=gone["until"]).json()
    assert (undone["bookmarks"], kept(http, me)[tools[0]]) == (2, ("n", ["x"]))
    again = post(http, me, "undo", after=merged["after"], until=merged["until"]).json()
    assert again["bookmarks"] == 0  # the bookmark has changed since
    post(http, me, "undo", after=renamed["after"], until=undone["until"])
    assert kept(http, me) == first
    labels = http.get("/v1/me/bookmarks:labels", headers=me).json()
    assert labels == {
        "tags": [
            {"name": "old", "bookmarks": 1},
            {"name": "other", "bookmarks": 1},
            {"name": "x", "bookmarks": 2},
        ],
        "collections": [],
        "unsorted": 3,
        "total": 3,
    }


def test_a_removed_bookmark_comes_back_as_it_was(http, me, tools):
    for tool in tools:
        keep(http, me, tool, note=f"of {tool}", tags=["x"], collection="k")
    before = http.get("/v1/me/bookmarks", headers=me).json()["bookmarks"]
    for tool in tools[:2]:
        http.delete(f"/v1/me/bookmarks/{tool}", headers=me)
    trash = http.get("/v1/me/bookmarks:removed", params={"limit": 1}, headers=me).json()
    assert trash["total"] == 2
    (last,) = trash["removed"]
    params = {"cursor": trash["next_cursor"]}
    (first,) = http.get("/v1/me/bookmarks:removed", params=params, headers=me).json()["removed"]
    assert [one["bookmark"]["tool"] for one in (last, first)] == [tools[1], tools[0]]
    for one in (first, last):
        place = {"after": one["position"] - 1, "until": one["position"]}
        assert post(http, me, "undo", **place).json()["bookmarks"] == 1
        assert post(http, me, "undo", **place).json()["bookmarks"] == 0
    after = http.get("/v1/me/bookmarks", headers=me).json()["bookmarks"]
    fields = ("tool", "note", "tags", "collection", "rank", "added_at")
    assert [[one[f] for f in fields] for one in after] == [
        [one[f] for f in fields] for one in before
    ]
    assert http.get("/v1/me/bookmarks:removed", headers=me).json()["removed"] == []


def test_what_has_changed_since_is_not_undone(http, me, tools):
    keep(http, me, tools[0], note="first")
    second = keep(http, me, tools[0], note="second").json()["position"]
    keep(http, me, tools[0], note="third")
    undone = post(http, me, "undo", after=second - 1, until=second)
    assert undone.json()["bookmarks"] == 0
    assert kept(http, me) == {tools[0]: ("third", [])}
    everything = post(http, me, "undo", after=0, until=2**63 - 1)
    assert everything.json()["bookmarks"] == 1
    assert kept(http, me) == {}


def test_nobody_undoes_or_reads_what_another_did(http, me, live_site, tools):
    other = bearer(live_site, unique("user"))
    position = keep(http, me, tools[0], note="mine").json()["position"]
    keep(http, other, tools[0])
    assert post(http, other, "undo", after=position - 1, until=position).json()["bookmarks"] == 0
    mine = http.get("/v1/me/bookmarks/changes", headers=me).json()["next_cursor"]
    told = http.get("/v1/me/bookmarks/changes", params={"cursor": mine}, headers=other).json()
    assert told["from_start"]
    assert [one["bookmark"]["note"] for one in told["changes"]] == [""]
    assert kept(http, me) == {tools[0]: ("mine", [])}


def test_changes_are_told_in_order_whatever_process_is_asked(http, me, live_site, tools):
    none = http.get("/v1/me/bookmarks/changes", headers=me).json()
    assert (none["changes"], none["more"], none["from_start"]) == ([], False, True)
    keep(http, me, tools[0], note="first")
    keep(http, me, tools[0], note="second")
    http.delete(f"/v1/me/bookmarks/{tools[0]}", headers=me)
    keep(http, me, tools[1])
    told, cursor = [], none["next_cursor"]
    with api_beside(live_site) as url:
        for asked in (http.base_url, url, http.base_url, url):
            page = get(
                f"{asked}/v1/me/bookmarks/changes",
                params={"cursor": cursor, "limit": 1},
                headers=me,
            ).json()
            told += page["changes"]
            cursor = page["next_cursor"]
    assert not page["more"]
    kinds = [(one["kind"], one["tool"]) for one in told]
    assert kinds == [
        ("added", tools[0]),
        ("revised", tools[0]),
        ("removed", tools[0]),
        ("added", tools[1]),
    ]
    assert [one["bookmark"] and one["bookmark"]["note"] for one in told[:3]] == [
        "first",
        "second",
        None,
    ]
    http.delete("/v1/me", headers=me)
    erased = http.get("/v1/me/bookmarks/changes", params={"cursor": cursor}, headers=me).json()
    assert (erased["changes"], erased["from_start"]) == ([], True)


@pytest.mark.parametrize(
    "cursor",
    ["x", "WyJib29rbWFyayBjaGFuZ2VzIl0", "WyJib29rbWFyayBjaGFuZ2VzIiwiIiwieCIsIiJd", "W" * 2_000],
)
def test_a_bad_cursor_of_changes_is_refused(http, me, tools, cursor):
    keep(http, me, tools[0])
    asked = http.get("/v1/me/bookmarks/changes", params={"cursor": cursor}, headers=me)
    problem(asked, 400, "invalid_cursor")
