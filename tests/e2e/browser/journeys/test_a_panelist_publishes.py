"""A panelist finds a tool that waits, writes, looks, publishes, and revises; and others read it."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.asking import new_tool, unique
from tests.e2e.browser.conftest import Open, logged_in, visit
from tests.e2e.browser.looks import faults
from tests.e2e.browser.pages.test_panel_and_catalogue import written
from tests.site import Site

FIRST, SECOND = "It holds.\n\nMostly.", "It holds no more."


def published(page: Any) -> None:
    page.locator("section:not(.preview)").get_by_role("button", name="Publish").click()
    expect(page.get_by_role("status")).to_have_text("Your review is published.")


@pytest.mark.parametrize("script", [True, False])
def test_from_a_tool_that_waits_to_a_history(live_site: Site, person: Open, script: bool):
    tool = new_tool(live_site)
    context = person(java_script_enabled=script)
    logged_in(context, live_site, unique("pat"), "panelist", persona=unique("critic"))
    page = visit(context, live_site.url)
    page.get_by_role("navigation", name="Site").get_by_role("link", name="Panel").click()
    search = page.get_by_label("Search tools without your review")
    search.fill(tool)
    search.press("Enter")
    expect(page.get_by_text(f"1 tool found for “{tool}”.")).to_be_visible()
    page.get_by_role("link", name=tool).click()

    written(page, "64", "Ship", FIRST)
    page.get_by_role("button", name="Preview").click()
    preview = page.get_by_role("region", name="As all would read it")
    expect(preview).to_contain_text("Mostly.")
    expect(preview).to_contain_text("1 ship / 0 skip, 2 more to decide. Now: Not reviewed yet.")
    expect(page.get_by_label("Review", exact=True)).to_have_value(FIRST)
    assert faults(page) == []
    if script:
        page.goto(f"{live_site.url}/panel/{tool}")
        expect(page.get_by_text("What you wrote here last is put back.")).to_be_visible()
        expect(page.get_by_label("Review", exact=True)).to_have_value(FIRST)
    published(page)

    written(page, "31", "Skip", SECOND)
    published(page)
    history = page.get_by_role("region", name="What it said").get_by_role("listitem")
    expect(history).to_have_count(2)
    expect(history.first).to_contain_text("31/100 skip (now)")
    expect(history.last).to_contain_text("64/100 ship")
    history.last.get_by_text("Its words").click()
    expect(history.last.get_by_text("Mostly.")).to_be_visible()

    page.get_by_role("navigation", name="Site").get_by_role("link", name="Panel").click()
    mine = page.get_by_role("region", name="Your reviews").get_by_role("listitem")
    expect(mine).to_have_count(1)
    expect(mine).to_contain_text("31/100 skip")
    reader = visit(person(java_script_enabled=script), f"{live_site.url}/tools/{tool}")
    said = reader.get_by_role("region", name="What the panel says")
    expect(said).to_contain_text(SECOND)
    expect(said).not_to_contain_text("Mostly.")
