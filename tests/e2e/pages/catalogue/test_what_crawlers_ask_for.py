"""Sitemaps list each tool once and pages that are there; robots.txt and icons have their places."""

from io import BytesIO
from xml.etree import ElementTree

import httpx
import pytest
from PIL import Image

from tests.e2e.asking import bearer, browser, get, new_tool
from tests.polling import wait_for

OF = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def listed(http: httpx.Client, path: str) -> list[str]:
    """The paths of this site that a sitemap or an index lists."""
    answer = http.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/xml")
    found = [str(loc.text) for loc in ElementTree.fromstring(answer.text).iter(f"{OF}loc")]
    at = str(http.base_url).rstrip("/")
    assert all(address.startswith(f"{at}/") for address in found)
    return [address.removeprefix(at) for address in found]


def tools_of(http: httpx.Client) -> list[str]:
    files = [file for file in listed(http, "/sitemap.xml") if file.startswith("/sitemap/tools-")]
    return [path for file in files for path in listed(http, file)]


def test_each_tool_is_listed_once_the_newest_at_the_end(live_site, http):
    first, second = new_tool(live_site), new_tool(live_site)
    tools = tools_of(http)
    assert tools[-2:] == [f"/tools/{first}", f"/tools/{second}"]
    assert len(tools) == len(set(tools)) == get(f"{live_site.url}/v1/tools").json()["total"]
    with browser(live_site.url) as admin:
        admin.delete(f"/v1/tools/{first}", headers=bearer(live_site, "an-admin", "admin"))
    left = [path for path in tools if path != f"/tools/{first}"]
    wait_for(lambda: tools_of(http) == left, "the tool to be listed no more")


def test_each_language_has_files_of_its_own_whose_pages_name_their_siblings(http):
    english = [file for file in listed(http, "/sitemap.xml") if not file.startswith("/de/")]
    german = [f"/de{file}" for file in english]
    assert listed(http, "/sitemap.xml") == [*english, *german]
    at = str(http.base_url).rstrip("/")
    for file in (english[0], german[-1]):
        for url in ElementTree.fromstring(http.get(file).text):
            own, *others = (one.get("href") or str(one.text) for one in url)
            path = others[0].removeprefix(at)
            assert others == [f"{at}{path}", f"{at}/de{path}"]
            assert own == (f"{at}/de{path}" if file.startswith("/de/") else f"{at}{path}")


def test_what_is_listed_is_there(http):
    pages, *_ = listed(http, "/sitemap.xml")
    paths = listed(http, pages)
    assert {"/", "/verdicts", "/?category=crm"} <= set(paths)
    for path in [*paths, *tools_of(http)[:5]]:
        answer = http.get(path)
        assert answer.status_code == 200, path
        assert 'name="robots" content="noindex"' not in answer.text, path


@pytest.mark.parametrize(
    "file", ["tools-9999.xml", "tools-0.xml", "tools-01.xml", "x.xml", "tools-"]
)
def test_there_are_no_other_files(http, file):
    assert http.get(f"/sitemap/{file}").status_code in (400, 404)


def test_without_an_address_there_is_no_sitemap_and_none_is_named(http):
    unknown = {"Host": "made-up.example.com"}
    for path in ("/sitemap.xml", "/sitemap/pages.xml", "/sitemap/tools-1.xml"):
        answer = http.get(path, headers=unknown)
        assert answer.status_code == 404
        assert "made-up" not in answer.text
    assert "Sitemap" not in http.get("/robots.txt", headers=unknown).text


def test_robots_are_told_where_the_sitemap_is_and_what_is_not_for_them(http):
    answer = http.get("/robots.txt")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert f"Sitemap: {str(http.base_url).rstrip('/')}/sitemap.xml" in lines
    assert {"User-agent: *", "Disallow: /v1/", "Disallow: /login"} <= set(lines)
    assert "Disallow: /" not in lines


@pytest.mark.parametrize(
    ("path", "kind", "size"),
    [("/favicon.ico", "image/x-icon", 48), ("/apple-touch-icon.png", "image/png", 180)],
)
def test_icons_are_where_programs_look_that_read_no_page(http, path, kind, size):
    answer = http.get(path)
    assert answer.headers["content-type"] == kind
    assert Image.open(BytesIO(answer.content)).size == (size, size)
