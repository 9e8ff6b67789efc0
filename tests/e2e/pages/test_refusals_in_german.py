"""What is refused on a page in German is said in German, or not at all."""

import re
from pathlib import Path

import httpx
import pytest

import votes
from tests.e2e.asking import bearer, unique
from tests.e2e.pages.reading import parsed, words
from tests.polling import wait_for
from tests.site import SAME_ORIGIN
from votes.domain.collection import FULL
from votes.domain.unmatched import UNMATCHED_MAX
from votes.formats.files import FILE_BYTES_MAX
from votes.formats.json_file import VALUES_MAX
from votes.formats.netscape import TAGS_MAX
from votes.formats.saved import FOLDERS_MAX, ITEM_BYTES_MAX, ITEMS_MAX
from votes.site.refusals import KNOWN

WITH_NUMBERS = {
    FULL.detail,
    f"The file has more than {FILE_BYTES_MAX // 2**20} MiB.",
    f"The file has more than {ITEMS_MAX:,} entries: split it.",
    f"The file has more than {VALUES_MAX:,} values.",
    f"The file has more than {TAGS_MAX:,} tags.",
    f"The folders are nested more than {FOLDERS_MAX} deep.",
    f"You can keep {UNMATCHED_MAX:,} pages that are no tools: remove some.",
    f"It has more than {ITEM_BYTES_MAX:,} bytes.",
}


@pytest.fixture
def me(live_site) -> dict[str, str]:
    return SAME_ORIGIN | bearer(live_site, unique("user"))


def told(answer: httpx.Response, status: int) -> str:
    """The words of a page that refuses."""
    assert answer.status_code == status, answer.text
    page = parsed(answer.text)
    assert page.get("lang") == "de"
    return words(page)


def test_each_sentence_is_one_that_is_said():
    sources = (path.read_text() for path in Path(votes.__file__).parent.rglob("*.py"))
    said = "".join(text for text in sources if '"""What refusals say' not in text)
    plain = re.sub(r'"\s*\n\s*f?"', "", said)
    unsaid = [one for one in KNOWN if one[:-1] not in plain and one not in WITH_NUMBERS]
    assert unsaid == []
    assert set(KNOWN) >= WITH_NUMBERS


FORMS = {
    "no tag": ("/bookmarks/change", {"do": "tag", "tool": "notion"}, 400, "Welches Schlagwort?"),
    "no collection": ("/me/collections/none/edit", {"name": "x"}, 404, "Diese Sammlung gibt es"),
    "no such field": ("/bookmarks/change", {"do": "dance"}, 400, ""),
    "a long tag": ("/bookmarks/retag", {"tag": "a", "to": "x" * 99}, 400, ""),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_refused_in_german(http, me, name):
    path, fields, status, sentence = FORMS[name]
    text = told(http.post(f"/de{path}", data=fields, headers=me), status)
    assert sentence in text
    for english in (" the ", "There ", "Expected", "dance", "must"):
        assert english not in text


def test_an_address_without_a_tool_is_said_in_german(http):
    html = {"Accept": "text/html"}
    text = told(http.get("/de/tools/there-is-none", headers=html), 404)
    assert "There is no tool" not in text


@pytest.mark.parametrize(
    ("file", "sentence"),
    [(b"PK\x03\x04", "Das ist ein Archiv"), (b"[{", "Das ist kein JSON."), (b"x", "Spalte „url“")],
)
def test_an_import_that_fails_says_why_in_german(http, me, file, sentence):
    begun = http.post("/v1/me/bookmarks/import", content=file, headers=me).json()["id"]

    def page() -> str | None:
        text = http.get("/de/bookmarks/import", params={"id": begun}, headers=me).text
        return None if "data-again" in text else text

    assert sentence in wait_for(page, "the end of the import")


def test_what_is_left_out_is_named_in_german(http, me):
    file = b'[{"url": "javascript:x()"}, {"url": ""}, {"url": "https://other.example/"}]'
    begun = http.post("/v1/me/bookmarks/import", content=file, headers=me).json()["id"]

    def page() -> str | None:
        text = http.get("/de/bookmarks/import", params={"id": begun}, headers=me).text
        return None if "data-again" in text else text

    text = wait_for(page, "the end of the import")
    assert "Ein Skript ist keine Seite." in text
    assert "Er hat keine Adresse." in text
