"""A page without script: votes and bookmarks by forms."""

import httpx
import pytest

from tests.e2e.asking import bearer, browser, new_tool, unique
from tests.e2e.pages.reading import PAIR, named, one, page, words
from tests.site import SAME_ORIGIN


def vote(http: httpx.Client, tool: str, choice: str, **more: str) -> httpx.Response:
    return http.post(f"/tools/{tool}/vote", data={"choice": choice, **more}, headers=SAME_ORIGIN)


def shown(http: httpx.Client, answer: httpx.Response, tool: str) -> tuple[int, int, str | None]:
    """After a vote: the counts on the page that it leads to, and which choice is pressed."""
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].endswith("#vote")
    seen = http.get(answer.headers["location"])
    assert seen.headers["cache-control"] == "private, no-store"
    element = one(page(http, answer.headers["location"]), "ship-vote", tool=tool)
    buttons = {b.get("data-choice"): b for b in named(element, "button")}
    counts = {
        name: int(words(one(button, "span", part="count"))) for name, button in buttons.items()
    }
    pressed = [name for name, button in buttons.items() if button.get("aria-pressed") == "true"]
    return counts["ship"], counts["skip"], pressed[0] if pressed else None


def test_a_vote_is_cast_changed_and_taken_back(http, tool):
    before = http.get(f"/tools/{tool}")
    assert "set-cookie" not in before.headers
    first = vote(http, tool, "ship")
    assert "HttpOnly" in first.headers["set-cookie"]
    assert shown(http, first, tool) == (1, 0, "ship")
    assert http.get(f"/v1/tools/{tool}/tally").json()["ship"] == 1
    again = vote(http, tool, "ship")
    assert "set-cookie" not in again.headers
    assert shown(http, again, tool) == (1, 0, "ship")
    assert shown(http, vote(http, tool, "skip"), tool) == (0, 1, "skip")
    assert shown(http, vote(http, tool, "retract"), tool) == (0, 0, None)


def test_the_form_on_the_page_is_enough(http, tool):
    """What a browser without script would send, as the page itself says."""
    element = one(page(http, f"/tools/{tool}"), "ship-vote", tool=tool)
    form = one(element, "form")
    button = next(b for b in named(form, "button") if b.get("data-choice") == "skip")
    fields = {hidden.get("name"): hidden.get("value") for hidden in named(form, "input")}
    fields[button.get("name")] = button.get("value")
    answer = http.post(form.get("action"), data=fields, headers=SAME_ORIGIN)
    assert shown(http, answer, tool) == (0, 1, "skip")
    pressed = one(page(http, f"/tools/{tool}"), "button", aria_pressed="true")
    fields[pressed.get("name")] = pressed.get("value")
    answer = http.post(form.get("action"), data=fields, headers=SAME_ORIGIN)
    assert shown(http, answer, tool) == (0, 0, None)


def test_it_leads_back_to_the_page_that_it_was_on(http):
    answer = vote(http, "mistral-3-small", "skip", next=f"{PAIR}?min_position=3")
    location = httpx.URL(answer.headers["location"])
    assert (location.path, location.fragment) == (PAIR, "vote")
    assert int(location.params["min_position"]) > 3
    assert len(location.params) == 1


def test_two_visitors_are_two_votes(live_site, tool):
    for number, choice in enumerate(("ship", "ship", "skip"), 1):
        with browser(live_site.url) as somebody:
            ship, skip, mine = shown(somebody, vote(somebody, tool, choice), tool)
            assert (ship + skip, mine) == (number, choice)


def test_taking_back_what_is_not_there_makes_no_visitor(http, tool):
    answer = vote(http, tool, "retract")
    assert answer.status_code == 303
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "evil",
        "/a\r\nSet-Cookie: x=1",
        "/\tevil",
        " /",
        "/%s" % ("x" * 3_000),
        "/é",
    ],
)
def test_next_leads_nowhere_else(http, tool, target):
    answer = vote(http, tool, "ship", next=target)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert http.get(f"/v1/tools/{tool}/tally").json()["total"] == 0


def test_wrong_forms_are_told_and_never_break(http, tool):
    def post(content: bytes, kind: str = "application/x-www-form-urlencoded") -> int:
        headers = SAME_ORIGIN | {"Content-Type": kind}
        answer = http.post(f"/tools/{tool}/vote", content=content, headers=headers)
        assert "text/html" in answer.headers["content-type"]
        return answer.status_code

    assert post(b"") == 400
    assert post(b"choice=") == 400
    assert post(b"choice=maybe") == 400
    assert post(b"choice=SHIP") == 400
    assert post(b"choice=ship&choice=skip") == 400
    assert post(b"choice=%ff") == 400
    assert post(b"choice=\xff") == 400
    assert post(b"&".join(b"f%d=1" % n for n in range(50))) == 400
    assert post(b'{"choice": "ship"}', "application/json") == 415
    assert post(b"choice=ship", "text/plain") == 415
    assert post(b"choice=ship&x=" + b"x" * 17_000) == 413
    assert http.get(f"/v1/tools/{tool}/tally").json()["total"] == 0


def test_an_unknown_tool_is_not_found(http):
    for slug in (unique("nothing"), "UPPER", "a%00b", "%E2%80%AE"):
        assert vote(http, slug, "ship").status_code == 404


def test_a_form_s_address_is_not_a_page(http, tool):
    tree = page(http, f"/tools/{tool}/vote", 405, headers={"Accept": "text/html"})
    assert "only for forms" in words(one(tree, "main"))


def test_a_bookmark_needs_an_account(http, tool):
    answer = http.post(f"/tools/{tool}/bookmark", data={"bookmarked": "yes"}, headers=SAME_ORIGIN)
    assert answer.status_code == 401
    assert "text/html" in answer.headers["content-type"]
    tree = page(http, "/bookmarks")
    assert "not logged in" in words(one(tree, "main"))


def test_a_user_keeps_and_removes_a_bookmark(live_site, http, tool):
    user = bearer(live_site, unique("reader"))

    def send(answer: str) -> httpx.Response:
        data = {"bookmarked": answer, "next": "/bookmarks"}
        return http.post(f"/tools/{tool}/bookmark", data=data, headers=SAME_ORIGIN | user)

    assert "Nothing kept yet" in words(page(http, "/bookmarks", headers=user))
    kept = send("yes")
    assert (kept.status_code, kept.headers["location"]) == (303, "/bookmarks")
    assert tool in words(one(page(http, "/bookmarks", headers=user), "li", class_="mark"))
    assert send("no").status_code == 303
    assert "Nothing kept yet" in words(page(http, "/bookmarks", headers=user))
    assert send("perhaps").status_code == 400


def test_a_form_leaves_what_was_written_beside_a_bookmark(live_site, http, tool):
    user = bearer(live_site, unique("reader"))
    kept = {"note": "Mine", "tags": ["one"], "collection": None}
    http.put(f"/v1/me/bookmarks/{tool}", json=kept, headers=user)
    data = {"bookmarked": "yes"}
    assert http.post(f"/tools/{tool}/bookmark", data=data, headers=SAME_ORIGIN | user)
    (still,) = http.get("/v1/me/bookmarks", headers=user).json()["bookmarks"]
    assert (still["note"], still["tags"]) == ("Mine", ["one"])


def test_a_login_by_cookie_shows_what_is_the_user_s(live_site, guarded):
    subject = unique("reader")
    claims = {"iss": "https://login.example.com", "aud": "votes"}
    token = bearer(live_site, subject, **claims)["Authorization"].removeprefix("Bearer ")
    tool = new_tool(live_site)
    with browser(guarded) as http:
        http.cookies.set("session", token)
        assert vote(http, tool, "ship").status_code == 303
        data = {"bookmarked": "yes"}
        http.post(f"/tools/{tool}/bookmark", data=data, headers=SAME_ORIGIN)
        tree = page(http, "/bookmarks")
        assert subject in words(one(tree, "main"))
        assert tool in words(one(tree, "main"))
    with browser(guarded) as http:
        http.cookies.set("session", "old")
        page(http, f"/tools/{tool}")
        assert "login has ended" in words(page(http, "/bookmarks"))
