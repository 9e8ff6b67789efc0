"""Bookmarks of other products come in by the worker, with progress, and leave again as files."""

import json
import time
from datetime import UTC, datetime

import httpx
import pytest

from tests.e2e.asking import bearer, new_tool, problem, unique
from tests.e2e.shapes import check_shape
from tests.polling import wait_for

IMPORT = {
    "id": str,
    "state": {"waiting", "running", "done", "failed"},
    "reason": (str, type(None)),
    "entries": (int, type(None)),
    **dict.fromkeys(("done", "total", "added", "revised", "collections", "unmatched"), int),
    "left_out": int,
    "unread": [{"entry": int, "reason": str}],
    "after": int,
    "until": int,
}
UNMATCHED = {
    "id": str,
    "url": str,
    "web": bool,
    "title": str,
    "folder": [str],
    "tags": [str],
    "note": str,
    "added_at": (str, type(None)),
}
PATH = "/v1/me/bookmarks"


@pytest.fixture(scope="module")
def tool(live_site) -> str:
    return new_tool(live_site)


def page(slug: str, more: str = "") -> bytes:
    return (
        "<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<DL><p>\n<DT><H3>Work</H3>\n<DL><p>\n<DT><H3>Models"
        f'</H3>\n<DL><p>\n<DT><A HREF="http://localhost:9/tools/{slug}" ADD_DATE="1700000000"'
        ' TAGS="ai,tools">A tool</A>\n<DD>Mine\n</DL><p>\n</DL><p>\n<DT><A HREF='
        f'"https://other.example/{slug}" ADD_DATE="1700000001">Elsewhere</A>\n{more}</DL><p>\n'
    ).encode()


def ended(http: httpx.Client, me: dict[str, str], file: bytes) -> dict:
    """How an import ends."""
    begun = http.post(f"{PATH}/import", content=file, headers=me)
    assert begun.status_code == 202, begun.text
    check_shape(begun.json(), IMPORT)
    where = begun.headers["location"]
    assert where == f"{PATH}/imports/{begun.json()['id']}"

    def told() -> dict | None:
        view = http.get(where, headers=me).json()
        check_shape(view, IMPORT)
        return view if view["state"] in ("done", "failed") else None

    return wait_for(told, "the import", limit_s=120)


def kept(http: httpx.Client, me: dict[str, str]) -> list[dict]:
    return http.get(PATH, headers=me).json()["bookmarks"]


def unmatched(http: httpx.Client, me: dict[str, str]) -> list[dict]:
    return http.get(f"{PATH}/unmatched", headers=me).json()["unmatched"]


def export(http: httpx.Client, me: dict[str, str], form: str) -> httpx.Response:
    return http.get(f"{PATH}/export", params={"format": form}, headers=me)


def test_a_file_becomes_bookmarks_and_what_is_no_tool_is_listed(http, me, tool):
    script = '<DT><A HREF="javascript:x()">x</A>\n'
    done = ended(http, me, page(tool, script))
    assert (done["state"], done["entries"], done["left_out"]) == ("done", 3, 1)
    assert (done["added"], done["collections"], done["unmatched"]) == (1, 2, 1)
    assert done["unread"] == [{"entry": 3, "reason": "A script is no page."}]
    (bookmark,) = kept(http, me)
    assert (bookmark["tool"], bookmark["note"], bookmark["tags"]) == (tool, "Mine", ["ai", "tools"])
    assert bookmark["added_at"] == "2023-11-14T22:13:20Z"
    (left,) = unmatched(http, me)
    check_shape(left, UNMATCHED)
    assert (left["url"], left["title"]) == (f"https://other.example/{tool}", "Elsewhere")
    assert (left["web"], left["added_at"]) == (True, "2023-11-14T22:13:21Z")
    again = ended(http, me, page(tool, script))
    assert (again["state"], again["total"], again["after"]) == ("done", 0, 0)


def undo(http: httpx.Client, me: dict[str, str], done: dict) -> dict:
    asked = {"after": done["after"], "until": done["until"]}
    answer = http.post(f"{PATH}:undo", json=asked, headers=me)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_import_can_be_undone_and_that_too(http, me, tool):
    done = ended(http, me, page(tool))
    pages = unmatched(http, me)
    undone = undo(http, me, done)
    assert (undone["bookmarks"], undone["collections"], undone["unmatched"]) == (1, 2, 1)
    assert (kept(http, me), unmatched(http, me)) == ([], [])
    assert undo(http, me, done)["unmatched"] == 0
    assert undo(http, me, undone)["unmatched"] == 1
    assert (len(kept(http, me)), unmatched(http, me)) == (1, pages)


def test_a_page_that_came_or_went_since_is_not_undone(http, me, tool):
    first = ended(http, me, page(tool))
    (left,) = unmatched(http, me)
    http.delete(f"{PATH}/unmatched/{left['id']}", headers=me)
    assert ended(http, me, page(tool))["unmatched"] == 1
    assert undo(http, me, first)["unmatched"] == 0
    assert unmatched(http, me) == [left]


@pytest.mark.parametrize("form", ["html", "json", "csv"])
def test_an_export_is_the_same_after_an_import_elsewhere(live_site, http, me, tool, form):
    ended(http, me, page(tool))
    first = export(http, me, form)
    assert first.status_code == 200
    assert first.headers["content-disposition"] == f'attachment; filename="bookmarks.{form}"'
    assert first.headers["cache-control"] == "private, no-store"
    other = bearer(live_site, unique("other"))
    assert ended(http, other, first.content)["state"] == "done"
    assert export(http, other, form).content == first.content
    assert len(unmatched(http, other)) == 1


def test_an_unmatched_page_is_removed_and_stays_away(http, me, tool):
    ended(http, me, page(tool))
    (left,) = unmatched(http, me)
    for _ in range(2):
        path = f"{PATH}/unmatched/{left['id']}"
        assert http.delete(path, headers=me).status_code == 204
    assert unmatched(http, me) == []
    assert b"other.example" not in export(http, me, "html").content


@pytest.mark.parametrize("page", ["nonsense", f"{0:012x}-{0:032x}", "%F0%9F%9A%80", "x" * 5_000])
def test_an_idempotency_key_holds_for_a_page_that_is_not_there(http, me, page):
    def remove(page: str, key: str) -> httpx.Response:
        headers = me | {"Idempotency-Key": key}
        return http.delete(f"{PATH}/unmatched/{page}", headers=headers)

    assert [remove(page, "k").status_code for _ in range(2)] == [204, 204]
    problem(remove("another", "k"), 422, "idempotency_key_reused")
    problem(remove(page, '""'), 400, "invalid_idempotency_key")


@pytest.mark.parametrize("file", [b"PK\x03\x04zip", b"Dear reader", b"[" * 100_000])
def test_what_is_no_file_of_bookmarks_is_refused_with_a_reason(http, me, file):
    done = ended(http, me, file)
    assert done["state"] == "failed"
    assert done["reason"]
    assert unmatched(http, me) == []


def test_nobody_is_told_of_anothers_import(live_site, http, me, tool):
    name = ended(http, me, page(tool))["id"]
    other = bearer(live_site, unique("other"))
    problem(http.get(f"{PATH}/imports/{name}", headers=other), 404, "import_unknown")
    problem(http.get(f"{PATH}/imports/none", headers=me), 404, "import_unknown")
    problem(http.post(f"{PATH}/import", content=b"", headers=me), 400, "invalid_body")
    problem(http.post(f"{PATH}/import", content=b"x"), 401, "not_authenticated")


def test_all_that_is_held_of_a_user_has_the_pages_too(http, me, tool):
    ended(http, me, page(tool))
    held = http.get("/v1/me/export", headers=me).json()
    assert [one["title"] for one in held["unmatched"]] == ["Elsewhere"]
    assert http.delete("/v1/me", headers=me).status_code == 204
    assert unmatched(http, me) == []


def test_a_file_of_50_000_pages_is_imported(http, me):
    rows = [
        {
            "url": f"https://example.org/articles/{n}",
            "title": f"An article of some length about the number {n}",
            "folder": ["Reading", f"Shelf {n % 40}"],
            "tags": ["reading", f"tag-{n % 100}"],
            "note": "Worth reading twice" if n % 3 == 0 else "",
            "added_at": datetime.fromtimestamp(1_500_000_000 + 600 * n, UTC).isoformat(),
        }
        for n in range(50_000)
    ]
    start = time.monotonic()
    done = ended(http, me, json.dumps(rows).encode())
    print(f"50,000 pages: {time.monotonic() - start:.1f} s")
    assert (done["state"], done["unmatched"], done["done"]) == ("done", 50_000, 50_000)
    assert unmatched(http, me)[0]["url"] == "https://example.org/articles/49999"
    assert len(json.loads(export(http, me, "json").content)["bookmarks"]) == 50_000
