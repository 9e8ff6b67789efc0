"""Bad input: a problem of 4xx each time, and the log stays as it was."""

import base64
import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.asking import (
    PROBLEM_FIELDS,
    bearer,
    browser,
    get,
    nothing_stored,
    problem,
    unique,
)
from votes.http.edge.requests import ADDRESS_BYTES_MAX, HEADERS_BYTES_MAX
from votes.http.exchange import LARGE_BODY_BYTES_MAX, SMALL_BODY_BYTES_MAX

JSON = {"Content-Type": "application/json"}
SHIP = b'{"choice":"ship"}'


@pytest.fixture(autouse=True)
def unmoved_log(live_site) -> Iterator[None]:
    with nothing_stored(live_site):
        yield


@pytest.fixture
def tool() -> str:
    return "notion"


def refused(answer: httpx.Response, *statuses: int) -> None:
    assert answer.status_code in (statuses or range(400, 500)), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert set(said) == PROBLEM_FIELDS
    assert said["status"] == answer.status_code
    assert "set-cookie" not in answer.headers


BAD_BODIES: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n",
    "null": b"null",
    "a number": b"1",
    "a text": b'"ship"',
    "a list": b"[]",
    "a list of it": b'[{"choice":"ship"}]',
    "broken": b'{"choice":"ship"',
    "single quotes": b"{'choice':'ship'}",
    "a comma too many": b'{"choice":"ship",}',
    "a comment": b'{"choice":"ship"}//',
    "two documents": SHIP + SHIP,
    "NaN": b"NaN",
    "Infinity in a field": b'{"choice":-Infinity}',
    "unknown field": b'{"choice":"ship","voter":"visitor:me"}',
    "missing field": b"{}",
    "null field": b'{"choice":null}',
    "wrong type": b'{"choice":1}',
    "wrong case": b'{"choice":"Ship"}',
    "wrong choice": b'{"choice":"mixed"}',
    "object for a text": b'{"choice":{"choice":"ship"}}',
    "repeated field": b'{"choice":"ship","choice":"ship"}',
    "repeated field in other letters": b'{"choice":"ship","\\u0063hoice":"skip"}',
    "invalid UTF-8": b'{"choice":"ship\xff"}',
    "overlong UTF-8": b'{"choice":"\xc0\xaf"}',
    "UTF-16": '{"choice":"ship"}'.encode("utf-16"),
    "UTF-32": '{"choice":"ship"}'.encode("utf-32-le"),
    "a BOM": b"\xef\xbb\xbf" + SHIP,
    "a lone surrogate": b'{"choice":"\\ud800"}',
    "a raw surrogate": b'{"choice":"\xed\xa0\x80"}',
    "a NUL": b'{"choice":"ship\\u0000"}',
    "a raw NUL": b'{"choice":"ship\x00"}',
    "a NUL at the end": SHIP + b"\x00",
    "ten thousand digits": b'{"choice":' + b"9" * 10_000 + b"}",
    "ten thousand digits and a field": b'{"choice":"ship","a":' + b"9" * 10_000 + b"}",
    "a huge exponent": b'{"choice":1e999999}',
    "deep lists": b"[" * 16_000,
    "deep objects": b'{"choice":' * 1_500,
    "deep and closed": b"[" * 8_000 + b"]" * 8_000,
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_bad_body_of_a_vote_is_refused(http, tool, body):
    refused(http.put(f"/v1/tools/{tool}/vote", content=body, headers=JSON), 400)


OTHER_TYPES = [
    None,
    "",
    "text/plain",
    "application/x-www-form-urlencoded",
    "text/json",
    "json",
    "*/*",
]
OTHER_TYPES += ["multipart/form-data; boundary=a", "application/jsonx", "application/ld+json"]
OTHER_TYPES += ["application/json-seq", "text/plain; application/json", "application/msgpack"]
OTHER_TYPES += ["application/json, text/plain"]


@pytest.mark.parametrize("content_type", OTHER_TYPES)
def test_a_body_that_does_not_say_that_it_is_json_is_refused(http, tool, content_type):
    headers = {} if content_type is None else {"Content-Type": content_type}
    refused(http.put(f"/v1/tools/{tool}/vote", content=SHIP, headers=headers), 415)


def test_a_form_is_refused(http, tool):
    refused(http.put(f"/v1/tools/{tool}/vote", data={"choice": "ship"}), 415)
    refused(http.put(f"/v1/tools/{tool}/vote", files={"choice": b"ship"}), 415)


def parts(total: int) -> Iterator[bytes]:
    for _ in range(total // 10_000 + 1):
        yield b" " * 10_000


@pytest.mark.parametrize("size", [SMALL_BODY_BYTES_MAX + 1, 1_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_of_a_vote_is_refused(live_site, tool, size, chunked):
    content = parts(size) if chunked else SHIP + b" " * (size - len(SHIP))
    with browser(live_site.url) as http:
        refused(http.put(f"/v1/tools/{tool}/vote", content=content, headers=JSON), 413)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_of_a_bookmark_is_refused(live_site, http, tool, chunked):
    size = LARGE_BODY_BYTES_MAX + 1
    content = parts(size) if chunked else b"{}" + b" " * (size - 2)
    headers = JSON | bearer(live_site, "ada")
    refused(http.put(f"/v1/me/bookmarks/{tool}", content=content, headers=headers), 413)


def test_a_body_that_says_that_it_is_endless_is_refused_at_once(live_site, tool):
    said = f"PUT /v1/tools/{tool}/vote HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", live_site.port), 10) as raw:
        raw.sendall(f"{said}Content-Length: {10**12}\r\n\r\n{{".encode())
        assert raw.recv(12) == b"HTTP/1.1 413"


BAD_SLUGS = ["no-such-tool", "NOTION", "notion%20", "%20notion", "..", "%2e%2e"]
BAD_SLUGS += ["notion%00", "%00", "a%2Fb", "a%5Cb", "%ff", "%C3%A9", "%F0%9F%98%80", "%E2%80%AE"]
BAD_SLUGS += ["a" * 101, "a" * 8_000, "-a", "a-", "a:b", "a%0Ab", "*", "'", "%25", "%", "a,b"]
BAD_SLUGS += ["%ED%A0%80", "n%D0%BEtion", "notion;v=1", "notion%3Fat=1"]


@pytest.mark.parametrize("slug", BAD_SLUGS, ids=lambda slug: slug[:20])
def test_a_slug_that_names_no_tool_is_not_found(http, live_site, admin, slug):
    me = bearer(live_site, "ada", "panelist", persona="builder")
    for path in ("", "/tally", "/tally?at=1", "/reviews"):
        refused(http.get(f"/v1/tools/{slug}{path}"), 404, 405)
    refused(http.get(f"/v1/compare/notion/{slug}"), 404, 400)  # `..` leads to another path
    refused(http.get(f"/v1/compare/{slug}/notion"), 404)
    refused(http.put(f"/v1/tools/{slug}/vote", content=SHIP, headers=JSON), 404)
    refused(http.delete(f"/v1/tools/{slug}/vote"), 404)
    refused(http.put(f"/v1/me/bookmarks/{slug}", json={}, headers=me), 404, 405)
    review = {"score": 1, "choice": "ship"}
    refused(http.put(f"/v1/tools/{slug}/reviews/builder", json=review, headers=me), 404)
    refused(http.delete(f"/v1/tools/{slug}", headers=admin), 404, 405)


@pytest.mark.parametrize("slug", BAD_SLUGS[1:], ids=lambda slug: slug[:20])
def test_a_tool_cannot_be_listed_under_a_bad_slug(http, admin, slug):
    answer = http.put(f"/v1/tools/{slug}", json={"name": "a", "category": "a"}, headers=admin)
    refused(answer, 400, 404, 405)


@pytest.mark.parametrize("persona", ["Some%20One", "a%00", "%E2%80%AE", "a" * 500, "a:b", ".."])
def test_a_bad_persona_is_refused(http, live_site, tool, persona):
    me = bearer(live_site, "ada", "panelist", persona="builder")
    body = {"score": 1, "choice": "ship"}
    refused(http.put(f"/v1/tools/{tool}/reviews/{persona}", json=body, headers=me), 403, 404, 405)


LONG = "9" * 10_000
BAD_QUERIES = [
    *(f"/v1/tools?limit={value}" for value in ("0", "-1", "101", "abc", "1.5", "", LONG, "%00")),
    *(f"/v1/tools?sort={value}" for value in ("best", "", "TOP", "top,new", "%00")),
    *(f"/v1/tools?min_position={value}" for value in ("-1", "x", "", LONG, f"-{LONG}", "1e400")),
    *(f"/v1/tools?min_position={value}" for value in ("NaN", "Infinity", str(2**63), "0x10")),
    f"/v1/tools?q={'a' * 201}",
    f"/v1/tools?category={'a' * 201}",
    *(f"/v1/tools/notion/tally?at={value}" for value in ("", "now", "-1", LONG, "2026-01-31")),
    *(f"/v1/tools/notion/tally?at={value}" for value in ("2026-13-01T00:00:00Z", "%00", "1e3")),
    *(f"/v1/tools/notion/tally?at={value}" for value in ("2026-01-31T00:00:00", str(2**63))),
    *(f"/v1/tools/notion/tally?at={value}" for value in ("%D9%A1", "%C2%B2", "1_000", "1.0")),
    f"/v1/tools/notion/tally?min_position={LONG}",
    f"/v1/tools/notion/reviews?min_position={LONG}",
    f"/v1/compare/notion/figma?min_position={LONG}",
    *(f"/v1/compare?tools={value}" for value in ("", "notion", "notion,no-such-tool", "a,b,c,d,e")),
    "/v1/compare",
    "/v1/tallies",
    "/v1/me/state",
    *(f"/v1/tallies?tools={value}" for value in ("", ",", ",,,", "no-such-tool", "notion,NOTION")),
    *(f"/v1/tallies?tools={value}" for value in ("%00", "notion,%E2%80%AE", "a" * 12_001)),
    "/v1/tallies?tools=" + ",".join(f"t{number}" for number in range(101)),
    *(f"/v1/me/state?tools={value}" for value in ("", ",", "NOTION", "%00", "%ED%A0%80")),
    "/v1/me/state?tools=" + ",".join(f"t{number}" for number in range(101)),
    *(f"/v1/me/bookmarks?limit={value}" for value in ("0", "101", "x", LONG)),
    *(f"/v1/me/bookmarks?sort={value}" for value in ("best", "top", "")),
    f"/v1/me/bookmarks?q={'a' * 201}",
    f"/v1/me/bookmarks?min_position={LONG}",
]


@pytest.mark.parametrize("path", BAD_QUERIES, ids=lambda path: path[:60])
def test_a_bad_query_is_refused(http, live_site, path):
    refused(http.get(path, headers=bearer(live_site, "ada")), 400, 404)


def cursor(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


BAD_CURSORS = ["a", "====", "%00", "é", "bnVsbA", cursor({}), cursor([]), cursor("top")]
BAD_CURSORS += [cursor(["top", "x", 0, "a"]), cursor(["top", None]), cursor(["top", [], {}])]
BAD_CURSORS += [cursor(["best", 0, "a"]), cursor([["top"], 0]), cursor(None), "a" * 2_001]
BAD_CURSORS += [base64.urlsafe_b64encode(raw).decode() for raw in (b"[" * 1_000, b"\xff" * 50)]


@pytest.mark.parametrize("text", BAD_CURSORS, ids=lambda text: text[:20])
def test_a_bad_cursor_is_refused(http, live_site, text):
    me = bearer(live_site, "with-bookmarks")
    refused(http.get("/v1/tools", params={"cursor": text}), 400)
    refused(http.get("/v1/me/bookmarks", params={"cursor": text}, headers=me), 400)


def test_a_cursor_of_another_order_is_refused(http):
    sorts = ["top", "trending", "new", "controversial"]
    for sort in sorts:
        page = http.get("/v1/tools", params={"sort": sort, "limit": 1}).json()
        for other in set(sorts) - {sort}:
            params = {"sort": other, "cursor": page["next_cursor"]}
            refused(http.get("/v1/tools", params=params), 400)


BAD_NOTES: list[Any] = [
    {"note": None},
    {"note": 1},
    {"note": ["a"]},
    {"note": "a\0b"},
    {"note": "a\u202eb"},
    {"note": "a\u2066b"},
    {"note": "\x1b[31m"},
    {"note": "\ufeff"},
    {"note": "a" * 4_001},
    {"tags": "edge"},
    {"tags": None},
    {"tags": [None]},
    {"tags": [1]},
    {"tags": ["a\nb"]},
    {"tags": ["a\0"]},
    {"tags": [""]},
    {"tags": ["a" * 51]},
    {"tags": [str(number) for number in range(21)]},
    {"tags": {"a": 1}},
    {"collection": ""},
    {"collection": "a" * 121},
    {"collection": "a\u202e"},
    {"collection": 1},
    {"added_at": "2026-01-31T12:00:00Z"},
    {"user": "bob"},
    [],
    "note",
]


@pytest.mark.parametrize("body", BAD_NOTES, ids=lambda body: ascii(body)[:40])
def test_a_bad_bookmark_is_refused(http, live_site, tool, body):
    me = bearer(live_site, unique("user"))
    refused(http.put(f"/v1/me/bookmarks/{tool}", json=body, headers=me), 400)


BAD_REVIEWS: list[Any] = [
    {},
    {"score": 1},
    {"choice": "ship"},
    *({"score": score, "choice": "ship"} for score in (-1, 101, 1.5, "1", None, True, 10**30)),
    *({"score": 1, "choice": choice} for choice in ("mixed", None, 1)),
    *(
        {"score": 1, "choice": "ship", "body": text}
        for text in ("\0", "\u202e", "a" * 10_001, None)
    ),
    {"score": 1, "choice": "ship", "persona": "builder"},
]


@pytest.mark.parametrize("body", BAD_REVIEWS, ids=lambda body: ascii(body)[:50])
def test_a_bad_review_is_refused(http, live_site, tool, body):
    me = bearer(live_site, "ada", "panelist", persona="builder")
    refused(http.put(f"/v1/tools/{tool}/reviews/builder", json=body, headers=me), 400)


BAD_ENTRIES: dict[str, bytes] = {
    "no category": b'{"name":"a"}',
    "empty name": b'{"name":"","category":"a"}',
    "long name": b'{"category":"a","name":"' + b"a" * 121 + b'"}',
    "name with a line break": b'{"category":"a","name":"a\\nb"}',
    "slug in the body": b'{"category":"a","name":"a","slug":"b"}',
    "script for an address": b'{"category":"a","name":"a","url":"javascript:alert(1)"}',
    "address with a space": b'{"category":"a","name":"a","url":"https://a b"}',
    "address with a quote": b'{"category":"a","name":"a","url":"https://a/\\"onload="}',
    "negative price": b'{"category":"a","name":"a","plans":[{"name":"a","price":-1}]}',
    "price of NaN": b'{"category":"a","name":"a","plans":[{"name":"a","price":NaN}]}',
    "price beyond floats": b'{"category":"a","name":"a","plans":[{"name":"a","price":1e999}]}',
    "price of 5000 digits": b'{"category":"a","name":"a","plans":[{"name":"a","price":'
    + b"9" * 5_000
    + b"}]}",
    "repeated in a plan": b'{"category":"a","name":"a","plans":[{"name":"a","name":"b"}]}',
    "too many plans": b'{"category":"a","name":"a","plans":['
    + b",".join([b'{"name":"a"}'] * 21)
    + b"]}",
    "deep plans": b'{"category":"a","name":"a","plans":' + b"[" * 100_000,
}


@pytest.mark.parametrize("body", BAD_ENTRIES.values(), ids=BAD_ENTRIES)
def test_a_bad_entry_of_the_catalogue_is_refused(http, admin, body):
    answer = http.put(f"/v1/tools/{unique('tool')}", content=body, headers=admin | JSON)
    refused(answer, 400)


ADDRESSES = [f"/{'a' * ADDRESS_BYTES_MAX}", f"/v1/tools?q={'a' * ADDRESS_BYTES_MAX}"]


@pytest.mark.parametrize("path", [*ADDRESSES, f"/v1/live?tools={'a,' * 10_000}"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_an_address_that_is_too_long_is_a_problem(http, path, method):
    problem(http.request(method, path), 414, "address_too_long")


def test_headers_that_are_too_large_are_a_problem(http):
    for path in ("/v1/tools?limit=1", "/v1/live?tools=notion", "/tools/notion"):
        answer = http.get(path, headers={"X-Long": "a" * HEADERS_BYTES_MAX})
        problem(answer, 431, "headers_too_large")


def test_a_server_takes_no_endless_headers(live_site):
    for headers in ({"X-Long": "a" * 1_000_000}, {f"X-{number}": "a" for number in range(300)}):
        answer = get(f"{live_site.url}/v1/me", headers=headers)
        assert answer.status_code == 431


def test_what_nobody_asked_for_does_no_harm(http):
    many = "&".join(f"p{number}=1" for number in range(2_000))
    expected = http.get("/v1/tools?limit=1").json()
    for query in (many, "limit[]=5", "__proto__=1", "=&=&&&", "a=%ff&%00=%00"):
        assert http.get(f"/v1/tools?{query}&limit=1").json() == expected
    headers = {
        "X-Request-Id": "a" * 12_000,
        "Cookie": "; ".join(["a=b"] * 2_000),
        "Accept": "image/png",
    }
    assert http.get("/v1/tools?limit=1", headers=headers).json() == expected
