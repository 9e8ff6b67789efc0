"""Whatever changes something by a cookie is asked for by a page of ours: on each route, for each
kind of cookie, whatever a browser says of the page."""

from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from urllib.parse import urlsplit

import httpx
import pytest

from tests.e2e.asking import (
    ANSWER_S,
    BY_REQUEST,
    api_beside,
    authorization,
    bearer,
    events,
    last,
    new_tool,
    problem,
    request,
    unique,
)
from tests.e2e.conftest import AUDIENCE, ISSUER, ORIGINS
from tests.e2e.every_path import METHODS, address
from votes.api.hot import HOT
from votes.http.errors import PROBLEM_TYPE

ROUTES = [
    (method, address(path)) for path, methods in METHODS.items() for method in methods - {"GET"}
]
HOT_PATHS = {"/v1/tools/notion/vote", "/v1/visitors"}
ROUTES += [(method, f"{path}?and=more") for method, path in ROUTES if path in HOT_PATHS]
"""The hot ones with the framework too."""

TAKEN = {
    "same-origin": {"Sec-Fetch-Site": "same-origin"},
    "the person alone": {"Sec-Fetch-Site": "none"},
    "same-origin, on a page without a referrer": {
        "Sec-Fetch-Site": "same-origin",
        "Origin": "null",
    },
    "our origin": {"Origin": "HERE"},
    "an allowed origin": {"Origin": ORIGINS[0]},
    "an allowed origin of another site": {"Sec-Fetch-Site": "cross-site", "Origin": ORIGINS[1]},
}
REFUSED = {
    "nothing": {},
    "same-site": {"Sec-Fetch-Site": "same-site"},
    "cross-site": {"Sec-Fetch-Site": "cross-site"},
    "a foreign origin": {"Origin": "https://evil.example"},
    "a foreign page": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    "a page in a sandbox": {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    "null": {"Origin": "null"},
    "an empty origin": {"Origin": ""},
    "an origin that begins with ours": {"Origin": "HERE.evil.example"},
    "an origin that ends with an allowed one": {"Origin": "https://evil-app.example.com"},
    "our name without TLS": {"Origin": "https://WHERE"},
    "another port": {"Origin": "http://127.0.0.1:1"},
    "an origin in capitals": {"Origin": ORIGINS[0].upper()},
    "two origins": {"Origin": f"{ORIGINS[0]}, {ORIGINS[1]}"},
    "no origin": {"Origin": "http://[x"},
    "a word that is none": {"Sec-Fetch-Site": "same-origin, cross-site"},
    "a referrer": {"Referer": "HERE/"},
}


def said(of: dict[str, str], url: str) -> dict[str, str]:
    where = url.removeprefix("http://")
    return {name: text.replace("HERE", url).replace("WHERE", where) for name, text in of.items()}


@pytest.fixture(scope="module")
def cookies(live_site, guarded):
    """Cookies of ours."""
    claims = {"iss": ISSUER, "aud": AUDIENCE}
    login = bearer(live_site, unique("ada"), **claims)["Authorization"]
    token = request("POST", f"{guarded}/v1/visitors").json()["token"]
    return {
        "a login's": f"session={login.removeprefix('Bearer ')}",
        "a visitor's": f"a=b; visitor={token}",
        "an old login's": "session=old",
    }


Ask = Callable[[str, str, dict[str, str]], httpx.Response]


@pytest.fixture(scope="module")
def ask(guarded) -> Iterator[Ask]:
    """Asks over one connection, thousands of times."""
    connection = HTTPConnection(urlsplit(guarded).netloc, timeout=ANSWER_S)

    def asked(method: str, path: str, headers: dict[str, str]) -> httpx.Response:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())

    yield asked
    connection.close()


def is_refused(answer: httpx.Response) -> bool:
    told = answer.headers.get("content-type") == PROBLEM_TYPE
    code = answer.json()["code"] if told else ""
    return code == "cross_origin" or "No page of this site sent this" in answer.text


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=map(" ".join, ROUTES))
def test_a_cookie_counts_for_pages_of_ours_alone(live_site, guarded, ask, cookies, method, path):
    named, before = {"X-Request-ID": unique("refused")}, last(live_site)
    for kind, cookie in cookies.items():
        for what, of in REFUSED.items():
            headers = {"Cookie": cookie} | said(of, guarded) | named
            answer = ask(method, path, headers)
            assert (answer.status_code, is_refused(answer)) == (403, True), (kind, what)
            assert "set-cookie" not in answer.headers
    assert events(live_site, BY_REQUEST, before, named["X-Request-ID"]) == 0
    for kind, cookie in cookies.items():
        for what, of in TAKEN.items():
            headers = {"Cookie": cookie} | said(of, guarded)
            answer = ask(method, path, headers)
            assert not is_refused(answer), (kind, what)


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=map(" ".join, ROUTES))
def test_a_program_is_not_asked_where_it_is(guarded, ask, cookies, method, path):
    token = request("POST", f"{guarded}/v1/visitors").json()["token"]
    programs = {"a token": authorization(token, "Visitor") | {"Cookie": cookies["a login's"]}}
    if not path.startswith(("/logout", "/digest", "/tools/notion/vote")):
        programs |= {"nothing": {}, "another's cookie": {"Cookie": "a=b; __Host-visitor=x"}}
    for who, headers in programs.items():
        for what, of in (TAKEN | REFUSED).items():
            answer = ask(method, path, headers | said(of, guarded))
            assert not is_refused(answer), (who, what)


@pytest.mark.parametrize("of", REFUSED.values(), ids=REFUSED)
def test_a_form_elsewhere_makes_no_voter(live_site, guarded, of):
    """Its first vote would set a cookie, in place of that of whoever looks at the page."""
    tool = new_tool(live_site)
    form = f"{guarded}/tools/{tool}/vote"
    answer = request("POST", form, data={"choice": "ship"}, headers=said(of, guarded))
    assert (answer.status_code, is_refused(answer)) == (403, True)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "set-cookie" not in answer.headers
    assert request("GET", f"{guarded}/v1/tools/{tool}/tally").json()["total"] == 0


@pytest.mark.parametrize("of", TAKEN.values(), ids=TAKEN)
def test_a_form_of_ours_does(live_site, guarded, of):
    form = f"{guarded}/tools/{new_tool(live_site)}/vote"
    answer = request("POST", form, data={"choice": "ship"}, headers=said(of, guarded))
    assert answer.status_code == 303
    assert "set-cookie" in answer.headers


def test_reads_are_for_all(guarded, ask, cookies):
    for cookie in cookies.values():
        for of in REFUSED.values():
            headers = {"Cookie": cookie} | said(of, guarded)
            for path in ("/v1/me", "/v1/me/state?tools=notion", "/", "/bookmarks"):
                assert ask("GET", path, headers).status_code == 200


SETTINGS = {
    "VOTES_PUBLIC_URL": {"VOTES_PUBLIC_URL": "https://votes.example.com"},
    "VOTES_ALLOWED_HOSTS": {
        "VOTES_ALLOWED_HOSTS": "votes.example.com",
        "VOTES_TRUSTED_PROXIES": "127.0.0.0/8",
    },
    "none": {},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_settings_say_what_is_ours(live_site, name):
    host = {"Host": "votes.example.com", "X-Forwarded-Proto": "https"}
    cookie = {"Cookie": "__Host-visitor=x; visitor=y"}
    ours = {"https://votes.example.com": name != "none"}
    others = dict.fromkeys(
        ("http://votes.example.com", "https://votes.example.com:8443", "https://evil.example"),
        False,
    )
    with api_beside(live_site, **SETTINGS[name]) as url:
        for origin, taken in (ours | others).items():
            headers = host | cookie | {"Origin": origin}
            answer = request("DELETE", f"{url}/v1/tools/notion/vote", headers=headers)
            assert is_refused(answer) != taken, origin


def test_the_problem_says_what_to_do(live_site, guarded, cookies):
    headers = {"Cookie": cookies["a login's"]}
    answer = request("PUT", f"{guarded}/v1/me/bookmarks/notion", headers=headers)
    detail = problem(answer, 403, "cross_origin")["detail"]
    assert "Sec-Fetch-Site" in detail
    assert "Authorization" in detail


def test_the_table_has_every_route_that_changes_something():
    assert {method for method, _ in ROUTES} == {"PUT", "POST", "DELETE"}
    hot = {(method, path) for method, path in HOT if method != "GET"}
    assert hot == {("PUT", "vote"), ("DELETE", "vote"), ("POST", "/v1/visitors")}
    assert len(ROUTES) >= 20
