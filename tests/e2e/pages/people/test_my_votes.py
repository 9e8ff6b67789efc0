"""The page of one's own votes: newest first, each with a form that takes it back."""

import pytest

from tests.e2e.asking import bearer, new_tool, request, unique
from tests.e2e.pages.reading import attribute, named, one, page, words
from tests.site import SAME_ORIGIN
from votes.site.catalogue import pages


@pytest.fixture
def tools(live_site):
    return [new_tool(live_site) for _ in range(3)]


def vote(http, tool, choice, who=None):
    body = {"choice": choice}
    assert http.put(f"/v1/tools/{tool}/vote", json=body, headers=who).status_code == 200


def rows(tree):
    """The tool and the choice of each row."""
    found = []
    for row in named(tree, "li", class_="row"):
        (said,) = named(row, "span", class_="choice")
        link = one(row, "a", class_="row-name")
        found.append((attribute(link, "href").removeprefix("/tools/"), words(said)))
    return found


def test_who_has_not_voted_is_told_so_and_gets_no_cookie(http):
    answer = http.get("/votes")
    assert "You have not voted yet." in answer.text
    assert answer.headers["cache-control"] == "private, no-store"
    assert "set-cookie" not in answer.headers
    assert not named(page(http, "/votes"), "form")


def test_votes_of_a_browser_are_listed_newest_first(http, tools):
    for tool, choice in zip(tools, ("ship", "skip", "ship"), strict=True):
        vote(http, tool, choice)
    expected = list(zip(tools, ("ship", "skip", "ship"), strict=True))
    assert rows(page(http, "/votes")) == expected[::-1]
    assert "3 votes, newest first" in http.get("/votes").text


def test_a_vote_is_taken_back_by_the_form(http, tools):
    for tool in tools:
        vote(http, tool, "ship")
    row = next(row for row in named(page(http, "/votes"), "li", class_="row"))
    form = one(row, "form")
    fields = {field.get("name"): field.get("value") for field in named(form, "input")}
    button = one(form, "button")
    fields[button.get("name")] = button.get("value")
    answer = http.post(form.get("action"), data=fields, headers=SAME_ORIGIN)
    assert answer.headers["location"].startswith("/votes?")
    assert rows(page(http, answer.headers["location"])) == [(tools[1], "ship"), (tools[0], "ship")]


def test_a_login_takes_the_votes_of_the_browser_along(live_site, http, tools):
    ada = bearer(live_site, subject := unique("ada"))
    vote(http, tools[0], "ship")
    shown = http.get("/votes", headers=ada).text
    assert f"1 vote by {subject}" in shown
    elsewhere = request("GET", f"{live_site.url}/votes", headers=ada).text
    assert f"/tools/{tools[0]}" in elsewhere
    assert rows(page(http, "/votes")) == [(tools[0], "ship")]


def test_a_tool_that_was_delisted_is_named_and_cannot_be_voted_on(live_site, http, tools, admin):
    vote(http, tools[0], "ship")
    gone = http.delete(f"/v1/tools/{tools[0]}", headers=admin).headers["votes-position"]
    http.get(f"/v1/tools?min_position={gone}")
    tree = page(http, "/votes")
    assert "No longer listed" in words(one(tree, "main"))
    assert not named(tree, "form")


def test_many_are_shown_a_page_at_a_time(live_site, http, tools):
    for tool in tools:
        vote(http, tool, "ship")
    first = http.get("/v1/me/votes?limit=2").json()
    rest = page(http, f"/votes?cursor={first['next_cursor']}")
    assert rows(rest) == [(tools[0], "ship")]
    assert one(rest, "a", rel="first").get("href") == "/votes"
    assert first["total"] == 3
    assert pages.ROWS_MAX > 2


def test_a_login_that_has_ended_is_told(guarded, http):
    answer = request("GET", f"{guarded}/votes", headers={"Cookie": "session=old"})
    assert "Your login has ended." in answer.text
