"""Pages are passed on: shared as the device does it, by a copied address, or by mail; and a badge
stands on other sites."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.e2e.browser.conftest import Open, visit
from tests.e2e.browser.stage import Stage
from tests.e2e.pages.reading import PAIR
from tests.site import Site

pytest.importorskip("playwright")
from playwright.sync_api import expect

PATHS = ["/tools/notion", PAIR]
WITH_A_SHEET = "navigator.share = async (page) => { globalThis.passed = page; }"
"""A browser of a telephone: Chromium on this system has no sheet to share by."""
REFUSED = "navigator.share = async () => { throw new DOMException('', 'AbortError'); }"


def link(page: Any) -> Any:
    return page.get_by_role("link", name="Share")


@pytest.mark.parametrize("path", PATHS)
def test_its_address_is_copied_where_there_is_no_sheet(live_site: Site, person: Open, path: str):
    context = person()
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visit(context, f"{live_site.url}{path}?min_position=1")
    link(page).click()
    expect(page.get_by_role("status").filter(has_text="Link copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == live_site.url + path


def test_the_sheet_of_the_device_gets_the_page(live_site: Site, person: Open):
    page = visit(person(), live_site.url)
    page.add_init_script(WITH_A_SHEET)
    page.goto(f"{live_site.url}/tools/notion")
    link(page).click()
    page.wait_for_function("globalThis.passed")
    passed = {"title": "Notion: ship or skip?", "url": f"{live_site.url}/tools/notion"}
    assert page.evaluate("globalThis.passed") == passed


def test_who_closes_the_sheet_gets_no_mail(live_site: Site, person: Open):
    page = visit(person(), live_site.url)
    page.add_init_script(REFUSED)
    page.goto(f"{live_site.url}/tools/notion")
    link(page).click()
    page.get_by_role("link", name="Badge for your page").click()
    page.wait_for_url("**/tools/notion/badge")
    assert not page.said


@pytest.mark.parametrize("path", PATHS)
def test_without_script_it_writes_a_mail(live_site: Site, person: Open, path: str):
    page = visit(person(java_script_enabled=False), live_site.url + path)
    mail = urlsplit(link(page).get_attribute("href"))
    assert mail.scheme == "mailto"
    assert "+" not in mail.query  # in a mail it would be one
    assert parse_qs(mail.query) == {"subject": [page.title()], "body": [live_site.url + path]}


def test_a_badge_on_another_site_is_dark_where_the_page_is(
    live_site: Site, person: Open, other_site: Stage
):
    page = visit(person(java_script_enabled=False), f"{live_site.url}/tools/notion/badge")
    code = page.get_by_label("HTML").input_value()
    where = other_site.show("/vendor", code, images=live_site.url)
    for scheme in ("light", "dark"):
        page = visit(person(color_scheme=scheme), where)
        image = page.get_by_role("img", name="Notion on Ship or skip")
        page.wait_for_load_state("load")
        assert image.evaluate("(image) => image.naturalWidth") == 240
        assert image.bounding_box()["height"] == 76
        shown = image.evaluate("(image) => image.currentSrc")
        assert shown.endswith("?theme=dark") == (scheme == "dark")
        assert not page.said
