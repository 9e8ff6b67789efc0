"""The headers that say what browsers may do, on every path and in every kind of response."""

import httpx
import pytest

from tests.e2e import raw
from tests.e2e.asking import browser, request
from tests.e2e.conftest import ORIGINS
from tests.e2e.every_path import METHODS, STREAM, WITH_GET, address

ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
}
DATA = ALWAYS | {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
}
PAGE = ALWAYS | {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cross-origin-resource-policy": "same-origin",
}
FILE = PAGE | {"cross-origin-resource-policy": "cross-origin"}
NAMES = {*DATA, *PAGE, "strict-transport-security"}
FILES = ("/static/", "/elements", "/og/")
PROGRAMS = ("/v1/", "/health/", "/openapi.json")


def expected(path: str) -> dict[str, str]:
    if path.startswith(PROGRAMS):
        return DATA
    return FILE if path.startswith(FILES) or path.endswith("/badge.svg") else PAGE


def policy(answer: httpx.Response | raw.Raw) -> dict[str, str]:
    """Those of its headers that this is about."""
    return {name: value for name, value in answer.headers.items() if name in NAMES}


ODD = [
    "/no-such-page",
    "/v1/no-such",
    "/static/0/x.js",
    "/og/none.png",
    "/tools/A",
    "/v1/tools/A",
]


@pytest.mark.parametrize("path", [*map(address, WITH_GET), *ODD])
def test_each_response_has_them(guarded, path):
    with browser(guarded) as http, http.stream("GET", path) as answer:
        assert policy(answer) == expected(path)
        if etag := answer.headers.get("etag"):
            known = http.get(path, headers={"If-None-Match": etag})
            assert known.status_code == 304
            assert policy(known) == expected(path)
        assert policy(http.head(path)) == expected(path)


@pytest.mark.parametrize("path", METHODS)
def test_so_do_those_that_refuse_or_name_methods(guarded, path):
    where = guarded + address(path)
    for method in ("PATCH", "OPTIONS", *METHODS[path]):
        if (method, path) != ("GET", STREAM):
            answer = request(method, where, headers={"Authorization": "Bearer x"})
            assert policy(answer) == expected(path), (method, answer.status_code)


def test_so_do_problems_before_any_route(guarded):
    port = int(guarded.rpartition(":")[2])
    for path in ("/", "/v1/tools", "/elements.js"):
        longest = raw.head("GET", f"{path}?{'x' * 17_000}")
        large = raw.head("GET", path, X_Large="x" * 25_000)
        no_name = raw.head("GET", path).replace(b"Host: 127.0.0.1", b"Host: a b")
        for sent, status in ((longest, 414), (large, 431), (no_name, 400)):
            answer = raw.asked(port, sent)
            assert (answer.status, policy(answer)) == (status, expected(path))


def test_so_do_preflights_and_what_other_origins_read(guarded):
    asked = {"Origin": ORIGINS[0], "Access-Control-Request-Method": "PUT"}
    where = f"{guarded}/v1/tools/notion/vote"
    assert policy(request("OPTIONS", where, headers=asked)) == DATA
    assert policy(request("GET", f"{guarded}/v1/tools", headers={"Origin": ORIGINS[0]})) == DATA


@pytest.mark.parametrize("path", ["/", "/v1/tools/notion/tally", "/elements.json", "/v1/nothing"])
def test_over_tls_a_browser_is_told_to_stay_there(live_site, guarded, path):
    over_tls = {"X-Forwarded-Proto": "https"}
    told = {"strict-transport-security": "max-age=31536000"}
    assert policy(request("GET", guarded + path, headers=over_tls)) == expected(path) | told
    assert policy(request("GET", guarded + path)) == expected(path)
    not_trusted = request("GET", live_site.url + path, headers=over_tls)
    assert policy(not_trusted) == expected(path)


@pytest.mark.parametrize("path", ["/", "/v1/tools", "/elements.json"])
def test_each_is_said_once(guarded, path):
    names = [name for name, _ in request("GET", guarded + path).headers.multi_items()]
    assert len(names) == len(set(names))
