"""The search field suggests tools as one types: by keyboard, by pointer, to screen readers."""

from typing import Any

import pytest

from tests.e2e.browser.conftest import Open, visit
from tests.e2e.pages.reading import PAIR
from tests.site import Site

pytest.importorskip("playwright")
from playwright.sync_api import expect

PATHS = ["/", "/tools/no-such-tool"]
PAUSE_MS = 120
"""After the last letter, as in search.js."""


def field(page: Any) -> Any:
    return page.get_by_role("combobox", name="Search tools by name")


def options(page: Any) -> Any:
    return page.get_by_role("listbox").get_by_role("option")


@pytest.mark.parametrize("path", PATHS)
def test_a_suggestion_is_chosen_by_keyboard(live_site: Site, person: Open, path: str):
    page = visit(person(), live_site.url + path)
    field(page).fill("notoin")
    expect(options(page).first).to_contain_text("Notion")
    expect(field(page)).to_have_attribute("aria-expanded", "true")
    field(page).press("ArrowDown")
    chosen = options(page).first
    expect(chosen).to_have_attribute("aria-selected", "true")
    expect(field(page)).to_have_attribute("aria-activedescendant", chosen.get_attribute("id"))
    field(page).press("Enter")
    page.wait_for_url("**/tools/notion")


def test_a_suggestion_is_added_to_a_comparison(live_site: Site, person: Open):
    page = visit(person(), live_site.url + PAIR)
    page.get_by_role("combobox", name="Add a tool").fill("notoin")
    options(page).first.click()
    page.wait_for_url(f"**{PAIR}-vs-notion")


def test_the_arrows_go_round_by_way_of_the_field(live_site: Site, person: Open):
    page = visit(person(), live_site.url)
    field(page).fill("a")
    expect(options(page)).to_have_count(8)
    field(page).press("ArrowUp")
    expect(options(page).last).to_have_attribute("aria-selected", "true")
    field(page).press("ArrowDown")
    expect(page.locator('[aria-selected="true"]')).to_have_count(0)
    assert field(page).get_attribute("aria-activedescendant") is None


def test_enter_without_a_choice_searches(live_site: Site, person: Open):
    page = visit(person(), live_site.url)
    field(page).fill("notion")
    expect(options(page).first).to_be_visible()
    field(page).press("Enter")
    page.wait_for_url("**/?q=notion")
    expect(page.locator(".row-name").first).to_contain_text("Notion")
    expect(page.get_by_role("link", name="Best match")).to_have_attribute("aria-current", "true")


def test_escape_closes_the_list_and_keeps_what_is_typed(live_site: Site, person: Open):
    page = visit(person(), live_site.url)
    field(page).fill("notion")
    expect(options(page).first).to_be_visible()
    field(page).press("Escape")
    expect(page.locator('[role="listbox"]')).to_be_hidden()
    expect(field(page)).to_have_value("notion")
    expect(field(page)).to_have_attribute("aria-expanded", "false")
    field(page).press("ArrowDown")
    expect(options(page).first).to_be_visible()


def test_the_list_goes_with_the_focus_and_with_the_text(live_site: Site, person: Open):
    page = visit(person(), live_site.url)
    for leave in (lambda: field(page).fill(""), lambda: field(page).press("Tab")):
        field(page).fill("")
        field(page).fill("notion")
        expect(options(page).first).to_be_visible()
        leave()
        expect(page.locator('[role="listbox"]')).to_be_hidden()


def test_a_suggestion_is_chosen_by_pointer(live_site: Site, person: Open):
    page = visit(person(viewport={"width": 360, "height": 740}), live_site.url)
    field(page).fill("notion")
    expect(options(page).first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert options(page).first.bounding_box()["height"] >= 44
    options(page).first.click()
    page.wait_for_url("**/tools/notion")


def test_nothing_is_asked_for_each_letter_and_the_page_complains_of_nothing(
    live_site: Site, person: Open
):
    page = visit(person(), live_site.url)
    page.clock.install()
    page.clock.pause_at("2100-01-01")
    field(page).press_sequentially("notion")
    page.clock.run_for(PAUSE_MS)
    expect(page.get_by_role("search").get_by_role("status")).to_contain_text("Suggestions: ")
    (asked,) = [one.url for one in page.asked if "/v1/suggest" in one.url]
    assert "q=notion" in asked
    assert not page.said


def test_an_open_list_is_for_everybody(live_site: Site, person: Open):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for scheme in ("light", "dark"):
        page = visit(person(color_scheme=scheme), live_site.url)
        field(page).fill("a")
        expect(options(page)).to_have_count(8)
        field(page).press("ArrowDown")
        found = axe.run(page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []


def test_without_suggestions_the_form_still_searches(live_site: Site, person: Open):
    context = person()
    context.route("**/v1/suggest*", lambda route: route.abort())
    page = visit(context, live_site.url)
    field(page).fill("notion")
    field(page).press("Enter")
    page.wait_for_url("**/?q=notion")
    page = visit(person(java_script_enabled=False), live_site.url)
    page.get_by_role("searchbox").fill("notoin")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".row-name").first).to_contain_text("Notion")
