"""A page that comes from the cache has the same headers as one that is rendered for its reader, and
shows nobody what is another's."""

import re
from html import unescape

import pytest

from tests.e2e.asking import browser, get, unique
from tests.e2e.pages.reading import PAIR
from tests.site import Site

CACHED = ("/", "/?sort=new&category=llm", "/tools/notion", PAIR, "/compare", "/feed.xml")
OTHERS = ("/?q=note", "/compare?a=notio", "/about", "/docs", "/sitemap.xml", "/robots.txt")
NO_CACHE = {"Cookie": "visitor=nobody"}
"""A cookie of ours that is not valid: who sends it sees what a stranger sees."""
OF_THE_CONTENT = {"etag", "content-length", "date"}
"""What votes of others may change at any time."""


def headers(answer) -> list[tuple[str, object]]:
    kept = {name: value for name, value in answer.headers.items() if name not in OF_THE_CONTENT}
    return sorted((kept | {"vary": sorted(set(re.split(", ?", kept["vary"])))}).items())


@pytest.mark.parametrize("path", [*CACHED, *OTHERS, *(f"/de{path}" for path in CACHED)])
@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_it_has_the_headers_of_a_rendered_one(live_site: Site, path, coding):
    url, asked = live_site.url + path, {"Accept-Encoding": coding, "Accept": "text/html"}
    first, rendered = get(url, headers=asked), get(url, headers=asked | NO_CACHE)
    again = get(url, headers=asked)
    assert first.status_code == again.status_code == rendered.status_code == 200
    assert headers(first) == headers(again) == headers(rendered)
    had = {"If-None-Match": "*"}
    first, rendered = get(url, headers=asked | had), get(url, headers=asked | had | NO_CACHE)
    assert first.status_code == rendered.status_code == 304
    assert first.content == rendered.content == b""
    assert headers(first) == headers(rendered)


def test_it_says_how_its_reader_votes_to_that_reader_alone(live_site: Site, tool):
    path = f"/tools/{tool}"
    strangers = [get(live_site.url + path)]
    with browser(live_site.url) as http:
        http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"})
        own = http.get(path)
        strangers.append(get(live_site.url + path))
        again = http.get(path)
    for page in (own, again):
        assert page.headers["cache-control"] == "private, no-store"
        assert 'data-mine="ship"' in page.text
    for page in strangers:
        assert page.headers["cache-control"] == "public, max-age=0, must-revalidate"
        assert 'data-mine="ship"' not in page.text


def test_after_a_page_with_a_vote_no_other_is_without(live_site: Site, tool):
    path = f"{live_site.url}/tools/{tool}"
    with browser(live_site.url) as http:
        for choice in ("ship", "skip", "ship", "skip"):
            get(path)
            last = http.put(f"/v1/tools/{tool}/vote", json={"choice": choice}).json()["position"]
            assert position(get(path, params={"min_position": last})) >= last
            assert position(get(path)) >= last


def position(page) -> int:
    """Where the log was at the last vote that the page of a tool shows."""
    shown = re.search(r'data-tally=.{1,2000}?"position": ?([0-9]+)', unescape(page.text))
    assert shown
    return int(shown[1])


def test_a_made_up_name_of_the_site_is_on_nobodys_page(live_site: Site):
    name = f"{unique('made-up')}.example"
    assert name not in get(f"{live_site.url}/feed.xml", headers={"Host": name}).text
    address = get(f"{live_site.url}/feed.xml").text
    assert live_site.url in address
    assert name not in address


def test_a_login_of_the_demo_is_offered_to_who_asks_here_alone(live_site: Site):
    passed_on = {"X-Forwarded-For": "192.0.2.1"}
    for _ in range(2):
        assert 'href="/login"' in get(live_site.url).text
        assert 'href="/login"' not in get(live_site.url, headers=passed_on).text
