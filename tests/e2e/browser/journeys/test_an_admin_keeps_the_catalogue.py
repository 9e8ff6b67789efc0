"""An admin finds a tool, revises, renames and delists it, each after a look at what follows, and
lists it again; who has an old address gets to the tool."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.asking import new_tool, unique
from tests.e2e.browser.conftest import Open, Vote, logged_in, visit
from tests.e2e.browser.looks import faults
from tests.site import Site


@pytest.mark.parametrize("script", [True, False])
def test_from_an_entry_to_a_tool_that_is_listed_again(live_site: Site, person: Open, script: bool):
    old, new = new_tool(live_site), unique("renamed")
    reader = visit(person(java_script_enabled=script), f"{live_site.url}/tools/{old}")
    Vote(reader, old).ship.click()
    Vote(reader, old).shows(1, 0, "ship")
    context = person(java_script_enabled=script)
    page = visit(logged_in(context, live_site, unique("an-admin"), "admin"), live_site.url)
    page.get_by_role("link", name="Catalogue", exact=True).click()
    search = page.get_by_label("Search the catalogue")
    search.fill(old)
    search.press("Enter")
    page.get_by_role("link", name=old).click()

    _revises(page)
    reader.reload()
    expect(reader.locator(".lede")).to_have_text("Draws what you say.")
    _renames(page, old, new)
    reader.goto(f"{live_site.url}/tools/{old}")
    expect(reader).to_have_url(f"{live_site.url}/tools/{new}")
    Vote(reader, new).shows(1, 0, "ship")
    _delists(page)
    reader.reload()
    expect(reader.locator("h1")).to_have_text("There is nothing here")
    _lists_again(page)
    reader.goto(f"{live_site.url}/tools/{old}")
    expect(reader).to_have_url(f"{live_site.url}/tools/{new}")
    Vote(reader, new).shows(1, 0, "ship")


def _follows(page: Any, section: str) -> None:
    """Look at what follows; nothing is stored yet."""
    page.get_by_role("region", name=section).get_by_role("button", name="See what follows").click()
    expect(page.get_by_text("Nothing is stored yet.")).to_be_visible()
    assert faults(page) == []


def _revises(page: Any) -> None:
    page.get_by_label("Tagline").fill("Draws what you say.")
    _follows(page, "Revise it")
    change = page.get_by_role("region", name="What would change").get_by_role("row")
    expect(change).to_have_count(2)  # the head, and one field
    expect(change.last).to_contain_text("Draws what you say.")
    page.get_by_role("button", name="Revise the tool").click()
    expect(page.get_by_role("status")).to_contain_text("Stored.")


def _renames(page: Any, old: str, new: str) -> None:
    page.get_by_label("New address").fill(new)
    _follows(page, "Rename its address")
    follows = page.get_by_role("region", name="What follows").get_by_role("listitem")
    expect(follows.first).to_contain_text(f"Its page is /tools/{new}.")
    expect(follows.nth(1)).to_contain_text(f"/tools/{old} and every comparison with it lead there")
    page.get_by_role("button", name="Rename it").click()
    expect(page.get_by_role("status")).to_contain_text("Stored.")
    expect(page.get_by_label("New address")).to_have_value(new)


def _delists(page: Any) -> None:
    _follows(page, "Take it out of the catalogue")
    expect(page.locator("h1")).to_contain_text("Delist ")
    page.get_by_role("link", name="Back").click()
    expect(page.locator(".lede")).to_contain_text("Listed, with 1 vote and 0 reviews.")
    _follows(page, "Take it out of the catalogue")
    page.get_by_role("button", name="Delist it").click()
    expect(page.locator(".lede")).to_contain_text("Delisted.")


def _lists_again(page: Any) -> None:
    _follows(page, "Its entry")
    page.get_by_role("button", name="List the tool").click()
    expect(page.locator(".lede")).to_contain_text("Listed, with 1 vote and 0 reviews.")
