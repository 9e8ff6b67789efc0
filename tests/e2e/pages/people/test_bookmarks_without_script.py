"""The page of bookmarks by its forms alone, as a browser without script sends them."""

import re
from html import unescape

import httpx
import pytest
from redis import Redis

from tests.e2e.asking import new_tool
from tests.polling import wait_for


@pytest.fixture
def kept(live_site, http, me) -> list[str]:
    """Three bookmarks, the oldest first."""
    tools = [new_tool(live_site) for _ in range(3)]
    for number, tool in enumerate(tools):
        body = {
            "note": f"note {('first', 'second', 'third')[number]}",
            "tags": ["all", f"t{number}"],
            "collection": "Work",
        }
        http.put(f"/v1/me/bookmarks/{tool}", json=body, headers=me)
    return tools


def send(http: httpx.Client, me: dict, path: str, *fields: tuple[str, str]) -> httpx.Response:
    body = httpx.QueryParams(list(fields))
    headers = {**me, "Content-Type": "application/x-www-form-urlencoded"}
    return http.post(path, content=str(body), headers=headers)


def shown(http: httpx.Client, me: dict, path: str = "/bookmarks") -> list[str]:
    page = http.get(path, headers=me)
    assert page.status_code == 200
    return re.findall(r'name="only" value="([^"]+)"', page.text)


def marks(http: httpx.Client, me: dict) -> dict[str, tuple[str, list[str], str | None]]:
    found = http.get("/v1/me/bookmarks", headers=me).json()["bookmarks"]
    return {one["tool"]: (one["note"], one["tags"], one["collection"]) for one in found}


def undo(http: httpx.Client, me: dict, path: str = "/bookmarks") -> httpx.Response:
    """Press Undo in the notice of the page."""
    page = http.get(path, headers=me).text
    notice = page[page.index('action="/bookmarks/undo"') :]
    fields = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', notice)[:3]
    return send(http, me, "/bookmarks/undo", *((name, unescape(value)) for name, value in fields))


def test_counts_say_what_they_count_and_filters_are_in_the_address(http, me, kept):
    page = http.get("/bookmarks", headers=me).text
    assert "3 bookmarks, kept by" in page
    assert shown(http, me) == kept[::-1]
    assert shown(http, me, "/bookmarks?tag=t1") == [kept[1]]
    assert "1 of 3 bookmarks match" in http.get("/bookmarks?q=note+third", headers=me).text
    assert shown(http, me, "/bookmarks?collection=Work&sort=old") == kept
    assert "None of your bookmarks matches" in http.get("/bookmarks?q=nope", headers=me).text
    assert http.get("/bookmarks?sort=nope", headers=me).status_code == 400


def test_remove_keeps_search_and_page_and_is_undone(http, me, kept):
    here, before = "/bookmarks?q=note&tag=all&sort=old", marks(http, me)
    page = http.get(here, headers=me).text
    back = unescape(re.findall(r'name="next" value="([^"]+)"', page)[0])
    gone = send(http, me, "/bookmarks/change", ("next", back), ("only", kept[1]))
    assert gone.status_code == 303
    assert dict(httpx.URL(gone.headers["location"]).params) == dict(httpx.URL(here).params)
    assert shown(http, me, here) == [kept[0], kept[2]]
    assert "1 bookmark removed." in http.get(here, headers=me).text
    assert undo(http, me, here).headers["location"] == back
    assert marks(http, me) == before


def test_what_is_selected_is_tagged_moved_and_removed_at_once(http, me, kept):
    before, both = marks(http, me), [("tool", kept[0]), ("tool", kept[2])]
    path = "/bookmarks/change"
    assert send(http, me, path, *both, ("do", "tag"), ("tag", " new ")).status_code == 303
    assert {tool for tool, mark in marks(http, me).items() if "new" in mark[1]} == {
        kept[0],
        kept[2],
    }
    send(http, me, path, *both, ("do", "untag"), ("tag", "new"))
    assert marks(http, me) == before
    send(http, me, path, *both, ("do", "move"), ("collection", "Home"))
    send(http, me, path, ("tool", kept[1]), ("do", "move"), ("collection", ""))
    assert [marks(http, me)[tool][2] for tool in kept] == ["Home", None, "Home"]
    send(http, me, path, *both, ("do", "remove"))
    assert marks(http, me).keys() == {kept[1]}
    assert "2 bookmarks removed." in http.get("/bookmarks", headers=me).text
    undo(http, me)
    assert [marks(http, me)[tool][2] for tool in kept] == ["Home", None, "Home"]


def test_one_is_edited_in_place_and_nothing_unseen_is_overwritten(http, me, kept):
    page = http.get("/bookmarks?tag=t1", headers=me).text
    etag = re.findall(r'name="etag" value="(\w+)"', page)[0]
    fields = [("etag", etag), ("note", "a\r\nb"), ("tags", " x, y ,, x"), ("collection", "")]
    assert send(http, me, f"/bookmarks/{kept[1]}/edit", *fields).status_code == 303
    assert marks(http, me)[kept[1]] == ("a\nb", ["x", "y"], None)
    assert "1 bookmark saved." in http.get("/bookmarks", headers=me).text
    late = send(http, me, f"/bookmarks/{kept[1]}/edit", ("etag", etag), ("note", "lost"))
    assert late.status_code == 412
    assert marks(http, me)[kept[1]][0] == "a\nb"


def test_a_tag_is_renamed_and_leads_to_its_page(http, me, kept):
    there = send(http, me, "/bookmarks/retag", ("tag", "all"), ("to", "every one"))
    assert there.headers["location"] == "/bookmarks?tag=every+one"
    assert shown(http, me, there.headers["location"]) == kept[::-1]
    undo(http, me)
    assert len(shown(http, me, "/bookmarks?tag=all")) == 3


def test_what_was_removed_is_brought_back(http, me, kept):
    for tool in kept[:2]:
        send(http, me, "/bookmarks/change", ("only", tool))
    page = http.get("/bookmarks/removed", headers=me).text
    assert "2 bookmarks of the last 30 days" in page
    rows = page[page.index('<ol class="rows') :]
    fields = re.findall(r'name="(after|until)" value="(\d+)"', rows)[:2]
    send(http, me, "/bookmarks/undo", *fields)
    assert marks(http, me).keys() == {kept[1], kept[2]}


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/bookmarks/change", [("do", "nothing")]),
        ("/bookmarks/change", [("do", "tag"), ("tag", " ")]),
        ("/bookmarks/change", [("do", "tag"), ("tag", "x" * 51)]),
        ("/bookmarks/change", [("do", "move"), ("collection", "no id")]),
        ("/bookmarks/change", [("do", "remove"), ("next", "https://elsewhere.example/")]),
        ("/bookmarks/change", [("tool", "a")] * 200),
        ("/bookmarks/retag", [("tag", ""), ("to", "x")]),
        ("/bookmarks/retag", [("tag", "x"), ("to", "\u202e")]),
        ("/bookmarks/undo", [("after", "x"), ("until", "1")]),
        ("/bookmarks/undo", [("after", "1"), ("until", "9" * 19)]),
    ],
)
def test_a_form_that_no_page_has_changes_nothing(http, me, kept, path, fields):
    before = marks(http, me)
    assert send(http, me, path, *fields).status_code == 400
    assert marks(http, me) == before


def test_a_made_up_notice_says_nothing(http, me, kept):
    huge = f"removed.{'9' * 4_400}.2.3"
    bad = ("x", "removed", "removed.1.2", "removed.1.2.x", "<b>.1.2.3", "removed.-1.2.3", huge)
    for value in bad:
        http.cookies.clear()
        page = http.get("/bookmarks", headers={**me, "Cookie": f"done={value}"})
        assert page.status_code == 200
        assert 'action="/bookmarks/undo"' not in page.text


def test_an_import_that_is_forgotten_says_so_and_takes_the_file_again(http, live_site, me):
    file = b'[{"url": "https://elsewhere.example/"}]'
    begun = http.post("/v1/me/bookmarks/import", content=file, headers=me).json()["id"]

    def page(root: str = "") -> httpx.Response:
        return http.get(f"{root}/bookmarks/import", params={"id": begun}, headers=me)

    wait_for(lambda: "1 bookmark read." in page().text, "the end of the import")
    with Redis.from_url(live_site.servers.redis_owner_url) as redis:
        assert redis.delete(*redis.scan_iter(match=f"*{begun}*"))
    told = page()
    assert told.status_code == 404
    assert "not known any more" in told.text
    for kept in ('type="file"', "elsewhere.example"):
        assert kept in told.text
    assert "nicht mehr bekannt" in page("/de").text
