"""Panelists find the tools without a review of theirs, and write, preview, revise and withdraw
reviews by plain forms."""

import pytest

from tests.e2e.asking import bearer, new_tool, unique
from tests.e2e.pages.reading import attribute, named, one, page, parsed, section, words
from tests.site import SAME_ORIGIN

SAID = {"score": "62", "choice": "ship", "body": "It holds.\r\n\r\nBut <slowly>."}


@pytest.fixture
def persona():
    return unique("critic")


@pytest.fixture
def panelist(live_site, persona):
    return SAME_ORIGIN | bearer(live_site, unique("pat"), "panelist", persona=persona)


def sent(http, panelist, tool, **fields):
    return http.post(f"/panel/{tool}", data=SAID | fields, headers=panelist)


def stored(http, tool):
    """The reviews that all see, at or after all that is written by now."""
    seen = {"min_position": http.get("/health/ready").json()["head"]}
    return http.get(f"/v1/tools/{tool}/reviews", params=seen).json()["panel"]["reviews"]


def published(http, panelist, tool, **fields):
    """Publish, and return the page that the answer leads to."""
    answer = sent(http, panelist, tool, **{"act": "publish"} | fields)
    assert answer.status_code == 303, answer.text
    return page(http, answer.headers["location"], headers=panelist)


def test_a_review_is_previewed_published_revised_and_withdrawn(http, panelist, persona, tool):
    tried = sent(http, panelist, tool, act="preview")
    assert (tried.status_code, tried.headers["cache-control"]) == (200, "private, no-store")
    seen = section(parsed(tried.text), "preview")
    assert "But <slowly>." in words(seen)
    assert "1 ship / 0 skip" in words(seen)
    assert "Not reviewed yet" in words(seen)
    kept = one(section(parsed(tried.text), "write"), "textarea").text
    assert kept == "It holds.\n\nBut <slowly>."
    assert stored(http, tool) == []

    hidden = {attribute(field, "name"): field.get("value") for field in named(seen, "input")}
    after = published(http, panelist, tool, **hidden)
    assert "Your review is published" in words(one(after, "main"))
    (review,) = stored(http, tool)
    assert (review["persona"], review["score"], review["choice"]) == (persona, 62, "ship")
    assert review["body"] == "It holds.\n\nBut <slowly>."

    revised = published(http, panelist, tool, score="55", choice="skip")
    history = [words(row) for row in named(section(revised, "history"), "li")]
    assert ["55/100 skip (now)" in history[0], "62/100 ship" in history[1]] == [True, True]
    gone = published(http, panelist, tool, act="withdraw")
    assert "withdrawn" in words(named(section(gone, "history"), "li")[0])
    assert stored(http, tool) == []
    assert "Write your review" in words(section(gone, "write"))


@pytest.mark.parametrize(
    ("score", "choice", "asks"),
    [
        ("10", "ship", True),
        ("29", "ship", True),
        ("30", "ship", False),
        ("70", "skip", False),
        ("71", "skip", True),
        ("0", "skip", False),
        ("100", "ship", False),
    ],
)
def test_a_score_that_contradicts_the_choice_is_asked_about_once(
    http, panelist, tool, score, choice, asks
):
    answer = sent(http, panelist, tool, act="publish", score=score, choice=choice)
    assert answer.status_code == (200 if asks else 303)
    assert len(stored(http, tool)) == (0 if asks else 1)
    if asks:
        seen = section(parsed(answer.text), "preview")
        assert "Is that what you mean?" in words(one(seen, "p", role="alert"))
        fields = {attribute(field, "name"): field.get("value") for field in named(seen, "input")}
        published(http, panelist, tool, **fields)
        assert [review["score"] for review in stored(http, tool)] == [int(score)]


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"score": "101"}, "0 to 100"),
        ({"score": ""}, "0 to 100"),
        ({"score": "7.5"}, "0 to 100"),
        ({"choice": "maybe"}, "ship or skip"),
        ({"body": "x" * 10_001}, "10,000"),
        ({"body": "a\x00b"}, "invisible"),
    ],
)
@pytest.mark.parametrize("act", ["preview", "publish"])
def test_what_is_no_review_is_given_back_with_the_reason(http, panelist, tool, act, wrong, hint):
    answer = sent(http, panelist, tool, act=act, **wrong)
    assert answer.status_code == 400
    tree = parsed(answer.text.replace("\x00", ""))
    assert hint in words(one(tree, "p", role="alert"))
    assert "invisible" in hint or wrong.get("body", "But <slowly>.") in words(one(tree, "textarea"))
    assert stored(http, tool) == []


def test_a_long_review_in_any_writing_is_taken(http, panelist, tool):
    published(http, panelist, tool, body="🚢" * 10_000)
    assert [len(review["body"]) for review in stored(http, tool)] == [10_000]


def test_each_panelist_sees_which_tools_wait_for_them(live_site, http, panelist, persona):
    done, waiting = new_tool(live_site), new_tool(live_site)
    other = SAME_ORIGIN | bearer(live_site, unique("pim"), "panelist", persona=unique("other"))
    published(http, panelist, done)

    def links(who, part, path="/panel"):
        found = named(section(page(http, path, headers=who), part), "a", class_="row-name")
        return [attribute(link, "href").removeprefix("/panel/") for link in found]

    assert links(panelist, "done") == [done]
    assert links(other, "done") == []
    assert waiting in links(panelist, "waiting")
    assert done not in links(panelist, "waiting")
    assert {done, waiting} <= set(links(other, "waiting"))
    total = http.get("/v1/tools", params={"limit": 1}).json()["total"]
    part = section(page(http, "/panel", headers=panelist), "waiting")
    assert f"{total - 1:,} tools" in words(part)


def test_all_waiting_tools_are_reached_page_by_page(http, panelist):
    found: list[str | None] = []
    path: str | None = "/panel"
    while path:
        tree = section(page(http, path, headers=panelist), "waiting")
        found += [link.get("href") for link in named(tree, "a", class_="row-name")]
        path = next((link.get("href") for link in named(tree, "a", rel="next")), None)
    assert len(found) == len(set(found)) >= 333


def test_the_panel_searches_the_tools_that_wait(http, panelist):
    published(http, panelist, "notion")
    tree = page(http, "/panel?q=notion", headers=panelist)
    links = [link.get("href") for link in named(tree, "a", class_="row-name")]
    assert links.count("/panel/notion") == 1  # among the panelist's reviews alone
    assert "/panel/notion" not in [
        link.get("href") for link in named(section(tree, "waiting"), "a")
    ]


def test_a_tool_that_is_not_listed_cannot_be_reviewed(http, panelist, admin, tool):
    http.delete(f"/v1/tools/{tool}", headers=admin)
    position = http.get("/health/ready").json()["head"]
    http.get("/v1/tools", params={"min_position": position})
    assert sent(http, panelist, tool, act="publish").status_code == 404
    assert http.get(f"/panel/{tool}", headers=panelist).status_code == 404
