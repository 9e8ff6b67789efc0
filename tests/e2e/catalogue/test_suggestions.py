"""Suggestions and searches over HTTP: with typos, soon, in each process, whatever is typed."""

import itertools
import re
from urllib.parse import quote

import httpx
import pytest

from tests.e2e.asking import api_beside, get, new_tool, problem, unique
from tests.e2e.shapes import check_shape
from tests.polling import wait_for

SUGGESTION = {"tool": str, "name": str, "category": str, "tagline": str}
HOSTILE = [
    *("", " ", "%00", "%E2%80%AE", "%F0%9F%9A%80", "%FF", "%ED%A0%80", "a%00b", "%0A", "%25"),
    *("%22", "(", "a:b", "-a", "a+AND+OR", "[a+TO+b]", "a~9", "*", "%3F*", "\\", "'", "{", "^"),
    *("a%20" * 60, "%E5%90%8D" * 60, "%EF%B7%BA" * 60, "x" * 200),
]


def suggested(http: httpx.Client, q: str, **params) -> list[str]:
    answer = http.get("/v1/suggest", params={"q": q, **params})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    check_shape(body, {"suggestions": [SUGGESTION]})
    return [one["tool"] for one in body["suggestions"]]


def test_a_typo_finds_what_is_meant(http):
    assert suggested(http, "ntoion")[0] == "notion"
    assert suggested(http, "Notoin")[0] == "notion"
    assert "notion" in suggested(http, "noti")


def test_there_are_at_most_so_many_as_are_asked_for(http):
    assert len(suggested(http, "a")) == 8
    assert len(suggested(http, "a", limit=1)) == 1
    assert len(suggested(http, "a", limit=20)) == 20
    for limit in (0, 101, -1):
        problem(
            http.get("/v1/suggest", params={"q": "a", "limit": limit}), 400, "invalid_parameter"
        )


def test_a_search_without_a_sort_has_the_best_first_and_with_one_that_order(http):
    def slugs(**params) -> list[str]:
        found = http.get("/v1/tools", params={"q": "notion", **params}).json()["tools"]
        return [tool["slug"] for tool in found]

    assert slugs()[0] == "notion"
    assert sorted(slugs(sort="new")) == sorted(slugs())


@pytest.mark.parametrize("path", ["/v1/suggest", "/v1/tools", "/"])
@pytest.mark.parametrize("q", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_is_typed_gets_a_response(live_site, path, q):
    answer = get(f"{live_site.url}{path}?q={q}")
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("path", ["/v1/suggest", "/v1/tools"])
def test_what_is_too_long_is_refused(http, path):
    problem(http.get(path, params={"q": "x" * 10_000}), 400, "invalid_parameter")


def test_nothing_typed_suggests_nothing(http):
    assert http.get("/v1/suggest").json() == {"suggestions": []}
    assert suggested(http, " ?! ") == []


def test_a_tool_is_found_as_soon_as_a_read_may_know_of_it(http, live_site, admin):
    name = unique("Zweigelt")
    slug = new_tool(live_site, name=name)
    to = unique("tool")
    renamed = http.post(f"/v1/tools/{slug}/rename", json={"slug": to}, headers=admin).json()
    assert suggested(http, name, min_position=renamed["position"])[:1] == [to]
    entry = {"name": "Other", "category": "Tests"}
    revised = http.put(f"/v1/tools/{to}", json=entry, headers=admin).json()
    assert to not in suggested(http, name, min_position=revised["position"])
    assert suggested(http, slug, min_position=revised["position"])[:1] == [to]
    gone = http.delete(f"/v1/tools/{to}", headers=admin).headers["votes-position"]
    assert to not in suggested(http, slug, min_position=gone)


def test_a_tool_is_found_without_a_position_too(http, live_site):
    name = unique("Zibibbo")
    slug = new_tool(live_site, name=name)
    wait_for(lambda: suggested(http, name)[:1] == [slug], "a suggestion")
    listing = http.get("/v1/tools", params={"q": name}).json()
    assert [tool["slug"] for tool in listing["tools"]][:1] == [slug]


def test_suggestions_have_a_tag_and_are_not_sent_again(http):
    answer = http.get("/v1/suggest", params={"q": "notion"})
    assert answer.headers["cache-control"] == "public, max-age=0, must-revalidate"
    tag = answer.headers["etag"]
    again = http.get("/v1/suggest", params={"q": "notion"}, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_two_processes_suggest_the_same(live_site):
    asked = [*"abcdefghijklmnopqrstuvwxyz", "ai", "no", "co", "chta", "open", "write", "video ed"]
    with api_beside(live_site) as other:
        for q, path in itertools.product(asked, ("/v1/suggest?limit=20", "/v1/tools?limit=100")):
            joined = f"{path}&q={quote(q)}"
            slugs = [
                re.findall(r'"(?:tool|slug)":"([^"]+)"', get(url + joined).text)
                for url in (live_site.url, other)
            ]
            assert slugs[0] == slugs[1], joined
