"""The catalogue over HTTP: list, page, search, compare, and what an admin may change."""

from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.e2e.asking import bearer, new_tool, problem, put, unique
from tests.e2e.shapes import COMPARE, SUMMARY, TOOL_WRITTEN, TOOLS_PAGE, check_shape
from tests.polling import wait_for

PAIR = "/v1/compare/claude-haiku-open-weights/mistral-3-small"
SORTS = ["top", "trending", "new", "controversial"]
CALLS = ["none", "too_early", "ship", "skip", "split"]


def walk(http: httpx.Client, limit: int, **params: Any) -> list[dict[str, Any]]:
    """All pages, one after another."""
    tools: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    for _ in range(1_000):
        page = http.get("/v1/tools", params={**params, **cursor, "limit": limit}).json()
        check_shape(page, TOOLS_PAGE)
        assert len(page["tools"]) <= limit
        tools += page["tools"]
        if page["next_cursor"] is None:
            assert len(tools) == page["total"]
            return tools
        cursor = {"cursor": page["next_cursor"]}
    raise AssertionError("the pages do not end")


def test_a_summary_says_what_the_catalogue_the_panel_and_the_community_say(http):
    summary = http.get("/v1/tools/mistral-3-small").json()
    check_shape(summary, SUMMARY)
    assert summary["slug"] == "mistral-3-small"
    assert summary["position"] >= max(summary["community"]["position"], 1)
    assert datetime.fromisoformat(summary["listed_at"]).tzinfo is not None


@pytest.mark.parametrize("sort", SORTS)
def test_the_pages_of_every_order_have_each_tool_once(http, sort):
    slugs = [tool["slug"] for tool in walk(http, 70, sort=sort)]
    assert len(slugs) == len(set(slugs)) > 300


def test_pages_of_one_tool_and_of_a_hundred_are_the_same_list(http):
    ones = walk(http, 1, q="ai video")
    assert len(ones) > 2
    assert ones == walk(http, 100, q="ai video")


def test_without_a_sort_the_best_come_first(http):
    assert http.get("/v1/tools").json() == http.get("/v1/tools", params={"sort": "top"}).json()


def test_the_newest_tool_comes_first_among_the_new(http, live_site):
    slug = new_tool(live_site)
    tools = walk(http, 100, sort="new")
    listed = [tool["listed_at"] for tool in tools]
    assert slug in [tool["slug"] for tool in tools[:5]]
    assert [at[:19] for at in listed] == sorted([at[:19] for at in listed], reverse=True)


def test_an_order_follows_the_votes(http, live_site):
    category = unique("Category")
    loved, torn, loathed = (new_tool(live_site, category=category) for _ in range(3))
    votes = [(loved, "ship"), (loved, "ship"), (torn, "ship"), (torn, "skip"), (loathed, "skip")]
    for slug, choice in votes:
        answer = put(f"{live_site.url}/v1/tools/{slug}/vote", json={"choice": choice})
    last = answer.json()["position"]

    def order(sort: str) -> list[str]:
        params = {"sort": sort, "category": category, "min_position": last}
        return [tool["slug"] for tool in http.get("/v1/tools", params=params).json()["tools"]]

    assert order("top") == [loved, torn, loathed]
    assert order("controversial")[0] == torn
    assert set(order("trending")[:2]) == {loved, torn}
    assert order("new") == [loathed, torn, loved]


def test_a_category_is_found_by_its_name_and_by_its_slug(http):
    by_name = walk(http, 100, category="Developer Tools")
    by_slug = walk(http, 100, category="developer-tools")
    assert by_name == by_slug
    assert {tool["category"].casefold().replace(" ", "-") for tool in by_name} == {
        "developer-tools"
    }


def test_each_tool_is_in_the_list_of_its_call_and_in_no_other(http):
    tools = walk(http, 100)
    found = {call: walk(http, 100, call=call) for call in CALLS}
    for call, those in found.items():
        assert {tool["community"]["call"] for tool in those} <= {call}
    assert sum(len(those) for those in found.values()) == len(tools)
    category = tools[0]["category"]
    here = [tool for tool in found["none"] if tool["category"] == category]
    assert walk(http, 100, call="none", category=category) == here


def test_a_search_wants_every_word_in_any_case(http):
    found = walk(http, 100, q="MISTRAL small")
    assert "mistral-3-small" in [tool["slug"] for tool in found]
    assert walk(http, 100, q="mistral nobody-says-this") == []
    assert walk(http, 100, q="_%_") == []
    assert walk(http, 100, category=unique("no-such")) == []


def test_a_page_goes_on_where_it_stopped_when_its_last_tool_is_gone(http, live_site, admin):
    category = unique("Category")
    slugs = {new_tool(live_site, category=category) for _ in range(4)}
    first = http.get("/v1/tools", params={"category": category, "limit": 2}).json()
    seen = [tool["slug"] for tool in first["tools"]]
    gone = http.delete(f"/v1/tools/{seen[-1]}", headers=admin)
    params = {"category": category, "cursor": first["next_cursor"]}
    rest = http.get("/v1/tools", params={**params, "min_position": gone.headers["votes-position"]})
    assert {tool["slug"] for tool in rest.json()["tools"]} == slugs - set(seen)


def test_the_two_models_of_the_demo_compare_as_their_panels_said(http):
    compared = http.get(PAIR).json()
    check_shape(compared, COMPARE)
    for side, verdict, ship, skip, mean in (
        ("a", "mixed", 2, 2, 59.75),
        ("b", "ship", 3, 1, 73.75),
    ):
        panel = compared[side]["panel"]
        assert (panel["verdict"], panel["ship"], panel["skip"]) == (verdict, ship, skip)
        assert panel["mean_score"] == mean
        assert panel["ship_share"] == ship / (ship + skip)
        assert len(panel["reviews"]) == ship + skip
    assert "panel.verdict" in [row["field"] for row in compared["differences"]]
    assert all(row["a"] != row["b"] for row in compared["differences"])


def test_compared_sides_are_the_summaries_themselves(http):
    compared = http.get("/v1/compare/mistral-3-small/notion").json()
    assert compared["a"] == http.get("/v1/tools/mistral-3-small").json()
    assert compared["b"] == http.get("/v1/tools/notion").json()
    assert http.get("/v1/compare/notion/notion").json()["differences"] == []
    problem(http.get("/v1/compare/notion/no-such-tool"), 404, "tool_unknown")


def test_up_to_four_tools_are_compared_in_the_order_asked_for(http):
    slugs = ["notion", "mistral-3-small", "claude-haiku-open-weights", "figma"]
    for asked in (slugs, slugs[1:], slugs[:2]):
        compared = http.get("/v1/compare", params={"tools": ",".join(asked)}).json()
        assert compared["tools"] == [http.get(f"/v1/tools/{slug}").json() for slug in asked]
        assert compared["position"] == max(tool["position"] for tool in compared["tools"])
        contrasts = {row["field"]: row["values"] for row in compared["contrasts"]}
        assert contrasts["panel.verdict"] == [t["panel"]["verdict"] for t in compared["tools"]]
        assert all(len(set(values)) > 1 for values in contrasts.values())
    pair = http.get("/v1/compare/notion/mistral-3-small").json()["differences"]
    assert pair == [
        {"field": row["field"], "a": row["values"][0], "b": row["values"][1]}
        for row in compared["contrasts"]
    ]
    problem(http.get("/v1/compare?tools=notion"), 400, "invalid_parameter")
    problem(http.get("/v1/compare?tools=notion,notion"), 400, "invalid_parameter")
    problem(http.get(f"/v1/compare?tools={','.join([*slugs, 'miro'])}"), 400, "invalid_parameter")
    problem(http.get("/v1/compare?tools=notion,no-such-tool"), 404, "tool_unknown")


def test_an_admin_lists_and_revises_a_tool(http, admin):
    slug, entry = unique("tool"), {"name": "New", "category": "Tests", "plans": [{"name": "Free"}]}
    listed = http.put(f"/v1/tools/{slug}", json=entry, headers=admin)
    same = http.put(f"/v1/tools/{slug}", json=entry, headers=admin)
    revised = http.put(f"/v1/tools/{slug}", json={**entry, "name": "Newer"}, headers=admin)
    answers = [listed, same, revised]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    for answer in answers:
        check_shape(answer.json(), TOOL_WRITTEN)
    assert [answer.json()["changed"] for answer in answers] == [True, False, True]
    params = {"min_position": revised.json()["position"]}
    assert http.get(f"/v1/tools/{slug}", params=params).json()["name"] == "Newer"


def test_a_delisted_tool_is_gone_until_it_is_listed_again(http, live_site, admin):
    slug = new_tool(live_site, tagline="first")
    http.put(f"/v1/tools/{slug}/vote", json={"choice": "ship"})
    gone = http.delete(f"/v1/tools/{slug}", headers=admin)
    again = http.delete(f"/v1/tools/{slug}", headers=admin)
    assert (gone.status_code, gone.content, again.status_code) == (204, b"", 204)
    params = {"min_position": gone.headers["votes-position"]}
    for path in ("", "/tally", "/tally?at=1", "/reviews"):
        problem(http.get(f"/v1/tools/{slug}{path}", params=params), 404, "tool_unknown")
    problem(http.put(f"/v1/tools/{slug}/vote", json={"choice": "skip"}), 404, "tool_unknown")
    problem(http.get("/v1/tallies", params={"tools": slug}), 404, "tool_unknown")
    assert slug not in [tool["slug"] for tool in walk(http, 100, sort="new")]
    entry = {"name": slug, "category": "Tests"}
    back = http.put(f"/v1/tools/{slug}", json=entry, headers=admin)
    assert back.status_code == 201
    params = {"min_position": back.json()["position"]}
    assert http.get(f"/v1/tools/{slug}/tally", params=params).json()["ship"] == 1


def test_a_tool_that_was_never_listed_cannot_be_delisted(http, admin):
    problem(http.delete(f"/v1/tools/{unique('tool')}", headers=admin), 404, "tool_unknown")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_only_an_admin_writes_the_catalogue(http, live_site, tool, method):
    body = {"json": {"name": "x", "category": "x"}} if method == "PUT" else {}
    for headers, status, code in (
        ({}, 401, "not_authenticated"),
        (bearer(live_site, "ada"), 403, "forbidden"),
        (bearer(live_site, "ada", "moderator", "panelist", persona="x"), 403, "forbidden"),
        (bearer(live_site, "ada", "Admin"), 403, "forbidden"),
    ):
        answer = http.request(method, f"/v1/tools/{tool}", headers=headers, **body)
        problem(answer, status, code)


def etag_at(http: httpx.Client, path: str, position: int = 0) -> str:
    """That of the path. An answer that is not sure, as on a machine that stands still, has none."""
    tags: list[str | None] = []

    def told() -> bool:
        answer = http.get(path, params={"min_position": position})
        tags.append(answer.headers.get("etag"))
        return tags[-1] is not None

    wait_for(told, path)
    return tags[-1] or ""


def test_an_admin_overwrites_no_entry_that_was_not_read(http, live_site, admin):
    slug = new_tool(live_site)
    path, entry = f"/v1/tools/{slug}", {"name": slug, "category": "Tests"}
    read = {"If-Match": etag_at(http, path), **admin}
    http.put(f"{path}/vote", json={"choice": "ship"})  # is no change of the entry
    first = http.put(path, json={**entry, "tagline": "first"}, headers=read)
    assert first.status_code == 200, first.text
    problem(http.put(path, json={**entry, "tagline": "lost"}, headers=read), 412, "changed")
    now = etag_at(http, path, first.json()["position"])
    for tag in (first.headers["etag"], now, f'"other", {now}', "*"):
        seen = {"If-Match": tag, **admin}
        again = http.put(path, json={**entry, "tagline": "first"}, headers=seen)
        assert (again.status_code, again.json()["changed"]) == (200, False), again.text
    bad = http.put(path, json=entry, headers={"If-Match": "x", **admin})
    problem(bad, 400, "invalid_parameter")


def test_what_is_not_listed_is_as_no_tag_has_it(http, live_site, admin):
    slug = unique("unlisted")
    seen = {"If-Match": "*", **admin}
    body = {"name": slug, "category": "Tests"}
    problem(http.put(f"/v1/tools/{slug}", json=body, headers=seen), 412, "changed")
    problem(http.get(f"/v1/tools/{slug}"), 404, "tool_unknown")


def test_a_key_holds_for_its_condition_too(http, live_site, admin):
    slug = new_tool(live_site)
    path, body = f"/v1/tools/{slug}", {"name": slug, "category": "Tests", "tagline": "new"}
    keyed = {"Idempotency-Key": unique("key"), **admin}
    read = {"If-Match": etag_at(http, path), **keyed}
    first = http.put(path, json=body, headers=read)
    assert (first.status_code, first.json()["changed"]) == (200, True)
    assert http.put(path, json=body, headers=read).content == first.content
    problem(http.put(path, json=body, headers=keyed), 422, "idempotency_key_reused")
