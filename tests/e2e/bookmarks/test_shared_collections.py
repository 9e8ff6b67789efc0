"""A public collection is everybody's to read at an address that nobody guesses, and nothing else of
its user's is."""

import json
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree

import httpx
import pytest

from tests.e2e.asking import bearer, browser, head, new_tool, problem, request, unique

CANARY = "canary"


@pytest.fixture
def me(live_site) -> dict[str, str]:
    return bearer(live_site, unique(CANARY))


def save(http: httpx.Client, me: dict[str, str], **fields: object) -> dict[str, object]:
    body = {"name": "Tools <b>&amp; more", "public": True, **fields}
    return http.put(f"/v1/me/collections/{CANARY}-id", json=body, headers=me).json()


@pytest.fixture
def kept(live_site, http, me) -> list[str]:
    """Bookmarks in the collection, in its order, and one that is elsewhere."""
    tools = [new_tool(live_site) for _ in range(3)]
    for number, tool in enumerate(tools):
        body = {
            "note": f"{CANARY} note",
            "tags": [f"{CANARY} tag"],
            "collection": f"{CANARY}-id",
            "rank": "cba"[number],
        }
        http.put(f"/v1/me/bookmarks/{tool}", json=body, headers=me)
    elsewhere = new_tool(live_site)
    http.put(f"/v1/me/bookmarks/{elsewhere}", json={"note": CANARY}, headers=me)
    http.get("/v1/tools", params={"min_position": head(live_site)})
    return tools[::-1]


def addresses(public: object) -> list[str]:
    paths = ("/collections/{}", "/v1/collections/{}", "/v1/collections/{}.rss")
    return [path.format(public) for path in (*paths, "/v1/collections/{}.json")]


def test_everybody_reads_its_tools_in_its_order_and_nothing_else(live_site, http, me, kept):
    public = save(http, me)["public"]
    with browser(live_site.url) as stranger:
        page, said, rss, feed = (stranger.get(path) for path in addresses(public))
    for answer in (page, said, rss, feed):
        assert answer.status_code == 200
        assert CANARY not in answer.text
        assert me["Authorization"] not in answer.text
    assert said.json()["name"] == "Tools <b>&amp; more"
    assert [one["tool"] for one in said.json()["tools"]] == kept
    assert [kept.index(tool) for tool in kept if f"/tools/{tool}" in page.text] == [0, 1, 2]
    assert page.text.index(kept[0]) < page.text.index(kept[1]) < page.text.index(kept[2])
    assert '<meta name="robots" content="noindex">' in page.text
    assert "Tools &lt;b&gt;&amp;amp; more" in page.text


def test_its_feeds_have_the_tools_that_were_added_last(http, me, kept):
    public = save(http, me)["public"]
    _, said, rss, feed = (http.get(path) for path in addresses(public))
    assert rss.headers["content-type"] == "application/rss+xml"
    channel = ElementTree.fromstring(rss.text).find("channel")
    assert channel is not None
    assert channel.findtext("title") == "Tools <b>&amp; more"
    assert channel.findtext("link", "").endswith(f"/collections/{public}")
    items = channel.findall("item")
    links = [f"{http.base_url}/tools/{tool}" for tool in kept[::-1]][::-1]
    assert [item.findtext("link", "").removeprefix(str(http.base_url)) for item in items] == [
        link.removeprefix(str(http.base_url)) for link in links
    ]
    for item in items:
        assert parsedate_to_datetime(item.findtext("pubDate", "")).year >= 2026
        assert item.findtext("guid")
    assert feed.headers["content-type"] == "application/feed+json"
    told = json.loads(feed.text)
    assert (told["version"], told["title"]) == (
        "https://jsonfeed.org/version/1.1",
        "Tools <b>&amp; more",
    )
    assert [one["title"] for one in told["items"]] == [i.findtext("title") for i in items]
    assert len({one["id"] for one in told["items"]}) == 3
    assert len(said.json()["tools"]) == 3


def test_it_is_gone_when_it_is_private_again_and_stays_so(http, me, kept):
    first = save(http, me)["public"]
    etag = http.get(f"/v1/collections/{first}").headers["etag"]
    known = http.get(f"/v1/collections/{first}", headers={"If-None-Match": etag})
    assert known.status_code == 304
    save(http, me, public=False)
    for path in addresses(first):
        assert http.get(path, headers={"If-None-Match": etag}).status_code == 410
    problem(http.get(f"/v1/collections/{first}"), 410, "collection_gone")
    second = save(http, me)["public"]
    assert http.get(f"/v1/collections/{second}").status_code == 200
    assert http.get(f"/v1/collections/{first}").status_code == 410


def test_it_is_gone_when_it_is_removed_and_there_again_when_that_is_undone(http, me, kept):
    public = save(http, me)["public"]
    removed = http.delete(f"/v1/me/collections/{CANARY}-id", headers=me)
    position = int(removed.headers["votes-position"])
    assert {http.get(path).status_code for path in addresses(public)} == {410}
    body = {"after": position - 1, "until": position}
    http.post("/v1/me/bookmarks:undo", json=body, headers=me)
    assert {http.get(path).status_code for path in addresses(public)} == {200}


def test_it_is_gone_when_its_user_is_erased(http, me, kept):
    public = save(http, me)["public"]
    assert {http.get(path).status_code for path in addresses(public)} == {200}
    assert http.delete("/v1/me", headers=me).status_code == 204
    assert {http.get(path).status_code for path in addresses(public)} == {410}
    save(http, me)
    assert {http.get(path).status_code for path in addresses(public)} == {410}


@pytest.mark.parametrize("public", ["x", "A" * 22, f"{CANARY}-id", "A" * 22 + ".rss", "a.b.rss"])
def test_what_never_was_one_is_not_found(http, me, kept, public):
    save(http, me)
    for path in (f"/collections/{public}", f"/v1/collections/{public}"):
        assert http.get(path).status_code == 404
    problem(http.get(f"/v1/collections/{public}"), 404, "collection_unknown")


def test_a_tool_that_is_delisted_is_left_out(live_site, http, me, kept):
    public = save(http, me)["public"]
    admin = bearer(live_site, "an-admin", "admin")
    request("DELETE", f"{live_site.url}/v1/tools/{kept[0]}", headers=admin)
    http.get("/v1/tools", params={"min_position": head(live_site)})
    said = http.get(f"/v1/collections/{public}").json()
    assert [one["tool"] for one in said["tools"]] == kept[1:]


def test_it_comes_in_pages(http, me, kept):
    public = save(http, me)["public"]
    found, cursor = [], None
    for _ in range(2):
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = http.get(f"/v1/collections/{public}", params=params).json()
        found += [one["tool"] for one in page["tools"]]
        cursor = page["next_cursor"]
    assert (found, cursor, page["total"]) == (kept, None, 3)
    bad = http.get(f"/v1/collections/{public}", params={"cursor": "x"})
    problem(bad, 400, "invalid_cursor")
