"""Windows on pages with the elements, and what one of them sees of the other's votes."""

import statistics
from functools import partial
from typing import Any

from playwright.sync_api import expect

from tests.e2e.asking import new_tool
from tests.e2e.browser.conftest import Measured, Open, Vote, visit
from tests.e2e.browser.stage import Stage
from tests.polling import wait_for
from tests.site import Site

ROUNDS = 50

WATCH = """([tool]) => {
  const vote = document.querySelector(`ship-vote[tool="${tool}"]`).shadowRoot;
  window.seen = [];
  new MutationObserver(() => window.seen.push(Date.now()))
    .observe(vote.querySelector("[part=caption]"), { childList: true, characterData: true });
}"""
PRESS = """([tool, choice]) => {
  document.querySelector(`ship-vote[tool="${tool}"]`).shadowRoot
    .querySelector(`[data-choice=${choice}]`).click();
  return Date.now();
}"""
SHOWN = "number => window.seen.length > number"


def embed(other_site: Stage, live_site: Site, *tools: str) -> str:
    """A page of the other site with empty elements; answers its address."""
    elements = "".join(
        f'<div><ship-verdict tool="{tool}" api="{live_site.url}"></ship-verdict>'
        f'<ship-vote tool="{tool}" api="{live_site.url}"></ship-vote></div>'
        for tool in tools
    )
    return other_site.show(f"/{'-'.join(tools)}", elements, live_site.url)


def streams(page: Any) -> list[str]:
    return [request.url for request in page.asked if "/v1/live" in request.url]


def recalls(page: Any) -> list[str]:
    return [request.url for request in page.asked if "/me/state" in request.url]


def test_a_vote_shows_in_another_window_at_once(
    live_site: Site, person: Open, tool: str, measured: Measured
):
    url = f"{live_site.url}/tools/{tool}"
    one, other = visit(person(), url), visit(person(), url)
    voted, watching = Vote(one, tool), Vote(other, tool)
    watching.shows(0, 0)
    voted.ship.click()
    watching.shows(1, 0)
    voted.shows(1, 0, "ship")
    other.evaluate(WATCH, [tool])
    waits = []
    for number in range(ROUNDS):
        choice = ("skip", "ship")[number % 2]
        pressed = one.evaluate(PRESS, [tool, choice])
        wait_for(partial(other.evaluate, SHOWN, number), "the vote to show")
        waits.append(other.evaluate("seen")[number] - pressed)
    median = statistics.median(waits)
    measured(f"a vote shows in another window: median {median} ms, worst {max(waits)} ms")


def test_a_vote_is_kept_changed_and_taken_back(live_site: Site, person: Open, tool: str):
    page = visit(person(), f"{live_site.url}/tools/{tool}")
    vote = Vote(page, tool)
    vote.casts("ship")
    page.reload()
    vote.shows(1, 0, "ship")
    expect(vote.caption).to_have_text("100% ship · 1 vote")
    vote.skip.click()
    vote.shows(0, 1, "skip")
    expect(vote.status).to_have_text("Your vote: skip")
    page.reload()
    vote.shows(0, 1, "skip")
    vote.skip.click()
    expect(vote.status).to_have_text("Your vote is taken back")
    page.reload()
    vote.shows(0, 0)


def test_a_vote_shows_before_it_is_answered(live_site: Site, person: Open, tool: str):
    page = visit(person(), f"{live_site.url}/tools/{tool}")
    waiting: list[Any] = []
    page.route("**/vote", lambda route: route.continue_() if waiting else waiting.append(route))
    vote = Vote(page, tool)
    vote.ship.click()
    vote.shows(1, 0, "ship")
    vote.skip.click()
    vote.shows(0, 1, "skip")
    wait_for(lambda: page.evaluate("1") and waiting, "the request")
    assert len([r for r in page.asked if r.url.endswith("/vote")]) == 1, "the second one waits"
    waiting[0].continue_()
    expect(vote.status).to_have_text("Your vote: skip")
    vote.shows(0, 1, "skip")


def test_a_page_of_another_origin_votes_with_a_token(
    live_site: Site, other_site: Stage, person: Open, tool: str
):
    url, context = embed(other_site, live_site, tool), person()
    page = visit(context, url)
    watching = Vote(visit(person(), f"{live_site.url}/tools/{tool}"), tool)
    vote = Vote(page, tool)
    vote.shows(0, 0)
    vote.ship.click()
    watching.shows(1, 0)
    vote.shows(1, 0, "ship")
    page.reload()
    vote.shows(1, 0, "ship")
    assert not context.cookies()
    assert [r for r in page.asked if r.headers.get("authorization", "").startswith("Visitor ")]
    assert not page.said


def test_a_token_that_is_no_longer_good_is_replaced(
    live_site: Site, other_site: Stage, person: Open, tool: str
):
    page = visit(person(), embed(other_site, live_site, tool))
    page.evaluate("api => localStorage.setItem(`votes ${api}`, 'a.b')", live_site.url)
    page.reload()
    vote = Vote(page, tool)
    vote.shows(0, 0)
    vote.casts("ship")
    vote.shows(1, 0, "ship")


def test_a_page_asks_for_its_votes_once_and_has_one_stream(
    live_site: Site, other_site: Stage, person: Open
):
    tools = [new_tool(live_site) for _ in range(5)]
    context = person()
    visit(context, f"{live_site.url}/tools/{tools[0]}")
    page = visit(context, f"{live_site.url}/compare/{tools[0]}-vs-{tools[1]}")
    wait_for(lambda: page.evaluate("1") and recalls(page), "the page to ask for its votes")
    (asked,) = recalls(page)
    assert all(tool in asked for tool in tools[:2])
    embedding = visit(person(), embed(other_site, live_site, *tools))
    for tool in tools:
        Vote(embedding, tool).shows(0, 0)
    assert len(streams(embedding)) == 1


def test_tabs_share_one_stream_and_the_next_takes_over(
    live_site: Site, other_site: Stage, person: Open
):
    tools = [new_tool(live_site) for _ in range(2)]
    context = person()
    first = visit(context, embed(other_site, live_site, tools[0]))
    Vote(first, tools[0]).shows(0, 0)
    second = visit(context, embed(other_site, live_site, tools[1]))
    Vote(second, tools[1]).shows(0, 0)
    assert not streams(second)
    Vote(visit(person(), f"{live_site.url}/tools/{tools[1]}"), tools[1]).ship.click()
    Vote(second, tools[1]).shows(1, 0)
    first.close()
    wait_for(lambda: second.evaluate("1") and streams(second), "the other tab to stream")
    assert "last_event_id=" in streams(second)[-1]
    Vote(second, tools[1]).ship.click()
    Vote(second, tools[1]).shows(2, 0, "ship")


HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
}"""


def test_a_hidden_page_streams_nothing_and_then_catches_up(
    live_site: Site, other_site: Stage, person: Open, tool: str
):
    page = visit(person(), embed(other_site, live_site, tool))
    Vote(page, tool).shows(0, 0)
    page.evaluate(HIDE, True)
    other = visit(person(), f"{live_site.url}/tools/{tool}")
    Vote(other, tool).ship.click()
    expect(Vote(other, tool).status).to_have_text("Your vote: ship")
    Vote(page, tool).shows(0, 0)
    page.evaluate(HIDE, False)
    Vote(page, tool).shows(1, 0)
    assert "last_event_id=" in streams(page)[-1]
