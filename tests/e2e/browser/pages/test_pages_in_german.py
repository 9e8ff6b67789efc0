"""A German page in a browser: its elements and its suggestions are German too, and lead on to
German pages."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.asking import bearer, put, unique
from tests.e2e.browser.conftest import Open, Vote, logged_in, visit
from tests.e2e.browser.looks import NARROW, cost
from tests.e2e.browser.stage import Stage
from tests.site import Site
from votes.languages import languages_of
from votes.site.assets import asset_url

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
        names = (urlsplit(file).path.rpartition("/")[2] for file in cost(page)["files"])
        # What the script asks for afterwards may take longer on one of the pages.
        loaded.append(sorted(name for name in names if name.endswith((".js", ".css"))))
    assert loaded[0] == loaded[1]
    assert "elements.js" in loaded[0]


def test_a_page_of_another_site_loads_the_words_before_the_elements(
    live_site: Site, other_site: Stage, person: Open, tool: str
):
    where = asset_url("elements/elements.js")
    files = (f"{live_site.url}{path}" for path in ("/de/elements/words.js", where))
    head = "".join(f'<script type="module" crossorigin src="{file}"></script>' for file in files)
    vote = f'<ship-vote tool="{tool}"></ship-vote>'
    page = visit(person(), other_site.show(f"/de-{tool}", vote, live_site.url, head))
    expect(Vote(page, tool).caption).to_have_text("Noch keine Stimmen")
    assert not page.said


HEADS = """words => {
  const cells = words.map(() => document.createElement("th"));
  cells.forEach((cell, number) => { cell.textContent = words[number]; });
  const table = Object.assign(document.createElement("table"), { className: "numbers hours" });
  table.createTHead().insertRow().append(...cells);
  document.querySelector("main > section").append(table);
  const range = document.createRange();
  return cells.filter(cell => {
    range.selectNodeContents(cell);
    return range.getClientRects().length > 1;
  }).map(cell => cell.textContent);
}"""


def test_no_head_of_the_votes_of_a_cluster_breaks_on_a_phone(live_site: Site, person: Open):
    said = languages_of()["de"].words.gettext
    context = logged_in(person(viewport=NARROW), live_site, unique("mo"), "moderator")
    page = visit(context, f"{live_site.url}/de/moderation")
    heads = [said(word) for word in ("Tool", "Ship", "Skip", "Others")]
    assert page.evaluate(HEADS, heads) == []
    assert page.evaluate(HEADS, ["Tool", "Ship", "Skip", "Unbeteiligte"]) == ["Unbeteiligte"]
