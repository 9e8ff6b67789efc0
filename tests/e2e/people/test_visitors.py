"""Visitors: a signed cookie, made at the first vote and never at a read."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.e2e.asking import authorization, get, problem, put, secrets_of, unique, visitor_token
from tests.site import SAME_ORIGIN
from votes.domain.terms import VisitorId
from votes.http.logins.tokens import Visitor, VisitorTokens, new_visitor

READS = [
    "/v1/tools",
    "/v1/tools/notion",
    "/v1/tools/notion/tally",
    "/v1/tools/notion/reviews",
    "/v1/tallies?tools=notion",
    "/v1/compare/notion/figma",
    "/v1/me",
    "/v1/me/state?tools=notion",
    "/v1/me/bookmarks",
    "/health/live",
    "/health/ready",
    "/openapi.json",
    "/docs",
    "/nothing",
]
COOKIE = re.compile(
    r"(?P<name>visitor|__Host-visitor)=(?P<token>[\w-]{16}\.\d{6}c?\.[\w-]{22}); Path=/; "
    r"Max-Age=34560000; HttpOnly; SameSite=Lax(?P<secure>; Secure)?"
)


def cast(url: str, tool: str, choice: str = "ship", **headers: str) -> httpx.Response:
    """A vote of a page of ours in a browser that keeps nothing."""
    path = f"{url}/v1/tools/{tool}/vote"
    answer = put(path, json={"choice": choice}, headers=SAME_ORIGIN | headers)
    assert answer.status_code == 200, answer.text
    return answer


def cookie_of(answer: httpx.Response) -> re.Match[str]:
    (cookie,) = answer.headers.get_list("set-cookie")
    match = COOKIE.fullmatch(cookie)
    assert match is not None, cookie
    return match


@pytest.mark.parametrize("path", READS)
def test_a_read_makes_no_visitor(live_site, path):
    assert "set-cookie" not in get(live_site.url + path).headers


def test_only_a_vote_that_counts_makes_a_visitor(http, tool):
    path = f"/v1/tools/{tool}/vote"
    answers = [
        http.delete(path),
        http.put(path, json={"choice": "maybe"}),
        http.put(f"/v1/tools/{unique('tool')}/vote", json={"choice": "ship"}),
        http.post("/v1/visitors"),
    ]
    assert not [answer for answer in answers if "set-cookie" in answer.headers]
    assert cookie_of(http.put(path, json={"choice": "ship"}))["name"] == "visitor"
    again = http.put(path, json={"choice": "skip"})
    assert "set-cookie" not in again.headers
    assert again.json()["previous"] == "ship"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:80", "localhost:8000", "[::1]:8000"])
def test_on_this_machine_the_cookie_is_plain(live_site, tool, host):
    cookie = cookie_of(cast(live_site.url, tool, Host=host))
    assert (cookie["name"], cookie["secure"]) == ("visitor", None)


@pytest.mark.parametrize(
    "host", ["example.com", "example.com:8000", "127.0.0.1.example.com", "localhost.example.com"]
)
def test_anywhere_else_the_cookie_is_secure(live_site, tool, host):
    cookie = cookie_of(cast(live_site.url, tool, Host=host))
    assert (cookie["name"], cookie["secure"]) == ("__Host-visitor", "; Secure")
    headers = {"Host": host, "Cookie": f"__Host-visitor={cookie['token']}"}
    again = cast(live_site.url, tool, "skip", **headers)
    assert again.json()["previous"] == "ship"
    assert "set-cookie" not in again.headers


def test_a_plain_cookie_is_not_believed_elsewhere(live_site, tool):
    token = cookie_of(cast(live_site.url, tool))["token"]
    headers = {"Host": "example.com", "Cookie": f"visitor={token}"}
    answer = cast(live_site.url, tool, **headers)
    assert answer.json()["previous"] is None
    assert cookie_of(answer)["token"] != token


@pytest.mark.parametrize(
    "bent",
    [
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: ("A" if token[0] != "A" else "B") + token[1:],
        lambda token: token.partition(".")[0],
        lambda token: token.partition(".")[0] + ".",
        lambda token: "." + token.partition(".")[2],
        lambda token: re.sub(r"\.\d+c?\.", ".", token),
        lambda token: re.sub(r"\.\d+c?\.", ".1.", token),
        lambda token: re.sub(r"\.(\d+)c?\.", r".\1c.", token),
        lambda token: token + "A",
        lambda token: token + "=",
        lambda token: token.replace(".", ".."),
        lambda token: f'"{token}"',
        lambda token: token.swapcase(),
        lambda _: "",
        lambda _: "a.b",
        lambda _: "é.ü",
        lambda _: "." * 3_000,
    ],
)
def test_a_bent_token_is_a_new_visitor_as_a_cookie_and_refused_as_a_token(live_site, tool, bent):
    first = cast(live_site.url, tool)
    token = bent(cookie_of(first)["token"]).encode("latin-1")
    answer = cast(live_site.url, tool, Cookie=b"visitor=" + token)
    assert answer.json()["previous"] is None
    assert cookie_of(answer)["token"] != cookie_of(first)["token"]
    assert (
        get(f"{live_site.url}/v1/me", headers={"Cookie": b"visitor=" + token}).json()["kind"]
        == "nobody"
    )
    if token:
        headers = {"Authorization": b"Visitor " + token}
        problem(get(f"{live_site.url}/v1/me", headers=headers), 401, "token_invalid")


def test_a_visitors_token_votes_without_a_cookie(live_site, http, tool):
    headers = authorization(visitor_token(http), "Visitor")
    first = cast(live_site.url, tool, "ship", **headers)
    second = cast(live_site.url, tool, "skip", **headers)
    assert (first.json()["previous"], second.json()["previous"]) == (None, "ship")
    assert "set-cookie" not in first.headers
    me = http.get("/v1/me", headers=headers).json()
    assert me["kind"] == "visitor"
    assert headers["Authorization"].startswith(f"Visitor {me['id']}.")


def test_a_token_that_says_no_hour_is_that_of_a_visitor_of_before(live_site, tool):
    tokens = VisitorTokens([secrets_of(live_site)["secret_key"].encode()])
    headers = authorization(tokens.token(Visitor(VisitorId("of-an-earlier-release"))), "Visitor")
    assert headers["Authorization"].count(".") == 1
    assert cast(live_site.url, tool, **headers).json()["previous"] is None
    assert get(f"{live_site.url}/v1/me", headers=headers).json()["id"] == "of-an-earlier-release"


def test_a_token_is_believed_before_a_cookie_and_each_is_new(http, tool):
    http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"})
    by_cookie = http.get("/v1/me").json()["id"]
    tokens = {visitor_token(http) for _ in range(3)}
    assert len(tokens) == 3
    token = tokens.pop()
    assert http.get("/v1/me", headers=authorization(token, "Visitor")).json()["id"] != by_cookie
    assert http.get("/v1/me", headers=authorization(token, "vIsItOr")).json()["kind"] == "visitor"


def test_a_cookie_of_the_older_key_is_signed_anew_at_the_next_vote(live_site, guarded, tool):
    old = cookie_of(cast(live_site.url, tool))["token"]
    read = get(f"{guarded}/v1/me", headers={"Cookie": f"visitor={old}"})
    assert "set-cookie" not in read.headers
    answer = cast(guarded, tool, "skip", Cookie=f"visitor={old}")
    assert answer.json()["previous"] == "ship"
    new = cookie_of(answer)["token"]
    assert new.partition(".")[0] == old.partition(".")[0] == read.json()["id"]
    assert new != old
    again = cast(guarded, tool, "ship", Cookie=f"visitor={new}")
    assert again.json()["previous"] == "skip"
    assert "set-cookie" not in again.headers
    headers = authorization(new, "Visitor")
    problem(get(f"{live_site.url}/v1/me", headers=headers), 401, "token_invalid")
    assert get(f"{guarded}/v1/me", headers=authorization(old, "Visitor")).status_code == 200


def test_a_trusted_proxy_says_that_the_browser_is_on_https(live_site, guarded, tool):
    said = {"X-Forwarded-Proto": "https"}
    assert cookie_of(cast(guarded, tool, **said))["name"] == "__Host-visitor"
    assert cookie_of(cast(guarded, tool))["name"] == "visitor"
    assert cookie_of(cast(live_site.url, tool, **said))["name"] == "visitor"


def test_visitors_of_one_hour_are_neighbours_in_the_log_and_no_two_are_one():
    hour, later = datetime(2026, 1, 31, 12, tzinfo=UTC), timedelta(minutes=59, seconds=59)
    ids = [new_visitor(hour + part, crowded=False).id for part in (timedelta(), later)]
    next_hour = new_visitor(hour + later + timedelta(seconds=1), crowded=False).id
    assert ids[0][:4] == ids[1][:4] != next_hour[:4]
    assert ids[0][4:] != ids[1][4:]
