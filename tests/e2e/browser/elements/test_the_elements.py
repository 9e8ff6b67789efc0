"""The elements by themselves: how heavy, how they look to those who see them and who do not."""

import gzip
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.asking import bearer, browser, new_tool
from tests.e2e.browser.conftest import Open, Vote, visit
from tests.e2e.browser.stage import ELEMENTS, SCRIPT, SHEET, Stage, rendered, tally
from tests.site import Site

BYTES_MAX = 6_000

VOTE = '{{ ship_vote("vim", "Vim", tally, mine, "/tools/vim/vote") }}'
VERDICT = '{{ ship_verdict("vim", "Vim", tally) }}'
BOOKMARK = '{{ ship_bookmark("vim", "Vim", mine == "ship") }}'
STATES = [
    (tally(0, 0), None),
    (tally(1, 0, leaning="ship"), "ship"),
    (tally(2, 2), None),
    (tally(63, 58, leaning="ship", close=True), None),
    (tally(1_240, 310, "ship"), "skip"),
    (tally(41, 402, "skip", None), "ship"),
    (tally(12_345, 12_400, "split"), None),
]

CONTENT = """element => {
  const clean = node => {
    for (const one of node.querySelectorAll("*"))
      for (const name of ["type", "name", "value", "method", "action", "disabled"])
        one.removeAttribute(name);
    node.querySelector("[part~=status]")?.remove();
    for (const one of node.querySelectorAll("*"))
      for (const { name, value } of [...one.attributes].sort((a, b) => a.name < b.name ? -1 : 1)) {
        one.removeAttribute(name);
        one.setAttribute(name, value);
      }
    return node.innerHTML;
  };
  return clean(element.shadowRoot ?? element);
}"""


def test_they_are_light(measured):
    sizes = {entry.name: len(gzip.compress(entry.read_bytes())) for entry in ELEMENTS.iterdir()}
    always = sum(size for name, size in sizes.items() if name != "proof.js")
    measured(f"the elements: {always} bytes gzipped, without what few load: {sizes}")
    assert always <= BYTES_MAX


@pytest.mark.parametrize(("votes", "mine"), STATES)
def test_the_script_writes_what_the_server_writes(
    other_site: Stage, person: Open, votes: Any, mine: str | None
):
    sent = rendered(VOTE + VERDICT + BOOKMARK, tally=votes, mine=mine)
    page = visit(person(), other_site.show("/sent", sent, head=SHEET))
    names = ("ship-vote", "ship-verdict", "ship-bookmark")
    served = [page.locator(name).evaluate(CONTENT) for name in names]
    empty = "".join(f'<{name} tool="vim" name="Vim"></{name}>' for name in names)
    context = person()
    context.route(
        "**/v1/me/state*",
        lambda route: route.fulfill(json={"vim": {"vote": mine, "bookmarked": mine == "ship"}}),
    )
    context.route("**/v1/live*", lambda route: route.fulfill(status=429))
    context.route(
        "**/v1/tallies*",
        lambda route: route.fulfill(json={"tallies": [{"tool": "vim", **vars(votes)}]}),
    )
    page = visit(context, other_site.show("/empty", empty))
    expect(page.locator("[part~=count]").first).to_have_text(f"{votes.ship:,}")
    expect(page.locator("[part~=bookmark]")).to_have_attribute(
        "aria-pressed", str(mine == "ship").lower()
    )
    assert [page.locator(name).evaluate(CONTENT) for name in names] == served


def test_nothing_moves_when_the_script_comes(other_site: Stage, person: Open):
    sent = rendered(VOTE + VERDICT + BOOKMARK, tally=tally(3, 4), mine="ship")
    boxes = []
    for name, head in (("plain", SHEET), ("upgraded", SHEET + SCRIPT)):
        context = person()
        context.route("**/v1/**", lambda route: route.abort())
        page = visit(context, other_site.show(f"/{name}", f"<div>{sent}</div>", head=head))
        if name == "upgraded":
            page.locator("ship-vote [role=status]").wait_for(state="attached")
        found = page.locator("button, [part~=caption], [part~=badge], [part~=bar]").all()
        boxes.append([one.bounding_box() for one in found])
    assert boxes[0] == boxes[1]


def test_the_strictest_policy_holds(live_site: Site, other_site: Stage, person: Open, tool: str):
    body = "".join(
        f'<div><{name} tool="{tool}" api="{live_site.url}"></{name}></div>'
        for name in ("ship-vote", "ship-verdict", "ship-bookmark")
    )
    page = visit(person(), other_site.show(f"/strict-{tool}", body, live_site.url))
    vote = Vote(page, tool)
    vote.shows(0, 0)
    vote.casts("ship")
    assert not page.said


FOCUS = """() => {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element?.dataset.choice ?? "";
}"""


def test_a_vote_needs_no_mouse_and_keeps_the_focus(live_site: Site, person: Open, tool: str):
    page = visit(person(), f"{live_site.url}/tools/{tool}")
    vote = Vote(page, tool)
    vote.shows(0, 0)
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUS) == "ship":
            break
    page.keyboard.press("Enter")
    expect(vote.status).to_have_text("Your vote: ship")
    assert page.evaluate(FOCUS) == "ship"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(vote.status).to_have_text("Your vote: skip")
    assert page.evaluate(FOCUS) == "skip"


def test_only_the_own_vote_is_announced(live_site: Site, person: Open, tool: str):
    url = f"{live_site.url}/tools/{tool}"
    one, other = visit(person(), url), visit(person(), url)
    Vote(one, tool).ship.click()
    expect(Vote(one, tool).status).to_have_text("Your vote: ship")
    Vote(other, tool).shows(1, 0)
    expect(Vote(other, tool).status).to_have_text("")
    buttons = one.locator("ship-vote").get_by_role("button", name="Ship 1")
    expect(buttons).to_have_attribute("aria-pressed", "true")
    expect(one.get_by_role("group", name="Vote on")).to_be_visible()


def test_a_user_keeps_and_drops_bookmarks(live_site: Site, other_site: Stage, user: Any, tool: str):
    page = visit(user, f"{live_site.url}/tools/{tool}")
    button = page.locator("ship-bookmark:defined button")
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    expect(page.locator("ship-bookmark [role=status]")).to_have_text("Bookmarked")
    page.reload()
    expect(button).to_have_attribute("aria-pressed", "true")
    page.goto(f"{live_site.url}/compare/{tool}-vs-notion")
    item = page.locator("ship-bookmarks [part=item]", has_text=tool)
    expect(item.locator("ship-verdict")).to_have_text("No votes yet")
    item.get_by_role("button", name=f"Remove {tool}").click()
    expect(item).to_have_count(0)
    expect(page.locator(f'ship-bookmark[tool="{tool}"] button')).to_have_attribute(
        "aria-pressed", "false"
    )


def test_a_visitor_is_told_why_there_is_no_bookmark(
    live_site: Site, other_site: Stage, person: Open, tool: str
):
    body = f'<ship-bookmark tool="{tool}" api="{live_site.url}"></ship-bookmark>'
    page = visit(person(), other_site.show(f"/bookmark-{tool}", body, live_site.url))
    page.locator("ship-bookmark button").click()
    expect(page.locator("ship-bookmark [role=status]")).to_contain_text("Log in")
    expect(page.locator("ship-bookmark button")).to_have_attribute("aria-pressed", "false")


def test_a_users_token_can_be_given_to_the_element(
    live_site: Site, other_site: Stage, person: Open, user: Any, tool: str
):
    token = next(c["value"] for c in user.cookies() if c["name"] == "session")
    body = f'<ship-vote tool="{tool}" api="{live_site.url}"></ship-vote>'
    page = visit(person(), other_site.show(f"/user-{tool}", body, live_site.url))
    vote = Vote(page, tool)
    vote.shows(0, 0)
    vote.element.evaluate("(element, token) => { element.token = token; }", token)
    vote.casts("skip")
    vote.shows(0, 1, "skip")
    page = visit(user, f"{live_site.url}/tools/{tool}")
    Vote(page, tool).shows(0, 1, "skip")


def test_a_list_of_bookmarks_has_as_many_as_it_says_and_leads_to_all(
    live_site: Site, other_site: Stage, person: Open, tool: str
):
    me, tools = bearer(live_site, f"keeper-{tool}"), [new_tool(live_site) for _ in range(3)]
    with browser(live_site.url) as http:
        for each in tools:
            http.put(f"/v1/me/bookmarks/{each}", headers=me)
    token = me["Authorization"].removeprefix("Bearer ")
    body = f'<ship-bookmarks api="{live_site.url}" token="{token}" limit="2"></ship-bookmarks>'
    page = visit(person(), other_site.show(f"/few-{tool}", body, live_site.url))
    expect(page.locator("ship-bookmarks [part=item]")).to_have_count(2)
    link = page.get_by_role("link", name="All bookmarks")
    expect(link).to_have_attribute("href", f"{live_site.url}/bookmarks")
