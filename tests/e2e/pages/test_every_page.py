"""What holds for all pages: their markup, headers, links, heads and problems."""

import base64
import json
import re
from hashlib import sha384
from typing import Any
from urllib.parse import urljoin
from xml.etree import ElementTree

import httpx
import pytest

from tests.e2e.asking import browser, problem, unique
from tests.e2e.asking import head as log_head
from tests.e2e.pages.reading import (
    PAGES,
    PAIR,
    addresses,
    attribute,
    meta,
    named,
    one,
    page,
    parsed,
    title,
    words,
)
from tests.site import SAME_ORIGIN

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
CSS_BYTES_MAX = 20_000


def policy(answer: httpx.Response) -> dict[str, str]:
    parts = answer.headers["content-security-policy"].split("; ")
    return dict(part.split(" ", 1) for part in parts)


@pytest.mark.parametrize("path", PAGES)
def test_it_is_well_formed_and_keeps_its_own_policy(http, path):
    answer = http.get(path)
    assert answer.status_code == 200
    tree = parsed(answer.text)
    assert policy(answer) == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"]
    assert "cookie" in answer.headers["vary"].lower()
    assert "set-cookie" not in answer.headers
    assert not list(tree.iter("style"))
    for element in tree.iter():
        assert not [name for name in element.attrib if name == "style" or name.startswith("on")]
    for script in tree.iter("script"):
        assert script.get("src") or script.get("type") == "application/ld+json"


@pytest.mark.parametrize("path", PAGES)
def test_it_can_be_read_by_everyone(http, path):
    tree = page(http, path)
    assert one(tree, "html").get("lang") == "en"
    assert len(list(tree.iter("h1"))) == 1
    assert title(tree)
    assert meta(tree, "viewport") == "width=device-width, initial-scale=1"
    ids = [element.get("id") for element in tree.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for element in tree.iter():
        for name in (element.get("aria-labelledby") or "").split():
            assert name in ids
    labels = {label.get("for") for label in tree.iter("label")}
    for field in tree.iter("input"):
        assert field.get("type") == "hidden" or field.get("id") in labels


@pytest.mark.parametrize("path", PAGES)
def test_what_it_points_to_is_there(http, path):
    for target in sorted(set(addresses(page(http, path), urljoin(str(http.base_url), path)))):
        if re.fullmatch(r"/tools/[^/]+/(vote|bookmark)", target):
            continue
        status = http.get(target).status_code
        assert status < 400, f"{target}: {status}"


def test_what_it_demands_of_files_is_what_they_are(http):
    tree = page(http, PAIR)
    demanding = [e for e in tree.iter() if e.get("integrity")]
    assert {e.tag for e in demanding} == {"link", "script"}
    for element in demanding:
        answer = http.get(element.get("href") or element.get("src"))
        digest = base64.b64encode(sha384(answer.content).digest()).decode()
        assert element.get("integrity") == f"sha384-{digest}"
        assert "immutable" in answer.headers["cache-control"]
        kept = {"If-None-Match": answer.headers["etag"]}
        assert http.get(str(answer.url), headers=kept).status_code == 304


def test_the_sheet_is_one_small_file(http):
    sheet = next(e for e in page(http, "/").iter("link") if "site.css" in e.get("href", ""))
    answer = http.get(sheet.get("href"))
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert len(answer.content) < CSS_BYTES_MAX
    assert "prefers-color-scheme:dark" in answer.text
    assert "prefers-reduced-motion" in answer.text
    physical = r"\b(margin|padding|border)-(left|right|top|bottom)\b|[{;]\s*(left|right)\s*:"
    assert not re.search(physical, answer.text)


def test_files_of_another_release_are_not_served(http):
    sheet = next(e for e in page(http, "/").iter("link") if "site.css" in e.get("href", ""))
    here = attribute(sheet, "href")
    for path in (
        here.replace("/static/", "/static/0"),
        f"{here}x",
        here.replace("site.css", "../render.py"),
        here.replace("site.css", "%2e%2e/render.py"),
        here.replace("site.css", "templates/base.html"),
    ):
        assert http.get(path).status_code == 404


def test_a_page_that_is_the_same_for_all_is_known_again(http):
    for path in ("/", PAIR, "/tools/notion", "/feed.xml"):
        answer = http.get(path)
        assert answer.headers["cache-control"] == "public, max-age=0, must-revalidate"
        again = http.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_text_is_compressed_for_those_who_take_it(http):
    sheet = next(e for e in page(http, "/").iter("link") if "site.css" in e.get("href", ""))
    for path in ("/", PAIR, "/feed.xml", sheet.get("href")):
        small = http.get(path, headers={"Accept-Encoding": "gzip"})
        plain = http.get(path, headers={"Accept-Encoding": "identity"})
        assert small.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        assert small.content == plain.content
        assert int(small.headers["content-length"]) < int(plain.headers["content-length"]) / 2
        for answer in (small, plain):
            assert "accept-encoding" in answer.headers["vary"].lower()
            assert answer.headers["etag"].startswith("W/")  # one tag for both
    for refused in ("gzip;q=0", "gzip ; q=0.0, br"):
        answer = http.get("/", headers={"Accept-Encoding": refused})
        assert "content-encoding" not in answer.headers
    for path in ("/og/notion.png", "/v1/tallies?tools=notion"):
        answer = http.get(path, headers={"Accept-Encoding": "gzip"})
        assert "content-encoding" not in answer.headers


def test_what_can_be_read_can_be_asked_about(http):
    for path in (*PAGES, "/feed.xml", "/og/notion.png"):
        asked, read = http.head(path), http.get(path)
        assert (asked.status_code, asked.content) == (200, b"")
        assert asked.headers["content-type"] == read.headers["content-type"]


def test_a_voter_s_page_is_theirs_alone(http, tool):
    http.post(f"/tools/{tool}/vote", data={"choice": "ship"}, headers=SAME_ORIGIN)
    for path in (f"/tools/{tool}", PAIR):
        answer = http.get(path)
        assert answer.headers["cache-control"] == "private, no-store"
        assert "etag" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/tools/notion", PAIR, "/compare", "/?category=llm"])
def test_its_head_tells_others_what_it_is(http, path):
    tree = page(http, path)
    canonical = attribute(one(tree, "link", rel="canonical"), "href")
    assert canonical.startswith(str(http.base_url).rstrip("/"))
    assert http.get(canonical).status_code == 200
    assert meta(tree, "og:url") == canonical
    assert meta(tree, "og:title") == title(tree)
    assert meta(tree, "og:description") == meta(tree, "description")
    assert meta(tree, "twitter:card")
    picture = meta(tree, "og:image")
    lists = path == "/" or path.startswith("/?")
    assert (picture is not None) == (lists or path in ("/tools/notion", PAIR))
    assert picture is None or http.get(picture).headers["content-type"] == "image/png"
    assert one(tree, "link", rel="icon").get("type") == "image/svg+xml"


def linked_data(http: httpx.Client, path: str) -> list[dict[str, Any]]:
    script = one(page(http, path), "script", type="application/ld+json")
    return json.loads(script.text or "")["@graph"]


def test_machines_are_told_a_rating_only_where_somebody_rated(http, tool):
    (said, _) = linked_data(http, f"/tools/{tool}")
    assert said["@type"] == "SoftwareApplication"
    assert "aggregateRating" not in said
    assert "review" not in said
    for choice in ("ship", "skip", "ship"):
        with browser(str(http.base_url)) as somebody:
            data = {"choice": choice}
            answer = somebody.post(f"/tools/{tool}/vote", data=data, headers=SAME_ORIGIN)
            http.get(answer.headers["location"])
    (said, _) = linked_data(http, f"/tools/{tool}")
    rating = said["aggregateRating"]
    assert (rating["ratingValue"], rating["ratingCount"]) == (66.7, 3)
    assert (rating["worstRating"], rating["bestRating"]) == (0, 100)


def test_machines_are_told_the_panel_s_reviews(http):
    first, second, trail = linked_data(http, PAIR)
    assert [r["reviewRating"]["ratingValue"] for r in first["review"]] == [74, 52, 68, 45]
    assert [r["reviewRating"]["ratingValue"] for r in second["review"]] == [85, 78, 80, 52]
    assert trail["@type"] == "BreadcrumbList"
    authors = {review["author"]["@type"] for side in (first, second) for review in side["review"]}
    assert authors == {"Organization"}  # a persona is no person


def test_a_page_that_is_not_there_is_a_page_for_readers_and_a_problem_for_programs(http):
    reader = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    for path in (f"/tools/{unique('nothing')}", "/tools/A B", "/og/nothing.png", "/static/x/y"):
        tree = page(http, path, 404)
        assert "nothing here" in words(one(tree, "h1")).lower()
    tree = page(http, "/nothing/of/this/name", 404, headers=reader)
    assert one(tree, "meta", name="robots").get("content") == "noindex"
    problem(http.get("/nothing/of/this/name"), 404, "not_found")
    problem(http.get("/v1/nothing", headers=reader), 404, "not_found")
    slug = unique("nothing")
    problem(http.get(f"/v1/tools/{slug}", headers=reader), 404, "tool_unknown")


@pytest.mark.parametrize(
    "path",
    [
        "/?sort=best",
        "/?cursor=nonsense",
        "/?q=" + "x" * 300,
        "/?category=" + "x" * 300,
        "/tools/notion?min_position=-1",
        "/tools/notion?min_position=x",
        "/compare?a=" + "x" * 400,
    ],
)
def test_a_wrong_question_is_told_and_never_breaks(http, path):
    assert "does not add up" in words(page(http, path, 400))


def test_a_page_that_the_numbers_have_not_reached_says_so(live_site, http):
    beyond = {"min_position": log_head(live_site) + 1_000_000}
    tree = page(http, "/tools/notion", params=beyond)
    assert "Your vote is stored" in words(one(tree, "p", role="status", class_="notice"))


def test_lists_are_searched_filtered_and_paged(http):
    seen: list[str | None] = []
    path: str | None = "/?sort=new"
    while path:
        tree = page(http, path)
        rows = named(one(tree, "ol", class_="rows"), "li", class_="row")
        seen += [named(row, "a", class_="row-name")[0].get("href") for row in rows]
        path = next((link.get("href") for link in named(tree, "a", rel="next")), None)
    assert len(seen) == len(set(seen))
    assert len(seen) >= 333
    found = page(http, "/?q=mistral+small")
    assert "Mistral 3 Small" in words(one(found, "ol", class_="rows"))
    told = http.get("/v1/tools", params={"category": "llm"}).json()["total"]
    assert f"{told} tools" in words(one(page(http, "/?category=llm"), "p", class_="lede"))


def test_the_status_says_what_the_health_check_says(http):
    ready = http.get("/health/ready").json()
    rows = one(page(http, "/status"), "dl", class_="status")
    said = {words(row[0]): words(row[1]) for row in rows}
    assert said["Version"] == ready["version"]
    assert said["Parked events"] == "0"
    assert said["The log (Postgres)"].startswith("answers")


def test_the_feed_is_atom_with_the_newest_tools(http, tool):
    answer = http.get("/feed.xml")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = ElementTree.fromstring(answer.text)
    names = [e.findtext("{*}title") for e in feed.iter("{http://www.w3.org/2005/Atom}entry")]
    assert tool in names[:20]
    assert len(names) <= 30
