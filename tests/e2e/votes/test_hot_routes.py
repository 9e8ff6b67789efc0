"""What is answered without the framework is answered as the framework would."""

from typing import Any

import httpx
import pytest

from tests.e2e import raw
from tests.e2e.asking import authorization, bearer, browser, new_tool, unique, visitor_token
from tests.e2e.conftest import ORIGINS
from votes.api import hot
from votes.http.edge import cors

THE_FRAMEWORKS = "and=more"
"""A parameter that no route has: the request is left to the framework, which passes over it."""
JSON = {"Content-Type": "application/json"}
VOTE = b'{"choice":"ship"}'


def addresses(tool: str) -> list[tuple[str, str]]:
    """Each hot route, with a query where it takes one."""
    found = []
    for method, path in hot.HOT:
        where = path if path.startswith("/") else f"/v1/tools/{tool}/{path}"
        tools = f"?tools={tool},notion" if "tools" in str(hot.HOT[method, path].parameters) else ""
        found.append((method, where + tools))
    return found


def asked(url: str, method: str, where: str, headers: dict[str, str], body: bytes) -> Any:
    """The answer by either way, but for what is another each time."""
    vote, who = where.partition("?")[0], headers.get("Authorization", "")
    answers = []
    for path in (where, f"{where}{'&' if '?' in where else '?'}{THE_FRAMEWORKS}"):
        with browser(url) as http:
            if method == "DELETE" and who:  # so that there is something to take back
                http.put(vote, headers={**JSON, "Authorization": who}, content=VOTE)
            answers.append(seen(http.request(method, path, headers=headers, content=body)))
    return answers


def seen(answer: httpx.Response) -> Any:
    """Without what is said of the query, and without what only this answer says."""
    alone = {"date", "content-length", "set-cookie", "connection", "ratelimit"}
    headers: dict[str, Any] = {
        name: plain(value) for name, value in answer.headers.items() if name not in alone
    }
    headers |= {name: name in answer.headers for name in ("set-cookie", "ratelimit")}
    if "json" not in answer.headers.get("content-type", ""):
        return answer.status_code, headers, answer.content
    said = answer.json()
    new = {"token", "position"} & said.keys() if answer.status_code < 300 else set()
    return answer.status_code, headers, plain(str(said | dict.fromkeys(new)))


def plain(said: str) -> str:
    return said.replace(f"?{THE_FRAMEWORKS}", "").replace(f"&{THE_FRAMEWORKS}", "")


REQUESTS: dict[str, tuple[dict[str, str], bytes]] = {
    "a plain one": ({}, VOTE),
    "of a page elsewhere": ({"Origin": ORIGINS[0]}, VOTE),
    "of a page of nobody": ({"Origin": "https://evil.example"}, VOTE),
    "with a token of nobody": ({"Authorization": "Visitor x"}, VOTE),
    "with a token of no kind": ({"Authorization": "Basic eDp5"}, VOTE),
    "with a cookie of nobody": ({"Cookie": "__Host-visitor=x; visitor=y; session=z"}, VOTE),
    "with a key that is none": ({"Idempotency-Key": "\x01"}, VOTE),
    "of another type": ({"Content-Type": "text/plain"}, VOTE),
    "without a body": ({}, b""),
    "with a body that is none": ({}, b'{"choice":'),
    "with a field twice": ({}, b'{"choice":"ship","choice":"skip"}'),
    "with a body too large": ({}, VOTE + b" " * 20_000),
    "for what is not modified": ({"If-None-Match": '"x", *'}, b""),
}


@pytest.mark.parametrize("kind", REQUESTS)
def test_each_is_answered_alike(guarded, live_site, kind):
    tool = new_tool(live_site)
    who = authorization(visitor_token_of(guarded), "Visitor")
    more, body = REQUESTS[kind]
    for method, where in addresses(tool):
        sent = body if method == "PUT" or kind == "with a body too large" else b""
        vote(guarded, tool, who)
        here, there = asked(guarded, method, where, {**JSON, **who, **more}, sent)
        assert here == there, (method, where)


def vote(url: str, tool: str, who: dict[str, str]) -> None:
    """And wait until all have seen it."""
    with browser(url) as http:
        where = f"/v1/tools/{tool}"
        voted = http.put(f"{where}/vote", headers={**JSON, **who}, content=VOTE).json()
        http.get(where, params={"min_position": voted["position"]})


def visitor_token_of(url: str) -> str:
    with browser(url) as http:
        return visitor_token(http)


@pytest.mark.parametrize("tool", ["no-such-tool", "A", "a b", "%00", "x" * 101, "a%2Fb", "é"])
def test_tools_that_are_none_are_refused_alike(live_site, tool):
    for method, where in addresses(tool):
        here, there = asked(live_site.url, method, where, JSON, VOTE if method == "PUT" else b"")
        assert here == there, (method, where)


@pytest.mark.parametrize(
    "query",
    [
        *(
            "min_position=1",
            "min_position=",
            "min_position=x",
            "min_position=-1",
            "min_position=1.5",
        ),
        *("min_position=9223372036854775808", "min_position=1&min_position=2", "min_position=%31"),
        *("tools=notion%2Cfigma", "tools=", "tools=,", "tools=notion&tools=figma", "tools=A"),
        *(
            "at=1",
            "at=x",
            "at=2026-01-01T00:00:00Z",
            "at=1&min_position=1",
            "&",
            "=",
            "min_position",
        ),
        f"tools={','.join(f'tool-{number}' for number in range(101))}",
    ],
)
def test_queries_are_read_alike(live_site, query):
    for method, path in hot.HOT:
        where = path if path.startswith("/") else f"/v1/tools/notion/{path}"
        here, there = asked(live_site.url, method, f"{where}?{query}", JSON, b"")
        assert here == there, (method, where)


def test_former_slugs_lead_on_alike(live_site, http, admin):
    old, new = new_tool(live_site), unique("renamed")
    renamed = http.post(f"/v1/tools/{old}/rename", json={"slug": new}, headers=admin).json()
    http.get(f"/v1/tools/{new}", params={"min_position": renamed["position"]})
    for method, where in addresses(old):
        here, there = asked(live_site.url, method, where, JSON, VOTE if method == "PUT" else b"")
        assert here == there, (method, where)
        assert here[0] == (201 if where == "/v1/visitors" else 308)


def test_a_body_in_chunks_is_a_vote_too(live_site, tool):
    head = f"PUT /v1/tools/{tool}/vote HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    head += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (VOTE[:5], VOTE[5:]))
    answer = raw.asked(live_site.port, head.encode() + chunks + b"0\r\n\r\n")
    assert answer.status == 200


def test_an_ended_login_is_told_alike(live_site, tool):
    for who in (bearer(live_site, "ada"), bearer(live_site, "ada", exp=1)):
        for method, where in addresses(tool):
            body = VOTE if method == "PUT" else b""
            here, there = asked(live_site.url, method, where, {**JSON, **who}, body)
            assert (here[0], here[1].keys()) == (there[0], there[1].keys()), (method, where)


def test_what_may_be_asked_is_told_once(guarded):
    with browser(guarded) as http:
        told = http.options(
            "/v1/tools/notion/vote",
            headers={"Origin": ORIGINS[0], "Access-Control-Request-Method": "PUT"},
        )
    assert told.headers["access-control-allow-methods"] == ", ".join(cors.METHODS)
