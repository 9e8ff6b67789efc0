"""Pages in German, and in a language that a folder of the site's own adds, whose messages stand in
brackets: what is outside of them is not translated."""

import re
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import Element

import httpx
import pytest
from babel import Locale

from tests.e2e.asking import api_beside, bearer, browser, get, new_shared_collection, unique
from tests.e2e.pages.reading import PAGES, PAIR, attribute, named, one, page, parsed, title, words
from tests.languages.pseudo import CLOSE, OPEN, TAG, write_pseudo
from tests.site import SAME_ORIGIN
from votes.http.edge.languages import ALONE

SHOWN = ("title", "aria-label", "alt", "placeholder")
"""Attributes that readers are shown or told."""
SAID_BY_OTHERS = ("script", "code", "pre", "bdi", "option", "textarea")
TRANSLATED = (
    *("/", "/?sort=new", "/?q=note", "/?category=llm", "/?q=nothing-of-this-name", "/votes"),
    *("/status", "/verdicts", "/about", "/privacy", "/rulings", "/digest", "/digest?asked=yes"),
    *("/login", "/logged-out", "/tools/notion", "/tools/mistral-3-small", PAIR, "/compare"),
    *("/compare?a=claude&b=notoin", "/tools/notion/badge", "/bookmarks"),
)
NAMES = ("Ship or skip", "Notion", "Tests", "HTML", "JSON", "CSV", "Markdown", "Feed", "RSS")
"""What is the same in each language, and what other tests call a category."""
LETTERS = re.compile(r"[^\W\d_]{2,}")


@pytest.fixture(scope="module")
def added(live_site, tmp_path_factory) -> Iterator[httpx.Client]:
    """A browser at an API process that has the language of the tests."""
    folder = write_pseudo(tmp_path_factory.mktemp("languages"))
    settings = {"VOTES_LANGUAGES": str(folder), "VOTES_DEMO_LOGIN": "on"}
    with api_beside(live_site, **settings) as url, browser(url) as client:
        yield client


@pytest.fixture(scope="module")
def data(live_site) -> list[str]:
    """What is nobody's message: names, categories, as pages call them, and names of months."""
    with browser(live_site.url) as client:
        chips = one(page(client, "/"), "ul", class_="chips")
    categories = ((link.text or "").strip() for link in named(chips, "a"))
    months = Locale.parse(TAG).months["format"]["abbreviated"].values()
    return sorted((*categories, *months, *NAMES), key=len, reverse=True)


def is_said_by_others(element: Element) -> bool:
    """Names, texts and code of a catalogue and of people, and the name of the site."""
    kinds = (element.get("class") or "").split()
    return (
        element.tag in SAID_BY_OTHERS
        or element.get("dir") == "auto"
        or (element.get("lang") is not None and element.tag != "html")
        or not {"wordmark", "monogram", "account-name"}.isdisjoint(kinds)
    )


def untranslated(tree: Element, data: list[str]) -> list[str]:
    """The texts of a page outside of brackets."""
    texts: list[str] = []

    def read(element: Element) -> None:
        if is_said_by_others(element):
            return
        texts.append(f" {element.text or ''}")
        for child in element:
            read(child)
            texts.append(child.tail or "")

    read(tree)
    shown = [
        element.get(name) or ""
        for element in tree.iter()
        if not is_said_by_others(element)
        for name in SHOWN
    ]
    shown += [
        meta.get("content") or "" for meta in tree.iter("meta") if meta.get("name") == "description"
    ]
    return [
        *outside("".join(texts), data),
        *(part for text in shown for part in outside(text, data)),
    ]


def outside(text: str, data: list[str]) -> list[str]:
    while OPEN in text:
        shorter = re.sub(f"{OPEN}[^{OPEN}{CLOSE}]*{CLOSE}", " ", text)
        assert shorter != text, text
        text = shorter
    for name in data:
        text = text.replace(name, " ")
    return LETTERS.findall(text)


@pytest.mark.parametrize("path", TRANSLATED)
def test_no_word_is_left_in_english(added, data, path):
    assert not untranslated(page(added, f"/{TAG}{path}"), data)


@pytest.mark.parametrize(
    ("role", "path"),
    [
        *(("panelist", path) for path in ("/panel", "/panel/notion", "/panel?q=nothing-of-it")),
        *(("admin", path) for path in ("/catalogue", "/catalogue/new", "/catalogue/tools/notion")),
        *(("moderator", path) for path in ("/moderation", "/moderation?tool=notion")),
    ],
)
def test_nor_on_the_pages_of_a_role(added, data, live_site, role, path):
    persona = "builder" if role == "panelist" else None
    headers = bearer(live_site, "somebody", role, persona=persona)
    assert not untranslated(page(added, f"/{TAG}{path}", headers=headers), data)


@pytest.fixture
def keeper(live_site, added) -> dict[str, str]:
    """A user with a collection, bookmarks in it and elsewhere, and one removed just now."""
    headers = SAME_ORIGIN | bearer(live_site, unique("user"), name="7")
    for tool in ("notion", "mistral-3-small", "claude-haiku-open-weights"):
        body = {"note": "1", "tags": ["2"], "collection": "3" if tool == "notion" else None}
        added.put(f"/v1/me/bookmarks/{tool}", json=body, headers=headers).raise_for_status()
    added.put("/v1/me/collections/3", json={"name": "3", "public": True}, headers=headers)
    removed = added.post(f"/{TAG}/bookmarks/change", data={"only": tool}, headers=headers)
    assert removed.status_code == 303
    return headers


@pytest.mark.parametrize(
    "path",
    [
        *("/bookmarks", "/bookmarks?collection=3", "/bookmarks?tag=2&q=1", "/bookmarks?q=no"),
        *("/bookmarks?sort=rank", "/bookmarks/removed", "/bookmarks/import"),
    ],
)
def test_nor_on_the_pages_of_bookmarks(added, data, keeper, path):
    assert not untranslated(page(added, f"/{TAG}{path}", headers=keeper), data)


def test_nor_where_it_says_what_was_done_and_imported(added, data, keeper):
    added.post(f"/{TAG}/bookmarks/change", data={"only": "notion"}, headers=keeper)
    tree = page(added, f"/{TAG}/bookmarks", headers=keeper)
    assert "⟦Undo⟧" in words(one(tree, "form", class_="marks-undo"))
    assert not untranslated(tree, data)
    file = {"file": ("bookmarks.html", '<a href="https://x.example">1</a><a href="no">2</a>')}
    begun = added.post(f"/{TAG}/bookmarks/import", files=file, headers=keeper)
    told = page(added, begun.headers["location"], headers=keeper)
    assert "marks-import" in attribute(one(told, "section", id="import"), "class")
    assert not untranslated(told, data)


def test_nor_on_the_page_of_a_collection(added, data, live_site):
    public = new_shared_collection(live_site)
    tree = page(added, f"/{TAG}/collections/{public}")
    assert [word for word in untranslated(tree, data) if word != "Work"] == []


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/catalogue/tools/notion/rename", {"to": "notion-2"}),
        ("/catalogue/tools/notion/delist", {"sure": "no"}),
        ("/catalogue/tools", {"slug": "notion", "name": "N", "category": "LLM", "url": "x"}),
    ],
)
def test_nor_where_it_says_what_follows(added, data, admin, path, fields):
    answer = added.post(f"/{TAG}{path}", data=fields, headers=admin)
    assert answer.status_code in (200, 400)
    assert not untranslated(parsed(answer.text), data)


@pytest.mark.parametrize("path", PAGES)
def test_its_links_stay_in_the_language(http, path):
    tree = page(http, f"/de{path}")
    assert one(tree, "html").get("lang") == "de"
    at = urljoin(str(http.base_url), f"/de{path}")
    for element in one(tree, "body").iter():
        for name in ("href", "action"):
            target = urljoin(at, element.get(name) or at)
            ours = urlsplit(target).netloc == urlsplit(at).netloc and not element.get("hreflang")
            if ours and not urlsplit(target).path[1:].startswith(ALONE):
                assert urlsplit(target).path.startswith("/de/"), element.attrib


@pytest.mark.parametrize("path", PAGES)
def test_a_page_names_its_siblings(http, path):
    at = str(http.base_url).rstrip("/")
    for root, tag in (("", "en"), ("/de", "de")):
        tree = page(http, f"{root}{path}")
        for canonical in named(tree, "link", rel="canonical"):  # none where it is not for others
            own = canonical.get("href") or ""
            assert own.startswith(f"{at}{root}/")
            english, german = (own.replace(f"{at}{root}/", f"{at}{to}/") for to in ("", "/de"))
            told = {
                link.get("hreflang"): link.get("href")
                for link in named(tree, "link", rel="alternate")
                if link.get("hreflang")
            }
            assert told == {"en": english, "de": german, "x-default": english}
        (switch,) = [link for link in named(tree, "a") if link.get("hreflang")]
        other = {"en": "/de", "de": ""}[tag]
        assert switch.get("href") == f"{other}{path}"
        assert get(urljoin(str(http.base_url), switch.get("href"))).status_code == 200


def test_a_vote_and_what_redirects_stay_in_the_language(http, tool):
    form = one(page(http, f"/de/tools/{tool}"), "form", part="form")
    answer = http.post(form.get("action"), data={"choice": "ship", "next": f"/tools/{tool}"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"/de/tools/{tool}?min_position=")
    assert http.get(answer.headers["location"]).status_code == 200
    for path in (f"/tools/{tool.upper()}", f"/compare/{PAIR.rpartition('/')[2].upper()}"):
        assert http.get(f"/de{path}").headers["location"].startswith("/de/")
        assert http.get(path).headers["location"].startswith(path.lower()[:9])


def test_a_page_is_kept_by_its_address_alone(http):
    """Neither what a browser prefers nor a cookie changes its language."""
    english, german = (http.get(path) for path in ("/verdicts", "/de/verdicts"))
    assert english.headers["etag"] != german.headers["etag"]
    assert "accept-language" not in german.headers["vary"].lower()
    asked = http.get("/verdicts", headers={"Accept-Language": "de"})
    assert asked.content == english.content


def test_what_has_no_language_has_no_second_address(http):
    sheet = next(e for e in page(http, "/de/").iter("link") if "site.css" in e.get("href", ""))
    assert http.get(sheet.get("href")).status_code == 200
    for path in (sheet.get("href"), "/v1/tools", "/health/live", "/openapi.json", "/elements.js"):
        assert http.get(f"/de{path}").status_code == 404


def test_a_page_that_is_not_there_says_so_in_its_language(http):
    tree = page(http, "/de/tools/nothing-of-this-name", 404)
    assert title(tree).startswith("Hier ist nichts")
    assert one(tree, "html").get("lang") == "de"
    assert (
        words(one(page(http, "/deu", 404, headers={"Accept": "text/html"}), "h1"))
        == "There is nothing here"
    )


def test_the_feed_speaks_too(http):
    assert 'xml:lang="de"' in http.get("/de/feed.xml").text
    assert f"<id>{http.base_url}/de/feed.xml</id>" in http.get("/de/feed.xml").text
