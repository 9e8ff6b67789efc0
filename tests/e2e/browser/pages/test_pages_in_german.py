"""A German page in a browser: its elements and its suggestions are German too, and lead on to
German pages."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.asking import bearer, put
from tests.e2e.browser.conftest import Open, Vote, visit
from tests.e2e.browser.looks import cost
from tests.site import Site

pytest.importorskip("playwright")
from playwright.sync_api import expect

NAME = "Tools nach Namen suchen"


def test_a_vote_is_told_in_german(live_site: Site, person: Open, tool: str):
    page = visit(person(), f"{live_site.url}/de/tools/{tool}")
    vote = Vote(page, tool)
    expect(vote.caption).to_have_text("Noch keine Stimmen")
    vote.ship.click()
    expect(vote.status).to_have_text("Deine Stimme: Ship")
    expect(vote.caption).to_have_text("100\xa0% Ship · 1 Stimme")
    vote.ship.click()
    expect(vote.status).to_have_text("Deine Stimme ist zurückgenommen")
    assert not page.said


def test_what_the_server_sent_stays_as_it_was(live_site: Site, person: Open, tool: str):
    """With script and without, an element says the same."""
    address = f"{live_site.url}/de/compare/notion-vs-{tool}"
    told = []
    for script in (True, False):
        page = visit(person(java_script_enabled=script), address)
        if script:
            page.locator("ship-vote [role=status]").first.wait_for(state="attached")
        parts = page.locator("ship-vote [part~=label], ship-vote [part~=caption]")
        told.append([text.strip() for text in parts.all_text_contents()])
    assert told[0] == told[1]


def test_suggestions_and_what_follows_stay_german(live_site: Site, person: Open):
    page = visit(person(), f"{live_site.url}/de/")
    field: Any = page.get_by_role("combobox", name=NAME)
    field.fill("notion")
    expect(page.get_by_role("status").filter(has_text="Vorschläge: ")).to_have_count(1)
    field.press("ArrowDown")
    field.press("Enter")
    page.wait_for_url("**/de/tools/notion")
    page.get_by_role("link", name="English").click()
    page.wait_for_url(f"{live_site.url}/tools/notion")


def test_the_selected_bookmarks_are_counted_in_german(live_site: Site, user: Any, tool: str):
    address = f"{live_site.url}/v1/me/bookmarks/{tool}"
    assert put(address, json={}, headers=bearer(live_site, "ada")).status_code == 201
    page = visit(user, f"{live_site.url}/de/bookmarks")
    page.get_by_role("checkbox", name=f"{tool} auswählen").check()
    page.get_by_text("1 ausgewählt").wait_for()
    assert not page.said


def test_a_page_loads_no_file_more_for_its_language(live_site: Site, person: Open):
    loaded = []
    for root in ("", "/de"):
        page = visit(person(), f"{live_site.url}{root}/")
        loaded.append([urlsplit(file).path.rpartition("/")[2] for file in cost(page)["files"][1:]])
    assert sorted(loaded[0]) == sorted(loaded[1])
