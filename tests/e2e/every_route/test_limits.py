"""How often one may ask: refused beyond a limit and told before, the same by every way in."""

import re
from collections.abc import Iterable, Iterator
from inspect import signature
from itertools import count
from pathlib import Path

import httpx
import pytest
from litestar import delete, post, put
from litestar import get as get_route
from litestar.handlers import HTTPRouteHandler
from msgspec.structs import fields

from tests.e2e.asking import api_beside, bearer, browser, get, members, new_tool, problem, unique
from tests.e2e.conftest import ORIGINS
from tests.polling import wait_for
from votes.api.application import HANDLERS as API
from votes.config import Config, ConfigError, Limits, Rate, limit_setting, load, unknown_names
from votes.http.checks.limiting import Limited, limited_of
from votes.limits.policies import POLICIES
from votes.site.application import HANDLERS as SITE

QUANTITY, WINDOW_S = 3, 3_000
DOCS = Path(__file__).parents[3] / "docs" / "limits.md"
FORM = {"Sec-Fetch-Site": "same-origin"}
_hosts = count(1)


@pytest.fixture(scope="module")
def running(live_site) -> Iterator[str]:
    """The address of an API that takes three of each."""
    settings = {policy.setting: f"{QUANTITY}/{WINDOW_S}" for policy in POLICIES}
    settings |= {"VOTES_TRUSTED_PROXIES": "127.0.0.0/8", "VOTES_ALLOWED_ORIGINS": ORIGINS[0]}
    with api_beside(live_site, **settings) as url:
        yield url


@pytest.fixture
def limited(running) -> str:
    """The same address, once it counts: on a busy machine Redis may seem to be away for a while."""

    def counts() -> bool:
        return "ratelimit" in get(f"{running}/v1/tools/notion/trend", headers=elsewhere()).headers

    wait_for(counts, "the limits")
    return running


def elsewhere() -> dict[str, str]:
    """The header of a network that nobody else asks from."""
    number = next(_hosts)
    return {"X-Forwarded-For": f"198.18.{number // 256}.{number % 256}"}


@pytest.fixture
def network() -> dict[str, str]:
    return elsewhere()


@pytest.fixture
def visitor(limited) -> dict[str, str]:
    """The header of a new visitor."""
    with browser(limited) as http:
        token = http.post("/v1/visitors", headers={"X-Forwarded-For": "127.0.0.1"}).json()["token"]
    return {"Authorization": f"Visitor {token}"}


def told(answer: httpx.Response) -> tuple[dict[str, dict], tuple[str, dict]]:
    """The limits that the answer names with their parameters, and the nearest of them."""
    policies, (nearest,) = (
        members(answer.headers[name].encode()) for name in ("ratelimit-policy", "ratelimit")
    )
    return dict(policies), nearest


def beyond(answer: httpx.Response, name: str) -> None:
    """The answer refuses by this limit."""
    problem(answer, 429, "rate_limited")
    assert WINDOW_S / QUANTITY - 100 < int(answer.headers["retry-after"]) <= WINDOW_S / QUANTITY
    policies, nearest = told(answer)
    assert policies[name] == {"q": QUANTITY, "w": WINDOW_S}
    assert nearest[0] == name
    assert nearest[1]["r"] == 0
    assert nearest[1]["t"] == int(answer.headers["retry-after"])


def asked(url: str, method: str, path: str, **options) -> list[httpx.Response]:
    """One request more than is taken."""
    with browser(url) as http:
        return [http.request(method, path, **options) for _ in range(QUANTITY + 1)]


def test_votes_of_a_visitor(limited, live_site, visitor):
    tools = [new_tool(live_site) for _ in range(QUANTITY + 1)]
    with browser(limited) as http:
        answers = [
            http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"}, headers=visitor)
            for tool in tools
        ]
    assert [told(answer)[1][1]["r"] for answer in answers[:-1]] == [2, 1, 0]
    assert [answer.status_code for answer in answers[:-1]] == [200] * QUANTITY
    beyond(answers[-1], "votes-by-visitor")


def test_votes_of_a_user(limited, live_site):
    user = bearer(live_site, unique("user"))
    for number in range(QUANTITY + 1):
        tool = new_tool(live_site)
        with browser(limited) as http:
            if number % 2:
                answer = http.delete(f"/v1/tools/{tool}/vote", headers=user)
            else:
                answer = http.put(f"/v1/tools/{tool}/vote", json={"choice": "skip"}, headers=user)
    beyond(answer, "votes-by-user")


def test_votes_on_a_tool(limited, live_site, tool):
    voters = [bearer(live_site, unique("user")) for _ in range(QUANTITY + 1)]
    with browser(limited) as http:
        answers = [
            http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"}, headers=voter)
            for voter in voters
        ]
    assert [answer.status_code for answer in answers[:-1]] == [200] * QUANTITY
    beyond(answers[-1], "votes-by-tool")


def test_new_visitors_of_a_network(limited, live_site, network):
    vote, options = {"choice": "ship"}, {"headers": network}
    with browser() as http:
        first = http.post(f"{limited}/v1/visitors", **options)
        assert first.status_code == 201
    for number in range(QUANTITY):
        with browser(limited) as http:
            answer = http.put(f"/v1/tools/{new_tool(live_site)}/vote", json=vote, **options)
        assert answer.status_code == (200 if number < QUANTITY - 1 else 429)
        assert told(answer)[0].keys() == {
            "votes-by-network",
            "votes-by-tool",
            "visitors-by-network",
        }
    beyond(answer, "visitors-by-network")
    with browser(limited) as http:
        beyond(http.post("/v1/visitors", **options), "visitors-by-network")


def test_a_known_visitor_makes_none(limited, live_site, network, visitor):
    with browser(limited) as http:
        voted = http.put(
            f"/v1/tools/{new_tool(live_site)}/vote",
            json={"choice": "ship"},
            headers=network | visitor,
        )
    assert "visitors-by-network" not in told(voted)[0]


def test_votes_of_a_network(limited, live_site, network):
    for number in range(QUANTITY + 1):
        voter = bearer(live_site, unique("user"))
        vote = {"json": {"choice": "ship"}, "headers": network | voter}
        with browser(limited) as http:
            answer = http.put(f"/v1/tools/{new_tool(live_site)}/vote", **vote)
        assert answer.is_success == (number < QUANTITY)
    beyond(answer, "votes-by-network")


def test_writes_of_a_user(limited, live_site):
    user = bearer(live_site, unique("user"))
    *_, last = asked(limited, "PUT", "/v1/me/bookmarks/notion", json={}, headers=user)
    beyond(last, "writes-by-user")
    with browser(limited) as http:
        form = {"bookmarked": "yes"}
        answer = http.post("/tools/notion/bookmark", data=form, headers=user | FORM)
    assert answer.status_code == 429


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("/v1/tools/notion/trend", None),
        ("/v1/tools/notion/tally?at=5", "/v1/tools/notion/tally"),
        ("/v1/tools/notion/tally?%61t=5", "/v1/tools/notion/tally?min_position=0"),
        ("/v1/tools?q=editor", "/v1/tools"),
        ("/?q=editor", "/?sort=new"),
        ("/og/notion.png", None),
    ],
)
def test_reads_that_take_long(limited, network, path, plain):
    answers = asked(limited, "GET", path, headers=network)
    assert {answer.status_code for answer in answers[:-1]} == {200}
    assert answers[-1].status_code == 429
    assert told(answers[-1])[1][0] == "reads-by-network"
    if plain is not None:
        other = get(limited + plain, headers=network)
        assert other.status_code == 200
        assert "ratelimit" not in other.headers


def test_streams_of_a_network(limited, network):
    with browser(limited) as http:
        for _ in range(QUANTITY):
            with http.stream("GET", "/v1/live?tools=notion", headers=network) as opened:
                assert opened.status_code == 200
                assert "streams-by-network" in told(opened)[0]
        beyond(http.get("/v1/live?tools=notion", headers=network), "streams-by-network")


def test_a_form_beyond_a_limit_gets_a_page(limited, live_site, visitor):
    tool = new_tool(live_site)
    form = {"data": {"choice": "ship"}, "headers": visitor | FORM}
    *_, last = asked(limited, "POST", f"/tools/{tool}/vote", **form)
    assert last.status_code == 429
    assert last.headers["content-type"].startswith("text/html")
    assert f"Try again in {last.headers['retry-after']} s." in last.text
    assert told(last)[1][0] == "votes-by-visitor"


def test_nobody_on_this_machine_is_refused_for_the_network(limited):
    answers = asked(limited, "POST", "/v1/visitors")
    assert {answer.status_code for answer in answers} == {201}


def test_another_network_is_not_refused(limited, network):
    *_, last = asked(limited, "GET", "/v1/tools/notion/trend", headers=network)
    assert last.status_code == 429
    other = {"X-Forwarded-For": "198.51.100.1"}
    assert get(f"{limited}/v1/tools/notion/trend", headers=other).status_code == 200


def test_pages_of_other_origins_may_read_what_is_left(limited):
    answer = get(f"{limited}/v1/tools/notion/trend", headers={"Origin": ORIGINS[0]})
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(exposed)


def named(handler: HTTPRouteHandler) -> str:
    return f"{next(iter(handler.http_methods))} {min(handler.paths)}"


EXPENSIVE = re.compile(
    r"/trend$|/og/|/sitemap|/challenge$|/moderation$|/moderation/queue$|/preview$|"
    r"GET /v1/moderation/links/|/me/export$|/docs$|/votes$|/cohorts$|"
    r"GET /log(in|in/back|ged-out)$|GET (/v1/me)?/bookmarks[:/]|GET /(panel|catalogue)|"
    r"/digest/(confirm|preferences|unsubscribe)/|GET /v1/me/(reviews|collections)|"
    r"GET (/v1)?/collections/|badge.svg$"
)


WRITES = ("votes", "visitors", "writes", "imports", "mails")


def _asked(handler: HTTPRouteHandler) -> set[str]:
    """The parameters of its query that make a read expensive: a search, or the past."""
    names = {"q", "at", "a"} & signature(handler.fn).parameters.keys()
    return {name for name in names if f"{{{name}:" not in named(handler)}


def lacking(handlers: Iterable[HTTPRouteHandler]) -> list[str]:
    """The writes and the expensive reads without the right limit, and other routes with one."""
    found = []
    for handler in handlers:
        limited = limited_of(handler)
        said = None if limited is None else (limited.counted, limited.only_with)
        if EXPENSIVE.search(named(handler)):
            right = said == ("reads", None)
        elif handler.http_methods & {"POST", "PUT", "DELETE", "PATCH"}:
            right = said in {(one, None) for one in WRITES}
        elif asked := _asked(handler):
            right = said in {("reads", name) for name in asked}
        else:
            right = said is None
        if not right:
            found.append(named(handler))
    return found


def test_each_write_and_each_expensive_read_is_limited():
    assert lacking([*API, *SITE]) == []


def test_a_route_without_its_limit_is_found():
    async def nothing(q: str | None = None) -> None: ...

    bare = [
        post("/write")(nothing),
        get_route("/list")(nothing),
        get_route("/{slug:str}/trend")(_empty),
    ]
    wrong = [
        put("/w", opt=Limited("writes", "q").opt)(_empty),
        get_route("/l", opt=Limited("reads").opt)(nothing),
        get_route("/plain", opt=Limited("reads").opt)(_empty),
    ]
    right = [
        delete("/r", opt=Limited("votes").opt)(_empty),
        get_route("/s", opt=Limited("reads", "q").opt)(nothing),
        get_route("/t")(_empty),
    ]
    for handlers in (bare, wrong):
        assert lacking(handlers) == [named(handler) for handler in handlers]
    assert lacking(right) == []


async def _empty() -> None: ...


def test_the_document_lists_the_limits_as_they_are():
    rows = [
        f"| `{policy.name}`{' (soft)' if policy.soft else ''} | {policy.counted} | {policy.by} |"
        f" {f'{rate.quantity}/{rate.window_s}' if rate else 'off'} | `{policy.setting}` |"
        for policy in POLICIES
        for rate in [getattr(Limits(), policy.field)]
    ]
    assert [line for line in DOCS.read_text().split("\n") if line.startswith("| `")] == rows


def test_each_limit_is_in_the_table_once():
    assert [policy.field for policy in POLICIES] == [field.name for field in fields(Limits)]


def test_a_setting_says_how_many_within_how_many_seconds():
    name = "VOTES_LIMIT_VOTES_BY_TOOL"
    assert load({name: "30/60"}).limits == Limits(votes_by_tool=Rate(30, 60))
    assert load({name: "off"}).limits == Limits(votes_by_tool=None)
    assert load({name: ""}).limits == Config().limits == Limits()
    assert unknown_names({name: "off", "VOTES_LIMITS": "x", "VOTES_LIMIT_X": "1"}).keys() == {
        "VOTES_LIMITS",
        "VOTES_LIMIT_X",
    }


@pytest.mark.parametrize(
    "text",
    ["30", "30/", "/60", "0/60", "30/0", "-1/60", "30/60/1", "1/86401", "20001/2", "on", "٣/٦"],
)
def test_another_setting_is_refused(text):
    with pytest.raises(ConfigError, match=limit_setting("reads_by_network")):
        load({limit_setting("reads_by_network"): text})


def test_the_doctor_shows_them(live_site):
    shown = live_site.votes("doctor").stdout
    for policy in POLICIES:
        assert policy.name in shown
    assert "6000 within 60 s" in shown
