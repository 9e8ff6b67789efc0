"""From a first vote to bookmarks that are sorted, shared, and moved to another site: with script,
and without, where the forms do it all."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.asking import get, new_tool, unique
from tests.e2e.browser.conftest import Open, Vote, logged_in, visit
from tests.e2e.browser.pages.test_bookmarks_are_imported import tells
from tests.e2e.browser.pages.test_logging_in import account, agree
from tests.e2e.logins.provider import Provider
from tests.site import Site

pytestmark = pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning")
KEPT, MOVED = 20, 3
NAME, NOTE = "Ada Lovelace", "Ask about the price."


@pytest.fixture
def tools(another_site: Site) -> list[str]:
    """Tools of the catalogue that both sites have; a test lists none of this category."""
    asked = {"category": "llm", "limit": KEPT}
    found = get(f"{another_site.url}/v1/tools", params=asked).json()["tools"]
    return [one["slug"] for one in found]


@pytest.mark.parametrize("script", [True, False])
def test_from_a_vote_to_bookmarks_elsewhere(
    another_site: Site,
    live_site: Site,
    issuer: Provider,
    person: Open,
    tools: list[str],
    tmp_path: Path,
    script: bool,
):
    def somebody() -> Any:
        context = person(java_script_enabled=script)
        context.route(re.compile("^https://"), lambda route: route.abort())  # the issuer's sheet
        return context

    ada, home = issuer.knows(unique("ada"), name=NAME), another_site.url
    page = visit(somebody(), home)
    voted = new_tool(another_site)
    _votes_and_logs_in(page, home, voted, ada)
    _finds_the_vote_elsewhere(visit(somebody(), home), home, voted, ada)
    for tool in tools:
        _bookmarks(page, f"{home}/tools/{tool}")
    page.goto(f"{home}/bookmarks")
    expect(page.locator(".lede")).to_have_text(f"{KEPT} bookmarks, kept by {NAME}")
    _sorts(page)
    _shares(page, visit(somebody(), home))
    file = _exports(page, tmp_path)
    elsewhere = visit(logged_in(somebody(), live_site, unique("ada")), live_site.url)
    _imports(elsewhere, file, script=script)


def _votes_and_logs_in(page: Any, home: str, tool: str, subject: str) -> None:
    page.goto(f"{home}/tools/{tool}")
    vote = Vote(page, tool)
    vote.ship.click()
    vote.shows(1, 0, "ship")
    account(page).get_by_role("link", name="Log in").click()
    agree(page, subject)
    expect(account(page)).to_contain_text(NAME)
    Vote(page, tool).shows(1, 0, "ship")
    page.get_by_role("navigation", name="Site").get_by_role("link", name="Votes").click()
    expect(page.locator(".lede")).to_have_text(f"1 vote by {NAME}, newest first")


def _finds_the_vote_elsewhere(page: Any, home: str, tool: str, subject: str) -> None:
    """The vote is the person's, not the browser's."""
    account(page).get_by_role("link", name="Log in").click()
    agree(page, subject)
    expect(account(page)).to_contain_text(NAME)
    page.goto(f"{home}/tools/{tool}")
    Vote(page, tool).shows(1, 0, "ship")


def _bookmarks(page: Any, address: str) -> None:
    page.goto(address)
    button = page.locator("ship-bookmark button")
    with page.expect_response(lambda response: "bookmark" in response.url):
        button.click()
    expect(button).to_have_attribute("aria-pressed", "true")


def _select(page: Any, number: int) -> None:
    """The first ones, or by one click all."""
    boxes = page.locator("ol.marks input[name=tool]")
    expect(boxes).to_have_count(KEPT)
    everything = page.get_by_label("Select all on this page")
    if number == KEPT and everything.is_visible():
        everything.check()
    else:
        for each in range(number):
            boxes.nth(each).check()


def _sorts(page: Any) -> None:
    """Tags all, moves some, takes it back, moves them again, and notes something."""
    side = page.get_by_role("navigation", name="Collections and tags")
    _select(page, KEPT)
    page.get_by_label("Tag", exact=True).fill("later")
    page.get_by_role("button", name="Add tag").click()
    expect(page.get_by_role("status")).to_contain_text(f"{KEPT} bookmarks tagged.")
    expect(side.get_by_role("link", name=f"later {KEPT}")).to_be_visible()

    side.get_by_text("New collection").click()
    side.get_by_label("Name").fill("For work")
    side.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("status")).to_contain_text("The collection is made.")
    for undone in (True, False):
        side.get_by_role("link", name=f"All bookmarks {KEPT}").click()
        _select(page, MOVED)
        page.locator("#bulk").get_by_label("Collection").select_option("For work")
        page.get_by_role("button", name="Move", exact=True).click()
        expect(page.get_by_role("status")).to_contain_text(f"{MOVED} bookmarks moved.")
        expect(side.get_by_role("link", name=f"For work {MOVED}")).to_be_visible()
        if undone:
            page.get_by_role("button", name="Undo").click()
            expect(side.get_by_role("link", name="For work 0")).to_be_visible()
    side.get_by_role("link", name=f"For work {MOVED}").click()
    expect(page.locator(".lede")).to_have_text(f"{MOVED} of {KEPT} bookmarks match")

    first = page.locator(".mark").first
    first.get_by_text("Edit").click()
    first.get_by_label("Note").fill(NOTE)
    first.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("1 bookmark saved.")
    expect(page.locator(".mark-note")).to_have_text([NOTE])


def _shares(page: Any, stranger: Any) -> None:
    """The collection is public, and says no more than it should; then it is private again."""

    def public(wanted: bool) -> None:
        page.get_by_text("Change this collection").click()
        page.get_by_label("Public: everybody with its address can read it").set_checked(wanted)
        page.locator(".marks-collection").get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_contain_text("The collection is saved.")

    listed = page.locator(".mark .row-name > span:last-child")
    expect(listed).to_have_count(MOVED)
    names = listed.all_inner_texts()
    public(True)
    link = page.get_by_role("link", name="this address")
    address = re.sub("/bookmarks.*", link.get_attribute("href"), page.url)
    stranger.goto(address)
    expect(stranger.locator("h1")).to_have_text("For work")
    shown = stranger.locator(".row .row-name > span:last-child").all_inner_texts()
    assert sorted(shown) == sorted(names)
    for secret in (NOTE, NAME, "later"):
        expect(stranger.get_by_text(secret)).to_have_count(0)
    public(False)
    expect(link).to_have_count(0)
    stranger.reload()
    expect(stranger.locator("h1")).to_have_text("Not public any more")


def _exports(page: Any, folder: Path) -> Path:
    page.get_by_role("link", name="Import and export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="HTML").click()
    file = folder / "bookmarks.html"
    download.value.save_as(file)
    return file


def _imports(page: Any, file: Path, *, script: bool) -> None:
    page.get_by_role("link", name="Bookmarks").click()
    page.get_by_role("link", name="Import and export").click()
    page.get_by_label("A file of bookmarks").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    tells(page, f"{KEPT} bookmarks read. {KEPT} tools bookmarked", script=script)
    page.get_by_role("link", name="All bookmarks").click()
    side = page.get_by_role("navigation", name="Collections and tags")
    expect(side.get_by_role("link", name=f"later {KEPT}")).to_be_visible()
    side.get_by_role("link", name=f"For work {MOVED}").click()
    expect(page.locator(".mark-note")).to_have_text([NOTE])
