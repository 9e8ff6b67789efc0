"""What elements show and say while they know no number: why, and never a bar that is all skip."""

from typing import Any

from playwright.sync_api import expect

from tests.e2e.asking import new_tool
from tests.e2e.browser.conftest import Open, Vote, visit
from tests.e2e.browser.stage import Stage
from tests.polling import wait_for
from tests.site import Site, free_port


def embed(site: Stage, api: str, tool: str) -> str:
    body = (
        f'<ship-verdict tool="{tool}" api="{api}"></ship-verdict>'
        f'<ship-vote tool="{tool}" api="{api}"></ship-vote>'
    )
    return site.show(f"/{tool}", body, api)


def shows(page: Any, words: str) -> None:
    expect(page.locator("ship-vote [part=caption]")).to_have_text(words)
    expect(page.locator("ship-verdict [part=call]")).to_have_text(words)
    expect(page.locator("ship-vote [part~=bar]")).to_have_attribute("part", "bar empty")


def test_an_origin_that_may_not_call_is_told_so_in_the_console(
    live_site: Site, stranger: Stage, person: Open, tool: str
):
    page = visit(person(), embed(stranger, live_site.url, tool))
    shows(page, "Not reachable")
    said = f"votes {live_site.url} not reached from {stranger.url}"
    wait_for(lambda: page.evaluate("1") and any(said in line for line in page.said), said)


def test_an_api_that_is_away_is_not_reachable(other_site: Stage, person: Open):
    page = visit(person(), embed(other_site, f"http://127.0.0.1:{free_port()}", "away"))
    shows(page, "Not reachable")


def test_a_tool_that_is_not_listed_is_said_to_be_so(
    live_site: Site, other_site: Stage, person: Open
):
    page = visit(person(), embed(other_site, live_site.url, "no-such-tool"))
    shows(page, "Not listed")
    expect(page.locator("ship-vote [part~=ship]")).to_be_disabled()


def test_what_was_not_reachable_shows_its_numbers_when_it_is(
    live_site: Site, other_site: Stage, person: Open
):
    context, tool = person(), new_tool(live_site)
    context.route("**/v1/**", lambda route: route.abort())
    page = visit(context, embed(other_site, live_site.url, tool))
    shows(page, "Not reachable")
    context.unroute("**/v1/**")
    shows(page, "No votes yet")


def test_a_double_click_is_one_vote_and_one_bookmark(live_site: Site, user: Any, tool: str):
    page = visit(user, f"{live_site.url}/tools/{tool}")
    vote = Vote(page, tool)
    vote.ship.dblclick()
    vote.shows(1, 0, "ship")
    expect(vote.status).to_have_text("Your vote: ship")
    kept = page.locator("ship-bookmark button")
    kept.dblclick()
    expect(page.locator("ship-bookmark [part~=status]")).to_have_text("Bookmarked")
    page.reload()
    vote.shows(1, 0, "ship")
    expect(kept).to_have_attribute("aria-pressed", "true")
    vote.ship.click()
    vote.shows(0, 0)
