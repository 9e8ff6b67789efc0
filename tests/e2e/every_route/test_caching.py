"""What may be kept by whom, what is answered with 304, and waiting for a position."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.asking import bearer, get, head, problem, request, unique

SHARED = [
    "/v1/tools",
    "/v1/tools?sort=new&limit=3",
    "/v1/tools/mistral-3-small",
    "/v1/tools/mistral-3-small/tally",
    "/v1/tools/mistral-3-small/tally?at=1",
    "/v1/tools/mistral-3-small/reviews",
    "/v1/tallies?tools=notion,mistral-3-small",
    "/v1/compare/claude-haiku-open-weights/mistral-3-small",
]
WAITING = [path for path in SHARED if "?at=" not in path]
PERSONAL = ["/v1/me", "/v1/me/state?tools=notion", "/v1/me/bookmarks"]
FAR = 2**63 - 1


def with_position(path: str, position: int) -> str:
    return f"{path}{'&' if '?' in path else '?'}min_position={position}"


@pytest.mark.parametrize("path", SHARED)
def test_a_shared_read_is_not_sent_again_to_whom_has_it(http, path):
    first = http.get(path)
    etag = first.headers["etag"]
    assert etag[0] == etag[-1] == '"'
    assert first.headers["cache-control"] == "public, max-age=0, must-revalidate"
    for condition in (etag, f"W/{etag}", f'"other", {etag}', f'"a" ,W/{etag}', "*"):
        answer = http.get(path, headers={"If-None-Match": condition})
        assert (answer.status_code, answer.content) == (304, b""), condition
        assert answer.headers["etag"] == etag
        assert answer.headers["cache-control"] == first.headers["cache-control"]


@pytest.mark.parametrize("condition", ['"other"', "", '"*"', "W/", '"a", "b"', "x" * 5_000])
def test_a_shared_read_is_sent_to_whom_has_another(http, condition):
    for path in SHARED:
        answer = http.get(path, headers={"If-None-Match": condition})
        assert answer.status_code == 200
        assert answer.json()


def test_a_tag_without_its_quotes_is_another(http):
    etag = http.get(SHARED[2]).headers["etag"].strip('"')
    assert http.get(SHARED[2], headers={"If-None-Match": etag}).status_code == 200


def test_a_vote_changes_the_tag_of_what_it_changes(http, live_site, tool):
    paths = [f"/v1/tools/{tool}", f"/v1/tools/{tool}/tally", f"/v1/tallies?tools=notion,{tool}"]
    paths += [f"/v1/compare/notion/{tool}", "/v1/tools?sort=new"]
    quiet = f"/v1/tools/{tool}/reviews"
    before = {path: http.get(path).headers["etag"] for path in [*paths, quiet]}
    last = http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"}).json()["position"]
    for path in paths:
        answer = http.get(with_position(path, last), headers={"If-None-Match": before[path]})
        assert answer.status_code == 200
        assert answer.headers["etag"] != before[path]
    assert http.get(quiet, headers={"If-None-Match": before[quiet]}).status_code == 304


@pytest.mark.parametrize("path", PERSONAL)
def test_a_personal_answer_is_kept_by_nobody(http, live_site, path):
    answer = http.get(path, headers={**bearer(live_site, "ada"), "If-None-Match": "*"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, no-store"
    assert "etag" not in answer.headers


def test_the_answer_to_a_write_is_kept_by_nobody(http, live_site, tool):
    me = bearer(live_site, unique("user"))
    answers = [
        http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"}),
        http.delete(f"/v1/tools/{tool}/vote"),
        http.put(f"/v1/me/bookmarks/{tool}", json={}, headers=me),
        http.delete(f"/v1/me/bookmarks/{tool}", headers=me),
        http.post("/v1/visitors"),
    ]
    assert {answer.headers["cache-control"] for answer in answers} == {"private, no-store"}


def test_a_read_answers_at_or_after_the_position_asked_for(http, live_site):
    now = head(live_site)
    for path in (*WAITING, "/v1/me/state?tools=notion"):
        assert http.get(with_position(path, now)).status_code == 200


def test_a_read_of_a_position_that_does_not_come_says_to_try_again(http, live_site):
    me = bearer(live_site, "ada")
    paths = [with_position(path, FAR) for path in (*SHARED, *PERSONAL[1:])]
    with ThreadPoolExecutor(len(paths)) as pool:
        answers = list(pool.map(lambda path: get(live_site.url + path, headers=me), paths))
    for answer in answers:
        assert str(FAR) in problem(answer, 503, "not_yet")["detail"]
        assert int(answer.headers["retry-after"]) >= 1
        assert "etag" not in answer.headers


@pytest.mark.parametrize("path", [*WAITING[:3], "/v1/visitors", "/health/live", "/v1/me"])
@pytest.mark.parametrize("method", ["PATCH", "PROPFIND"])
def test_a_method_that_a_path_does_not_have_is_a_problem(http, path, method):
    problem(http.request(method, path), 405, "method_not_allowed")


@pytest.mark.parametrize("path", ["/v1", "/v1/tools/notion/", "/v1/nothing", "/v2/tools"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
def test_a_path_that_does_not_exist_is_a_problem(live_site, path, method):
    answer = request(method, live_site.url + path)
    if not (path.endswith("notion/") and answer.status_code != 404):  # a last slash may be forgiven
        problem(answer, 404, "not_found")
