"""Every page of the program, as those see it whom it is for: accessible in both schemes, on narrow
and wide screens, in both languages, and small. A page that is in no list fails.

In English narrow and light, and wide and dark; in German wide and light, and narrow and dark.
"""

from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.e2e.browser.conftest import Measured, NewPage, logged_in, shown
from tests.e2e.browser.looks import (
    IN_ENGLISH,
    IN_GERMAN,
    KILOBYTES_MAX,
    NARROW,
    OF_THE_API_MAX,
    REQUESTS_MAX,
    SHIFT_MAX,
    cost,
    faults,
)
from tests.e2e.browser.pages.stock import PEOPLE, PERSONA, Stock, stocked
from tests.site import Site
from votes.site.application import HANDLERS

A, B = "claude-haiku-open-weights", "mistral-3-small"


class Seen(NamedTuple):
    """A page of `Stock`'s site, in the browser of somebody with the role, or of nobody."""

    path: str
    role: str = ""
    status: int = 200


def by(role: str, *paths: str) -> list[Seen]:
    return [Seen(path, role) for path in paths]


PAGES: dict[str, list[Seen]] = {
    "/": [
        *by("", "/", "/?sort=new", "/?q=note", "/?q=nothing-of-this-name"),
        *by("", "/?category=llm&price=free&panel=ship"),
        *(Seen("/", role) for role in PEOPLE),
        Seen("/?category=nope", status=404),
        Seen("/?sort=best", status=400),
    ],
    "/about": by("", "/about"),
    "/bookmarks": [
        *by("", "/bookmarks"),
        *by("member", "/bookmarks", "/bookmarks?collection={collection}", "/bookmarks?tag=later"),
        *by("member", "/bookmarks?q=nothing", "/bookmarks?collection=work"),
        *by("admin", "/bookmarks"),
    ],
    "/bookmarks/import": [
        *by("", "/bookmarks/import"),
        *by("member", "/bookmarks/import", "/bookmarks/import?id={done}"),
        *by("member", "/bookmarks/import?id={running}"),
        *by("admin", "/bookmarks/import"),
        Seen("/bookmarks/import?id=none", "member", 404),
    ],
    "/bookmarks/removed": by("member", "/bookmarks/removed"),
    "/catalogue": by("admin", "/catalogue", "/catalogue?q=notion", "/catalogue?q=nothing-of-it"),
    "/catalogue/new": by("admin", "/catalogue/new"),
    "/catalogue/tools/{slug:str}": by(
        "admin", "/catalogue/tools/{tool}", "/catalogue/tools/{delisted}"
    ),
    "/collections/{public:str}": [
        *by("", "/collections/{public}"),
        Seen("/collections/none", status=404),
    ],
    "/compare": by("", "/compare", "/compare?a={tool}&b=nothing"),
    "/compare/{names:str}": [
        *by("", f"/compare/{A}-vs-{B}", "/compare/{tool}-vs-{other}"),
        *by("", f"/compare/{A}-vs-{B}-vs-notion"),
        *by("member", f"/compare/{A}-vs-{B}", "/compare/{tool}-vs-{other}-vs-{more}"),
    ],
    "/digest": by("", "/digest", "/digest?asked=yes"),
    "/digest/confirm/{token:str}": by("", "/digest/confirm/{unconfirmed}"),
    "/digest/preferences/{token:str}": [
        *by("", "/digest/preferences/{confirmed}", "/digest/preferences/{confirmed}?saved=yes"),
        Seen("/digest/preferences/none", status=404),
    ],
    "/digest/unsubscribe/{token:str}": by(
        "", "/digest/unsubscribe/{confirmed}", "/digest/unsubscribe/none"
    ),
    "/docs": by("", "/docs"),
    "/logged-out": by("", "/logged-out"),
    "/login": by("", "/login?next=/votes"),
    "/login/back": [Seen("/login/back", status=404)],
    "/moderation": by("moderator", "/moderation", "/moderation?tool={held}"),
    "/panel": by("panelist", "/panel", "/panel?q=notion", "/panel?q=nothing-of-it"),
    "/panel/{slug:str}": [
        *by("panelist", "/panel/{tool}", "/panel/{other}"),
        Seen("/panel/notion", status=401),
    ],
    "/privacy": [*by("", "/privacy"), *by("member", "/privacy")],
    "/rulings": by("", "/rulings"),
    "/status": by("", "/status"),
    "/tools/{slug:str}": [
        *by("", f"/tools/{B}", "/tools/{tool}", "/tools/{other}", "/tools/{more}", "/tools/{held}"),
        *by("member", "/tools/{tool}"),
        Seen("/tools/mistrall-3-smal", status=404),
    ],
    "/tools/{slug:str}/badge": by("", "/tools/{tool}/badge"),
    "/verdicts": by("", "/verdicts"),
    "/votes": [*by("", "/votes"), *by("member", "/votes")],
}
"""By route."""
FILES = {
    *("/apple-touch-icon.png", "/favicon.ico", "/static/{digest:str}/{name:path}"),
    *("/og/site/home.png", "/og/category/{file:str}", "/og/{file:str}"),
    *("/elements.js", "/elements.json", "/elements/words.js", "/tools/{slug:str}/badge.svg"),
    *("/feed.xml", "/robots.txt", "/sitemap.xml", "/sitemap/pages.xml", "/sitemap/{file:str}"),
}
"""Routes that show no page."""
ENGLISH = [seen for pages in PAGES.values() for seen in pages]
GERMAN = dict.fromkeys(
    seen if seen.status >= 400 else seen._replace(role=seen.role or "member") for seen in ENGLISH
)
ALL = [*((seen, "") for seen in ENGLISH), *((seen, "/de") for seen in GERMAN)]


@pytest.fixture(scope="session")
def stock(live_site: Site, holding: str) -> Stock:
    return stocked(live_site, holding)


def opened(newcomer: NewPage, live_site: Site, path: str, role: str) -> Any:
    page = newcomer(live_site.url)
    page.set_viewport_size(NARROW)
    if role:
        logged_in(page.context, live_site, *PEOPLE[role], persona=PERSONA)
    return shown(page, live_site.url + path)


def test_each_page_is_in_the_list():
    routes = {path for one in HANDLERS for path in one.paths if "GET" in one.http_methods}
    assert routes == PAGES.keys() | FILES


@pytest.mark.parametrize(
    ("seen", "root"), ALL, ids=lambda one: " ".join(map(str, one)) if isinstance(one, Seen) else one
)
def test_it_is_for_everybody_and_small(
    live_site: Site, newcomer: NewPage, stock: Stock, measured: Measured, seen: Seen, root: str
):
    path = root + seen.path.format(**stock._asdict())
    page = opened(newcomer, live_site, path, seen.role)
    spent = cost(page)
    measured(
        f"{root}{seen.path} {seen.role}: {len(spent['files'])} requests,"
        f" {spent['kilobytes']:.1f} kB, layout shift {spent['shift']:.4f}"
    )
    assert page.evaluate("performance.getEntriesByType('navigation')[0].responseStatus") == (
        seen.status
    )
    assert len(spent["files"]) <= REQUESTS_MAX, spent["files"]
    assert spent["kilobytes"] <= (OF_THE_API_MAX if path.endswith("/docs") else KILOBYTES_MAX)
    assert spent["shift"] <= SHIFT_MAX
    assert seen.status >= 400 or page.said == []
    assert {urlsplit(request.url).netloc for request in page.asked} == {
        f"127.0.0.1:{live_site.port}"
    }
    assert faults(page, IN_GERMAN if root else IN_ENGLISH) == []
