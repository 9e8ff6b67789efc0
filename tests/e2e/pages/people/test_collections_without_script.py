"""Collections and the own order on the page of bookmarks, by forms alone."""

import re
from html import unescape

import httpx
import pytest

from tests.e2e.asking import new_tool
from tests.e2e.pages.people.test_bookmarks_without_script import send, shown, undo


@pytest.fixture
def kept(live_site, http, me) -> list[str]:
    """Three bookmarks, the oldest first."""
    tools = [new_tool(live_site) for _ in range(3)]
    for tool in tools:
        http.put(f"/v1/me/bookmarks/{tool}", headers=me)
    return tools


def tree(http: httpx.Client, me: dict) -> dict[str, tuple[str, str | None, int]]:
    """The id, the parent and the number of bookmarks of each collection by its name, in order."""
    found = http.get("/v1/me/collections", headers=me).json()["collections"]
    return {one["name"]: (one["id"], one["inside"], one["bookmarks"]) for one in found}


def make(http: httpx.Client, me: dict, name: str, parent: str = "") -> str:
    made = send(http, me, "/me/collections", ("name", name), ("parent", parent))
    assert made.status_code == 303
    (identity,) = re.findall(r"^/bookmarks\?collection=([\w-]+)$", made.headers["location"])
    return identity


def fields_of(http: httpx.Client, me: dict, collection: str) -> list[tuple[str, str]]:
    """Those of the form on the collection's page that changes it."""
    page = http.get("/bookmarks", params={"collection": collection}, headers=me).text
    form = page[page.index(f'action="/me/collections/{collection}/edit"') :]
    form = form[: form.index("</form>")]
    found = re.findall(r'<input[^>]* name="(\w+)" value="([^"]*)"', form)
    return [(name, unescape(value)) for name, value in found]


def test_one_is_made_renamed_put_into_another_and_removed(http, me, kept):
    work, home = make(http, me, "Work"), make(http, me, " Home ")
    change = [("tool", kept[0]), ("do", "move"), ("collection", work)]
    send(http, me, "/bookmarks/change", *change)
    assert tree(http, me) == {"Work": (work, None, 1), "Home": (home, None, 0)}
    assert shown(http, me, f"/bookmarks?collection={work}") == [kept[0]]
    loose = "/bookmarks?unsorted=true"
    assert f'href="{loose}"' in http.get("/bookmarks", headers=me).text
    assert sorted(shown(http, me, loose)) == sorted(kept[1:])
    assert (
        "Nothing in this collection yet"
        in http.get(f"/bookmarks?collection={home}", headers=me).text
    )
    fields = [(name, value) for name, value in fields_of(http, me, work) if name != "name"]
    fields += [("name", "Office"), ("parent", home)]
    saved = send(http, me, f"/me/collections/{work}/edit", *fields)
    assert (saved.status_code, saved.headers["location"]) == (303, f"/bookmarks?collection={work}")
    assert tree(http, me) == {"Home": (home, None, 0), "Office": (work, home, 1)}
    late = send(http, me, f"/me/collections/{work}/edit", *fields)
    assert late.status_code == 412
    gone = send(http, me, f"/me/collections/{work}/remove")
    assert gone.headers["location"] == "/bookmarks"
    assert "The collection is removed." in http.get("/bookmarks", headers=me).text
    assert tree(http, me) == {"Home": (home, None, 0)}
    assert set(shown(http, me)) == set(kept)
    undo(http, me)
    assert tree(http, me) == {"Home": (home, None, 0), "Office": (work, home, 1)}


def test_collections_are_moved_among_those_beside_them(http, me):
    names = ("A", "B", "C")
    ids = {name: make(http, me, name) for name in names}
    make(http, me, "in B", ids["B"])
    send(http, me, f"/me/collections/{ids['C']}/move", ("to", "up"))
    assert list(tree(http, me)) == ["A", "C", "B", "in B"]
    send(http, me, f"/me/collections/{ids['C']}/move", ("to", "up"))
    send(http, me, f"/me/collections/{ids['C']}/move", ("to", "up"))
    assert list(tree(http, me)) == ["C", "A", "B", "in B"]
    send(http, me, f"/me/collections/{ids['C']}/move", ("to", "down"))
    undo(http, me)
    assert list(tree(http, me)) == ["C", "A", "B", "in B"]


def test_bookmarks_are_moved_in_an_own_order(http, me, kept):
    here = "/bookmarks?sort=rank"
    assert shown(http, me, here) == kept
    page = http.get(here, headers=me).text
    assert f'id="up-{kept[2]}"' in page
    assert 'id="up-' not in http.get("/bookmarks", headers=me).text
    moved = send(http, me, f"/bookmarks/{kept[2]}/move", ("to", "up"), ("next", here))
    assert moved.headers["location"] == f"{here}#up-{kept[2]}"
    assert shown(http, me, here) == [kept[0], kept[2], kept[1]]
    send(http, me, f"/bookmarks/{kept[2]}/move", ("to", "up"))
    send(http, me, f"/bookmarks/{kept[2]}/move", ("to", "up"))
    assert shown(http, me, here) == [kept[2], kept[0], kept[1]]
    send(http, me, f"/bookmarks/{kept[0]}/move", ("to", "down"))
    assert shown(http, me, here) == [kept[2], kept[1], kept[0]]
    undo(http, me)
    assert shown(http, me, here) == [kept[2], kept[0], kept[1]]


def test_in_a_collection_the_order_is_that_of_its_own(http, me, kept):
    work = make(http, me, "Work")
    for tool in (kept[0], kept[2]):
        send(http, me, "/bookmarks/change", ("tool", tool), ("do", "move"), ("collection", work))
    here = f"/bookmarks?collection={work}"
    assert shown(http, me, here) == [kept[0], kept[2]]
    send(http, me, f"/bookmarks/{kept[2]}/move", ("to", "up"), ("collection", work))
    assert shown(http, me, here) == [kept[2], kept[0]]
    other = send(http, me, f"/bookmarks/{kept[1]}/move", ("to", "up"), ("collection", work))
    assert other.status_code == 400


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/me/collections", [("name", " ")], 400),
        ("/me/collections", [("name", "x" * 121)], 400),
        ("/me/collections", [("name", "x"), ("parent", "none")], 404),
        ("/me/collections/none/edit", [("name", "x")], 404),
        ("/me/collections/none/move", [("to", "up")], 404),
        ("/me/collections/a.b/remove", [], 400),
    ],
)
def test_a_form_that_no_page_has_changes_nothing(http, me, path, fields, status):
    assert send(http, me, path, *fields).status_code == status
    assert tree(http, me) == {}
