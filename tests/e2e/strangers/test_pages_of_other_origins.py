"""Pages on other origins: who may read, and what a preflight allows."""

import httpx
import pytest

from tests.e2e.asking import get, put, request, unique
from tests.e2e.conftest import ORIGINS

STRANGERS = [
    "https://evil.example",
    "https://app.example.com.evil.example",
    "https://evil-app.example.com",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://app.example.com:443",
    "https://APP.example.com",
    "https://app.example.com.",
    "https://app.example.com/",
    "https://app.example.com, http://localhost:3000",
    "http://localhost:3001",
    "null",
    "*",
]
READS = ["/v1/tools", "/v1/tools/notion", "/v1/tools/notion/tally", "/v1/me", "/health/live"]


def preflight(url: str, origin: str, method: str, headers: str) -> httpx.Response:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }
    return request("OPTIONS", f"{url}/v1/tools/notion/vote", headers=asked)


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_listed_origin_may_read(guarded, origin):
    for path in READS:
        answer = get(guarded + path, headers={"Origin": origin})
        assert answer.headers["access-control-allow-origin"] == origin
        assert "access-control-allow-credentials" not in answer.headers
        assert "origin" in answer.headers["vary"].lower()
        exposed = answer.headers["access-control-expose-headers"].lower()
        assert "etag" in exposed
        assert "retry-after" in exposed


def test_a_listed_origin_may_read_a_problem_and_a_304(guarded):
    origin = {"Origin": ORIGINS[0]}
    etag = get(f"{guarded}/v1/tools", headers=origin).headers["etag"]
    vote = f"{guarded}/v1/tools/notion/vote"
    answers = [
        get(f"{guarded}/v1/tools", headers={**origin, "If-None-Match": etag}),
        get(f"{guarded}/v1/tools/{unique('tool')}", headers=origin),
        get(f"{guarded}/v1/me/bookmarks", headers=origin),
        get(f"{guarded}/v1/tools?limit=x", headers=origin),
        get(f"{guarded}/v1/nothing", headers=origin),
        put(vote, content=b"x" * 20_000, headers=origin),
        put(vote, content=b"{}", headers=origin),
    ]
    assert [answer.status_code for answer in answers] == [304, 404, 401, 400, 404, 415, 415]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == ORIGINS[0], answer.request.url


def test_shared_answers_and_files_vary_by_what_they_depend_on(guarded):
    script = get(f"{guarded}/elements.json", headers={"Origin": ORIGINS[0]}).json()["script"]
    for headers in ({}, {"Origin": ORIGINS[0]}):
        assert get(f"{guarded}/v1/tools", headers=headers).headers["vary"] == "Origin"
        answer = get(guarded + script, headers={**headers, "Accept-Encoding": "gzip"})
        assert "accept-encoding" in answer.headers["vary"].lower()
        assert answer.headers["access-control-allow-origin"] == "*"
        answer = get(f"{guarded}/tools/notion", headers=headers)
        assert {"cookie", "authorization"} <= set(answer.headers["vary"].lower().split(", "))


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "GET"])
def test_a_preflight_allows_what_a_page_needs(guarded, origin, method):
    headers = "authorization, content-type, idempotency-key, if-none-match"
    answer = preflight(guarded, origin, method, headers)
    assert answer.status_code in (200, 204)
    assert answer.headers["access-control-allow-origin"] == origin
    assert method in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert all(name in allowed for name in headers.split(", "))
    assert int(answer.headers["access-control-max-age"]) > 0
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", STRANGERS)
def test_another_origin_gets_no_leave(guarded, origin):
    for path in READS:
        answer = get(guarded + path, headers={"Origin": origin})
        assert answer.status_code == 200
        assert "access-control-allow-origin" not in answer.headers
    answer = preflight(guarded, origin, "PUT", "content-type")
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert answer.headers["vary"] == "Origin"


def test_without_the_setting_no_origin_gets_leave(live_site):
    for origin in (*ORIGINS, live_site.url):
        answer = get(f"{live_site.url}/v1/tools", headers={"Origin": origin})
        assert "access-control-allow-origin" not in answer.headers
        answer = preflight(live_site.url, origin, "PUT", "content-type")
        assert "access-control-allow-origin" not in answer.headers
