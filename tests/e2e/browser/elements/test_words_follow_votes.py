"""After a vote the words, figures, tables and charts of a page say it too, in every window."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.browser.conftest import Open, Vote, visit
from tests.site import Site
from votes.site.words import NOTHING

OTHER = "claude-haiku-open-weights"


def figure(page: Any, tool: str) -> Any:
    return page.locator(f'[data-live="figures-{tool}"] dd').nth(1)


@pytest.fixture
def compared(live_site: Site, person: Open, tool: str) -> Any:
    """A window of somebody who compares the tool with another."""
    return visit(person(), f"{live_site.url}/compare/{tool}-vs-{OTHER}")


def follows(page: Any, tool: str) -> None:
    """Wait until a page that compares the tool says that it has one vote."""
    words = page.locator(".decision", has_text="Too early · 100% ship of 1 vote, leaning ship")
    expect(words).to_be_visible()
    expect(figure(page, tool)).to_have_text("100%")
    assert not page.said


def test_the_page_on_which_one_votes_says_so_at_once(compared: Any, tool: str):
    expect(compared.locator(".decision")).not_to_contain_text("100% ship of 1 vote")
    Vote(compared, tool).casts("ship")
    follows(compared, tool)


def test_the_window_of_somebody_else_follows(
    live_site: Site, person: Open, compared: Any, tool: str
):
    Vote(compared, tool).shows(0, 0)
    other = visit(person(), f"{live_site.url}/tools/{tool}")
    expect(other.locator('[data-live="reason"]')).to_contain_text("Nobody has voted")
    expect(other.locator('[data-live="trend"]')).to_contain_text("No votes in these 30 days")
    Vote(other, tool).casts("ship")
    follows(compared, tool)
    expect(other.locator('[data-live="reason"]')).to_contain_text("Few have voted")
    expect(other.locator('[data-live="trend"] svg')).to_be_visible()
    Vote(other, tool).ship.click()
    expect(compared.locator(".decision")).not_to_contain_text("100% ship of 1 vote")
    expect(figure(compared, tool)).to_have_text(NOTHING)


def test_what_was_opened_stays_open(live_site: Site, person: Open, tool: str):
    page = visit(person(), f"{live_site.url}/tools/{tool}")
    Vote(page, tool).casts("ship")
    page.locator("details summary").click()
    Vote(page, tool).casts("skip")
    expect(page.locator("details tbody")).to_contain_text("0 : 1")
    expect(page.locator("details tbody")).to_be_visible()


def test_one_votes_in_a_list(live_site: Site, person: Open, tool: str):
    page = visit(person(), f"{live_site.url}/?sort=new")
    Vote(page, tool).casts("skip")
    facts = page.locator(f'[data-live="facts-{tool}"]')
    expect(facts).to_contain_text("0% ship of 1 vote, leaning skip")


def test_one_votes_in_a_list_without_script_and_comes_back_to_it(
    live_site: Site, person: Open, tool: str
):
    page = visit(person(java_script_enabled=False), f"{live_site.url}/?sort=new")
    Vote(page, tool).ship.click()
    expect(page.locator(f'[data-live="facts-{tool}"]')).to_contain_text("100% ship of 1 vote")
    assert "sort=new" in page.url
