"""Idempotency-Key: same key and body, same answer; same key, other body, refused."""

import pytest

from tests.e2e.asking import (
    authorization,
    bearer,
    new_tool,
    nothing_stored,
    problem,
    put,
    unique,
    visitor_token,
)


def keyed(headers: dict[str, str], key: str | None = None) -> dict[str, str]:
    return {**headers, "Idempotency-Key": key or unique("key")}


def test_a_vote_repeated_with_its_key_is_answered_as_at_first(http, live_site, tool, me):
    path, headers = f"/v1/tools/{tool}/vote", keyed(me)
    first = http.put(path, json={"choice": "ship"}, headers=headers)
    http.put(path, json={"choice": "skip"}, headers=me)
    with nothing_stored(live_site):
        repeated = [http.put(path, json={"choice": "ship"}, headers=headers) for _ in range(3)]
    assert {answer.content for answer in repeated} == {first.content}
    assert {answer.status_code for answer in repeated} == {200}
    state = http.get("/v1/me/state", params={"tools": tool}, headers=me).json()
    assert state[tool]["vote"] == "skip"


def test_a_vote_that_changed_nothing_is_repeated_too(http, tool, me):
    path, headers = f"/v1/tools/{tool}/vote", keyed(me)
    http.put(path, json={"choice": "ship"}, headers=me)
    first = http.put(path, json={"choice": "ship"}, headers=headers)
    http.put(path, json={"choice": "skip"}, headers=me)
    assert first.json()["changed"] is False
    repeated = http.put(path, json={"choice": "ship"}, headers=headers)
    assert repeated.content == first.content


def test_taking_a_vote_back_is_repeated_too(http, tool, me):
    path, headers = f"/v1/tools/{tool}/vote", keyed(me)
    http.put(path, json={"choice": "ship"}, headers=me)
    first = http.delete(path, headers=headers)
    http.put(path, json={"choice": "ship"}, headers=me)
    assert http.delete(path, headers=headers).content == first.content
    state = http.get("/v1/me/state", params={"tools": tool}, headers=me).json()
    assert state[tool]["vote"] == "ship"


def test_a_visitor_has_keys_too(http, tool):
    http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"})
    headers = keyed({})
    answers = [
        http.put(f"/v1/tools/{tool}/vote", json={"choice": "skip"}, headers=headers)
        for _ in range(2)
    ]
    assert answers[0].content == answers[1].content
    assert answers[0].json()["changed"] is True


def test_what_was_new_stays_new(http, live_site, tool, me, admin):
    panelist = bearer(live_site, unique("user"), "panelist", persona="builder")
    for path, body, other, who in (
        (f"/v1/me/bookmarks/{tool}", {"note": "a"}, {"note": "b"}, me),
        (f"/v1/tools/{tool}/reviews/builder", SHIP, {**SHIP, "score": 1}, panelist),
        (f"/v1/tools/{unique('tool')}", ENTRY, {**ENTRY, "name": "b"}, admin),
    ):
        headers = keyed(who)
        first = http.put(path, json=body, headers=headers)
        http.put(path, json=other, headers=who)
        repeated = http.put(path, json=body, headers=headers)
        assert (first.status_code, repeated.status_code) == (201, 201), path
        assert repeated.content == first.content
        removed = keyed(who)
        gone = [http.delete(path, headers=removed) for _ in range(2)]
        assert [answer.status_code for answer in gone] == [204, 204]
        assert gone[0].headers["votes-position"] == gone[1].headers["votes-position"]


SHIP = {"score": 90, "choice": "ship", "body": "Good."}
ENTRY = {"name": "a", "category": "Tests"}


def test_a_key_with_another_body_is_refused(http, live_site, tool, me):
    path, headers = f"/v1/tools/{tool}/vote", keyed(me)
    http.put(path, json={"choice": "ship"}, headers=headers)
    with nothing_stored(live_site):
        answer = http.put(path, json={"choice": "skip"}, headers=headers)
    problem(answer, 422, "idempotency_key_reused")


def test_a_key_with_another_path_or_method_is_refused(http, live_site, tool, me):
    headers = keyed(me)
    http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"}, headers=headers)
    other = new_tool(live_site)
    for answer in (
        http.put(f"/v1/tools/{other}/vote", json={"choice": "ship"}, headers=headers),
        http.delete(f"/v1/tools/{tool}/vote", headers=headers),
        http.put(f"/v1/me/bookmarks/{tool}", json={}, headers=headers),
    ):
        problem(answer, 422, "idempotency_key_reused")


def test_a_body_that_says_the_same_in_other_bytes_is_the_same(http, tool, me):
    path, headers = f"/v1/me/bookmarks/{tool}", keyed(me) | {"Content-Type": "application/json"}
    first = http.put(path, content=b'{"note":"a","tags":["x"]}', headers=headers)
    again = http.put(path, content=b'{ "tags" : ["x","x"],\n"note":"\\u0061"}', headers=headers)
    assert (again.status_code, again.content) == (201, first.content)


def test_the_keys_of_others_are_others_keys(http, live_site, tool):
    key = unique("key")
    callers = [bearer(live_site, unique("user")) for _ in range(2)]
    callers += [authorization(visitor_token(http), "Visitor") for _ in range(2)]
    for number, caller in enumerate(callers):
        choice = ("ship", "skip")[number % 2]
        path = f"{live_site.url}/v1/tools/{tool}/vote"
        answer = put(path, json={"choice": choice}, headers=keyed(caller, key))
        assert answer.status_code == 200, answer.text
        assert answer.json()["changed"] is True


def test_a_refused_command_may_be_tried_again_with_its_key(http, tool, me, admin):
    slug, headers = unique("tool"), keyed(me)
    path = f"/v1/tools/{slug}/vote"
    problem(http.put(path, json={"choice": "ship"}, headers=headers), 404, "tool_unknown")
    http.put(f"/v1/tools/{slug}", json=ENTRY, headers=admin)
    answer = http.put(path, json={"choice": "ship"}, headers=headers)
    assert answer.json()["changed"] is True


@pytest.mark.parametrize("key", [b"", b"a" * 256, b"a\tb", b"a\xa0b", b"\x85"])
def test_a_key_that_is_no_key_is_refused(http, live_site, tool, me, key):
    headers = {**me, "Idempotency-Key": key}
    with nothing_stored(live_site):
        answer = http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"}, headers=headers)
    problem(answer, 400, "invalid_idempotency_key")


def test_the_longest_key_is_a_key(http, tool, me):
    path, headers = f"/v1/tools/{tool}/vote", keyed(me, "~" * 255)
    answers = [http.put(path, json={"choice": "ship"}, headers=headers) for _ in range(2)]
    assert answers[0].content == answers[1].content
