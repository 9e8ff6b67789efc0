"""What is refused on a page in German is said in German, or not at all."""

import re
from pathlib import Path

import httpx
import pytest

import votes
from tests.e2e.pages.reading import parsed, words
from tests.polling import wait_for
from votes.domain.bookmarks.collection import FULL
from votes.domain.bookmarks.unmatched import UNMATCHED_MAX
from votes.domain.tool import taken
from votes.formats.files import FILE_BYTES_MAX
from votes.formats.json_file import VALUES_MAX
from votes.formats.netscape import TAGS_MAX
from votes.formats.saved import FOLDERS_MAX, ITEM_BYTES_MAX, ITEMS_MAX
from votes.http.exchange import unknown
from votes.languages import languages_of, speaking
from votes.site.refusals import KNOWN, QUOTING, said

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


def told(answer: httpx.Response, status: int) -> str:
    """The words of a page that refuses."""
    assert answer.status_code == status, answer.text
    page = parsed(answer.text)
    assert page.get("lang") == "de"
    return words(page)


def test_each_sentence_is_one_that_is_said():
    sources = (path.read_text() for path in Path(votes.__file__).parent.rglob("*.py"))
    all_said = "".join(text for text in sources if '"""What refusals say' not in text)
    plain = re.sub(r'"\s*\n\s*f?"', "", all_said)
    unsaid = [one for one in KNOWN if one[:-1] not in plain and one not in WITH_NUMBERS]
    assert unsaid == []
    assert set(KNOWN) >= WITH_NUMBERS


EDIT = "/bookmarks/notion/edit"
FORMS: dict[str, tuple[str, dict[str, str], int, str]] = {
    "no tag": ("/bookmarks/change", {"do": "tag", "tool": "notion"}, 400, "Welches Schlagwort?"),
    "no collection": ("/me/collections/none/edit", {"name": "x"}, 404, "Diese Sammlung gibt es"),
    "no such field": ("/bookmarks/change", {"do": "dance"}, 400, ""),
    "a long tag": ("/bookmarks/retag", {"tag": "a", "to": "x" * 99}, 400, "höchstens 50 Zeichen"),
    "no tag to rename": ("/bookmarks/retag", {"tag": "", "to": "x"}, 400, "Ein Feld ist leer"),
    "too many tags": (EDIT, {"tags": ",".join(map(str, range(21)))}, 400, "höchstens 20."),
    "no address": (EDIT, {"url": "nowhere"}, 400, "mit http:// oder"),
    "an odd character": (EDIT, {"note": "a\u202eb"}, 400, "Zeichen, die darin"),
    "no tool": ("/bookmarks/never-was/edit", {}, 404, "gibt es kein Tool 'never-was'."),
}


QUOTES = {
    unknown("x's").rejected.detail: 'Im Katalog gibt es kein Tool "x\'s".',
    taken("notion").detail: "'notion' ist oder war schon der Name",
    "This needs the role panelist with the persona 'x'.": "Persona 'x' in der Jury",
    "There was no response within 30 s.": "Innerhalb von 30 s",
    "Too many votes by one network: 60 are taken within 10 s. Try again in 7 s.": "In 10 s werden",
    "email: An email address must have an @-sign.": "keine Mailadresse",
    "The cursor cannot be used: it is damaged.": "Diese Stelle der Liste",
}


@pytest.mark.parametrize("detail", QUOTES)
def test_what_was_sent_is_quoted_in_german(detail):
    with speaking(languages_of()["de"]):
        text = said(detail)
    assert text is not None
    assert QUOTES[detail] in text


def test_each_pattern_is_of_something_that_is_said():
    """Its words stand in the program, but for those of the libraries."""
    all_said = "".join(
        re.sub(r'"\s*\n\s*f?"', "", path.read_text())
        for path in Path(votes.__file__).parent.rglob("*.py")
        if path.name != "refusals.py"
    )
    for pattern, _ in QUOTING:
        if not pattern.startswith(("Expected", "email")):
            words = re.split(r"\(\?P<.*?\)|\.\+", pattern)
            assert all(part.replace("\\", "") in all_said for part in words), pattern


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


def imported(http: httpx.Client, me: dict[str, str], file: bytes) -> str:
    """The page of an import of the file, when that has ended."""
    begun = http.post("/v1/me/bookmarks/import", content=file, headers=me).json()["id"]

    def page() -> str | None:
        text = http.get("/de/bookmarks/import", params={"id": begun}, headers=me).text
        return None if "data-again" in text else text

    return str(wait_for(page, "the end of the import"))


@pytest.mark.parametrize(
    ("file", "sentence"),
    [(b"PK\x03\x04", "Das ist ein Archiv"), (b"[{", "Das ist kein JSON."), (b"x", "Spalte „url“")],
)
def test_an_import_that_fails_says_why_in_german(http, me, file, sentence):
    assert sentence in imported(http, me, file)


def test_what_is_left_out_is_named_in_german(http, me):
    file = b'[{"url": "javascript:x()"}, {"url": ""}, {"url": "https://other.example/"}]'
    text = imported(http, me, file)
    assert "Ein Skript ist keine Seite." in text
    assert "Er hat keine Adresse." in text
