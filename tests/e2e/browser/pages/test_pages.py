"""The pages of the site in a browser: without script, and on the narrowest screen."""

import pytest
from playwright.sync_api import expect

from tests.e2e.asking import bearer, new_tool, put, unique
from tests.e2e.browser.conftest import Open, Vote, logged_in, visit
from tests.e2e.browser.looks import tabbed
from tests.site import Site

A, B = "claude-haiku-open-weights", "mistral-3-small"
LEFT_EDGES = """([row, columns]) => [...document.querySelectorAll(row)].map((one) =>
  [...one.children].slice(0, columns).map((part) => part.getBoundingClientRect().left))"""


def test_without_script_the_form_votes(live_site: Site, person: Open, tool: str):
    page = visit(person(java_script_enabled=False), f"{live_site.url}/tools/{tool}")
    vote = Vote(page, tool)
    vote.shows(0, 0)
    vote.ship.click()
    vote.shows(1, 0, "ship")
    vote.skip.click()
    vote.shows(0, 1, "skip")
    vote.skip.click()
    vote.shows(0, 0)
    assert f"/tools/{tool}" in page.url


def test_without_script_two_tools_are_voted_on_where_they_are_compared(
    live_site: Site, person: Open, tool: str
):
    page = visit(person(java_script_enabled=False), f"{live_site.url}/compare/{tool}-vs-{A}")
    Vote(page, tool).ship.click()
    Vote(page, tool).shows(1, 0, "ship")
    assert "/compare/" in page.url


def test_a_page_fits_the_narrowest_screen(live_site: Site, person: Open):
    page = visit(
        person(viewport={"width": 320, "height": 640}), f"{live_site.url}/compare/{A}-vs-{B}"
    )
    tabbed(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    for button in page.locator("ship-vote button").all():
        box = button.bounding_box()
        assert box["height"] >= 44
    expect(page.locator("ship-vote")).to_have_count(2)


@pytest.mark.parametrize("width", [360, 1280])
def test_without_script_filters_open_and_are_removed(live_site: Site, person: Open, width: int):
    context = person(java_script_enabled=False, viewport={"width": width, "height": 800})
    page = visit(context, f"{live_site.url}/?sort=top")
    page.get_by_text("Panel", exact=True).first.click()
    page.locator(".filters details[open]").get_by_role("link", name="Ship").click()
    page.wait_for_url("**panel=ship**")
    expect(page.locator(".row-name").filter(has_text="Mistral 3 Small")).to_be_visible()
    page.get_by_text("Price", exact=True).click()
    values = page.locator(".filters details[open] ul").bounding_box()
    assert values["x"] >= 0
    assert values["x"] + values["width"] <= width
    page.get_by_text("Price", exact=True).click()
    page.get_by_role("link", name="Remove the filter Panel: Ship").click()
    expect(page.locator(".row")).to_have_count(40)


def test_rows_share_their_columns(live_site: Site, person: Open):
    me, names = unique("ada"), ("A", "Donaudampfschifffahrt " * 4, "Notes")
    for name in names:
        tool = new_tool(live_site, name=name, tagline=name)
        put(f"{live_site.url}/v1/me/bookmarks/{tool}", json={}, headers=bearer(live_site, me))
    context = person(viewport={"width": 1_280, "height": 800})
    page = visit(logged_in(context, live_site, me), f"{live_site.url}/?sort=new")
    for path, row, columns in (("/?sort=new", ".row", 4), ("/bookmarks", ".mark", 6)):
        page.goto(live_site.url + path)
        tabbed(page)
        found = page.evaluate(LEFT_EDGES, [row, columns])
        assert len(found) >= len(names)
        assert found == [found[0]] * len(found)
