"""Pages that treat the elements badly, and browsers that forbid what they like to use."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.asking import bearer, browser, get, new_tool, put
from tests.e2e.browser.conftest import Open, Vote, visit
from tests.e2e.browser.stage import SCRIPT, Stage
from tests.polling import wait_for
from tests.site import Site

FORBIDDEN = {
    "locks": """navigator.locks.request = () =>
      Promise.reject(new DOMException("forbidden", "SecurityError"));""",
    "storage": """Storage.prototype.setItem = () => { throw new Error("full") };
      Object.defineProperty(window, "localStorage", {
        value: new Proxy({}, { set() { throw new Error("full"); } }) });""",
}


def empty(other_site: Stage, live_site: Site, name: str, *tools: str, head: str = SCRIPT) -> str:
    body = "".join(f'<ship-vote tool="{tool}" api="{live_site.url}"></ship-vote>' for tool in tools)
    return other_site.show(f"/{name}-{'-'.join(tools)}", body, live_site.url, head)


@pytest.mark.parametrize("what", FORBIDDEN)
def test_what_is_forbidden_is_done_without(
    live_site: Site, other_site: Stage, person: Open, tool: str, what: str
):
    context = person()
    context.add_init_script(FORBIDDEN[what])
    page = visit(context, empty(other_site, live_site, what, tool))
    vote = Vote(page, tool)
    vote.shows(0, 0)
    vote.casts("ship")
    vote.shows(1, 0, "ship")
    put(f"{live_site.url}/v1/tools/{tool}/vote", json={"choice": "skip"})
    vote.shows(1, 1, "ship")
    assert len([r for r in page.asked if r.url.endswith("/v1/visitors")]) == 1


def test_another_tool_shows_nothing_of_the_one_before(live_site: Site, person: Open, tool: str):
    other = new_tool(live_site)
    put(f"{live_site.url}/v1/tools/{other}/vote", json={"choice": "skip"})
    context = person()
    page = visit(context, f"{live_site.url}/tools/{tool}")
    Vote(page, tool).ship.click()
    expect(Vote(page, tool).status).to_have_text("Your vote: ship")
    page.reload()
    vote = Vote(page, tool)
    vote.shows(1, 0, "ship")
    vote.element.evaluate("(element, other) => element.setAttribute('tool', other)", other)
    Vote(page, other).shows(0, 1)


def test_a_vote_taken_back_stays_so_when_its_element_is_moved(
    live_site: Site, person: Open, tool: str
):
    page = visit(person(), f"{live_site.url}/tools/{tool}")
    vote = Vote(page, tool)
    vote.casts("ship")
    page.reload()
    vote.shows(1, 0, "ship")
    vote.ship.click()
    expect(vote.status).to_have_text("Your vote is taken back")
    vote.element.evaluate("element => document.querySelector('main').append(element)")
    vote.shows(0, 0)


def test_a_page_in_no_language_and_a_placeholder(
    live_site: Site, other_site: Stage, person: Open, tool: str
):
    body = f'<ship-vote tool="{tool}" api="{live_site.url}"><p>Wait</p></ship-vote>'
    page = visit(person(), other_site.show(f"/odd-{tool}", body, live_site.url))
    page.evaluate("document.documentElement.lang = 'en_US'")
    vote = Vote(page, tool)
    vote.shows(0, 0)
    vote.element.evaluate("element => element.shadowRoot.querySelector('form').requestSubmit()")
    vote.ship.click()
    vote.shows(1, 0, "ship")
    assert not page.said


def test_an_unreadable_answer_does_not_end_the_stream(
    live_site: Site, other_site: Stage, person: Open, tool: str
):
    context = person()
    refused: list[str] = []

    def portal(route: Any) -> None:
        if len(refused) < 2:
            refused.append(route.request.url)
            status = 503 if "/v1/live" in route.request.url else 200
            route.fulfill(
                status=status, body="<html>", headers={"Access-Control-Allow-Origin": "*"}
            )
        else:
            route.continue_()

    for where in ("**/v1/live*", "**/v1/tallies*"):
        context.route(where, portal)
    page = visit(context, empty(other_site, live_site, "portal", tool))
    Vote(page, tool).shows(0, 0)
    assert len(refused) == 2


def test_what_is_written_beside_a_bookmark_outlives_a_press(
    live_site: Site, other_site: Stage, person: Open, tool: str
):
    me = bearer(live_site, f"reader-{tool}")
    kept = {"note": "precious", "tags": ["docs"]}
    put(f"{live_site.url}/v1/me/bookmarks/{tool}", json=kept, headers=me)
    context = person()
    context.route("**/v1/me/state*", lambda route: route.fulfill(status=403, body="<html>"))
    token = me["Authorization"].removeprefix("Bearer ")
    body = f'<ship-bookmark tool="{tool}" api="{live_site.url}" token="{token}"></ship-bookmark>'
    page = visit(context, other_site.show(f"/beside-{tool}", body, live_site.url))
    page.locator("ship-bookmark button").click()
    expect(page.locator("ship-bookmark [role=status]")).to_have_text("Bookmarked")
    (there,) = get(f"{live_site.url}/v1/me/bookmarks", headers=me).json()["bookmarks"]
    assert (there["note"], there["tags"]) == ("precious", ["docs"])


def test_a_list_that_is_moved_and_given_a_token_lists_each_once(
    live_site: Site, other_site: Stage, person: Open
):
    tools = sorted(new_tool(live_site) for _ in range(3))
    me = bearer(live_site, f"keeper-{tools[0]}")
    with browser(live_site.url) as http:
        for tool in tools:
            http.put(f"/v1/me/bookmarks/{tool}", headers=me)
    body = f'<ship-bookmarks api="{live_site.url}"></ship-bookmarks><div></div>'
    page = visit(person(), other_site.show(f"/list-{tools[0]}", body, live_site.url))
    listed = page.locator("ship-bookmarks")
    expect(listed.locator("[role=status]")).to_contain_text("Log in")
    assert not [r for r in page.asked if r.url.endswith("/v1/visitors")]
    token = me["Authorization"].removeprefix("Bearer ")
    listed.evaluate("(element, token) => { element.token = token; }", token)
    listed.evaluate("element => document.querySelector('div').append(element)")
    expect(listed.locator("[part=item]")).to_have_count(3)
    page.wait_for_timeout(300)
    expect(listed.locator("[part=item]")).to_have_count(3)
    remove = listed.get_by_role("button", name=f"Remove {tools[0]}")
    remove.evaluate("button => { button.click(); button.click(); }")
    expect(listed.locator("[part=item]")).to_have_count(2)
    wait_for(
        lambda: (
            page.evaluate("1")
            and get(f"{live_site.url}/v1/me/bookmarks", headers=me).json()["total"] == 2
        ),
        "the removal",
    )
    assert not [said for said in page.said if "TypeError" in said]
