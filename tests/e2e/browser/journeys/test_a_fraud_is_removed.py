"""A moderator takes a fraud out of the count, and takes that back: all see it, with its reason."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.asking import browser, new_tool, unique
from tests.e2e.browser.conftest import Open, Vote, logged_in, visit
from tests.e2e.browser.looks import faults
from tests.polling import wait_for
from tests.site import Site

FRAUD, HONEST = 6, 2


@pytest.fixture
def cheated(live_site: Site, holding: str) -> str:
    """A tool with votes that are honest, and votes that are held: too many new visitors."""
    tool = new_tool(live_site)
    for url, choice, number in ((live_site.url, "skip", HONEST), (holding, "ship", FRAUD)):
        for _ in range(number):
            with browser(url) as somebody:
                said = somebody.put(f"/v1/tools/{tool}/vote", json={"choice": choice})
    with browser(live_site.url) as reader:
        seen = {"min_position": said.json()["position"]}
        tally = reader.get(f"/v1/tools/{tool}/tally", params=seen).json()
    assert (tally["ship"], tally["skip"], tally["held"]) == (0, HONEST, FRAUD)
    return tool


@pytest.mark.parametrize("script", [True, False])
def test_from_votes_that_are_held_to_a_ruling_that_is_lifted(
    live_site: Site, person: Open, cheated: str, script: bool
):
    reason = f"{unique('ring')} of <new> visitors"
    reader = visit(person(java_script_enabled=script), f"{live_site.url}/tools/{cheated}")
    says = reader.locator("[data-live=reason]")
    expect(says).to_contain_text(f"{FRAUD} held")
    context = logged_in(person(java_script_enabled=script), live_site, unique("mo"), "moderator")
    page = visit(context, live_site.url)
    page.get_by_role("link", name="Moderation").click()
    _rules(page, cheated, reason)

    _waits_for(reader, says, f"{FRAUD} discounted")
    Vote(reader, cheated).shows(0, HONEST)
    says.get_by_role("link", name="Rulings").click()
    ruling = reader.locator(".rulings .row").filter(has_text=reason)
    expect(ruling).to_contain_text(f"{FRAUD} votes")
    expect(ruling).not_to_contain_text("Lifted")

    page.locator(".rulings .row").filter(has_text=reason).get_by_role("button").click()
    expect(page.locator(".rulings .row").filter(has_text=reason)).to_contain_text("Lifted")
    _waits_for(reader, ruling, "Lifted")
    reader.goto(f"{live_site.url}/tools/{cheated}")
    _waits_for(reader, says, f"{FRAUD} held")
    Vote(reader, cheated).shows(0, HONEST)


def _rules(page: Any, tool: str, reason: str) -> None:
    queue = page.get_by_role("region", name="Tools with held votes")
    queue.get_by_role("article").filter(has_text=tool).get_by_role("link", name="Rule").click()
    rule = page.get_by_role("region", name="Rule on votes")
    expect(rule.get_by_label("Tool")).to_have_value(tool)
    rule.get_by_label("Reason").fill(reason)
    rule.get_by_role("button", name="Discount the held ones").click()
    expect(page.locator("h1")).to_have_text(f"Discount {FRAUD} votes on {tool}?")
    expect(page.get_by_text(re.compile("Nothing is stored yet"))).to_be_visible()
    assert faults(page) == []
    page.get_by_role("button", name="Make this ruling").click()
    expect(page.locator(".rulings .row").filter(has_text=reason)).to_be_visible()


def _waits_for(reader: Any, element: Any, text: str) -> None:
    """The page says so, when it is opened again at the latest."""

    def says() -> bool:
        reader.reload()
        return text in element.inner_text()

    wait_for(says, text)
