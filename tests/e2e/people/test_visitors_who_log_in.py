"""A visitor who logs in has one vote with the user, by every road and through every process."""

from collections.abc import Iterator
from random import Random

import httpx
import pytest

from tests.e2e.asking import (
    api_beside,
    authorization,
    bearer,
    browser,
    get,
    head,
    new_tool,
    problem,
    unique,
    visitor_token,
)
from tests.site import Site


@pytest.fixture(scope="module")
def urls(live_site: Site) -> Iterator[tuple[str, str]]:
    """Two API processes."""
    with api_beside(live_site) as beside:
        yield live_site.url, beside


@pytest.fixture
def ada(live_site):
    return bearer(live_site, unique("ada"))


def vote(http, tool, choice, who=None, url=""):
    if choice is None:
        answer = http.delete(f"{url}/v1/tools/{tool}/vote", headers=who)
    else:
        body = {"choice": choice}
        answer = http.put(f"{url}/v1/tools/{tool}/vote", json=body, headers=who)
    assert answer.status_code == 200, answer.text
    return answer.json()


def tally(url, tool, position):
    said = get(f"{url}/v1/tools/{tool}/tally?min_position={position}").json()
    return said["ship"], said["skip"]


def mine(http, tool, who=None, url=""):
    return http.get(f"{url}/v1/me/state?tools={tool}", headers=who).json()[tool]["vote"]


def seen(site, tool, who):
    """The user's vote, as another browser shows it."""
    with browser(site.url) as http:
        return mine(http, tool, who)


def elsewhere(site, tool, choice, who):
    """The user votes in another browser."""
    with browser(site.url) as http:
        return vote(http, tool, choice, who)


def link(http, who, token=None, **headers):
    body = {"visitor": token} if token is not None else None
    if body is None:
        return http.post("/v1/me/link", headers=who | headers)
    return http.post("/v1/me/link", json=body, headers=who | headers)


def test_a_link_takes_over_the_votes_of_the_cookie(live_site, http, ada):
    tools = [new_tool(live_site) for _ in range(3)]
    elsewhere(live_site, tools[0], "ship", ada)
    for tool in tools:
        vote(http, tool, "skip")
    elsewhere(live_site, tools[2], "ship", ada)
    said = link(http, ada)
    assert said.headers["cache-control"] == "private, no-store"
    assert (said.json()["linked"], said.json()["votes"]) == (True, 2)
    assert link(http, ada).json() == said.json()
    counted = [tally(live_site.url, tool, said.json()["position"]) for tool in tools]
    assert counted == [(0, 1), (0, 1), (1, 0)]
    assert [seen(live_site, tool, ada) for tool in tools] == ["skip", "skip", "ship"]


def test_a_page_on_another_origin_sends_the_token(live_site, http, tool, ada):
    token = visitor_token(http)
    visitor = authorization(token, "Visitor")
    with browser(live_site.url) as other:
        vote(other, tool, "ship", visitor)
        made = link(other, ada, token).json()
        assert (made["linked"], made["votes"]) == (True, 1)
        later = vote(other, tool, "skip", visitor)
        assert (later["previous"], later["choice"]) == ("ship", "skip")
        assert tally(live_site.url, tool, later["position"]) == (0, 1)
        assert mine(other, tool, ada) == mine(other, tool, visitor) == "skip"


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.1.b"])
def test_a_token_that_is_not_ours_is_refused(http, ada, token):
    problem(link(http, ada, token), 400, "invalid_body")


def test_without_a_visitor_there_is_nothing_to_link(live_site, ada):
    with browser(live_site.url) as http:
        assert link(http, ada).json() == {
            "linked": False,
            "votes": 0,
            "position": 0,
            "link": None,
        }
        assert "set-cookie" not in link(http, ada).headers


def test_only_a_user_can_link(http):
    token = visitor_token(http)
    problem(link(http, authorization(token, "Visitor"), token), 401, "not_authenticated")


def test_a_key_is_for_one_link(live_site, http, ada):
    first, second = visitor_token(http), visitor_token(http)
    key = {"Idempotency-Key": unique("key")}
    made = link(http, ada, first, **key)
    assert link(http, ada, first, **key).json() == made.json()
    problem(link(http, ada, second, **key), 422, "idempotency_key_reused")


def test_a_key_of_a_vote_is_the_same_one_after_the_link(http, tool, ada):
    key = {"Idempotency-Key": unique("key")}
    first = vote(http, tool, "ship", key)
    link(http, ada)
    assert vote(http, tool, "ship", key) == first
    answer = http.put(f"/v1/tools/{tool}/vote", json={"choice": "skip"}, headers=key)
    problem(answer, 422, "idempotency_key_reused")


def test_the_first_look_at_what_is_mine_links_by_itself(live_site, http, tool, ada):
    cast = vote(http, tool, "ship")
    assert mine(http, tool, ada) == "ship"
    assert seen(live_site, tool, ada) == "ship"
    assert tally(live_site.url, tool, cast["position"]) == (1, 0)
    assert [one["tool"] for one in http.get("/v1/me/votes", headers=ada).json()["votes"]] == [tool]


def test_a_page_shows_it_pressed(live_site, http, tool, ada):
    vote(http, tool, "ship")
    shown = http.get(f"/tools/{tool}", headers=ada)
    assert 'aria-pressed="true"' in shown.text
    assert seen(live_site, tool, ada) == "ship"


@pytest.mark.parametrize(
    "path", ["/", "/v1/tools", "/v1/me", "/v1/tools/{tool}/tally", "/feed.xml"]
)
def test_what_is_the_same_for_all_links_nobody(live_site, http, tool, ada, path):
    vote(http, tool, "ship")
    assert http.get(path.format(tool=tool), headers=ada).status_code == 200
    assert seen(live_site, tool, ada) is None


def test_a_vote_links_before_it_counts(live_site, http, ada):
    tool, other = new_tool(live_site), new_tool(live_site)
    vote(http, tool, "ship")
    cast = vote(http, other, "skip", ada)
    assert tally(live_site.url, tool, cast["position"]) == (1, 0)
    assert seen(live_site, tool, ada) == "ship"
    again = vote(http, tool, "skip", ada)
    assert (again["previous"], tally(live_site.url, tool, again["position"])) == ("ship", (0, 1))


def test_a_form_links_too(live_site, http, tool, ada):
    same = {"Sec-Fetch-Site": "same-origin"}
    http.post(f"/tools/{tool}/vote", data={"choice": "ship"}, headers=same)
    http.post(f"/tools/{tool}/vote", data={"choice": "skip"}, headers=same | ada)
    answer = http.post(f"/tools/{tool}/vote", data={"choice": "ship"}, headers=same)
    position = httpx.URL(answer.headers["location"]).params["min_position"]
    assert tally(live_site.url, tool, position) == (1, 0)


def test_logged_out_it_is_still_the_persons_vote(live_site, http, tool, ada):
    vote(http, tool, "ship")
    link(http, ada)
    assert mine(http, tool) == "ship"
    assert [one["choice"] for one in http.get("/v1/me/votes").json()["votes"]] == ["ship"]
    gone = vote(http, tool, None)
    assert (gone["previous"], tally(live_site.url, tool, gone["position"])) == ("ship", (0, 0))
    assert seen(live_site, tool, ada) is None


def test_bookmarks_are_shown_to_nobody_who_is_logged_out(http, tool, ada):
    vote(http, tool, "ship")
    link(http, ada)
    http.put(f"/v1/me/bookmarks/{tool}", headers=ada)
    assert http.get(f"/v1/me/state?tools={tool}", headers=ada).json()[tool]["bookmarked"]
    assert not http.get(f"/v1/me/state?tools={tool}").json()[tool]["bookmarked"]


def test_an_imported_vote_of_a_linked_visitor_is_refused(live_site, http, tool, ada, tmp_path):
    vote(http, tool, "ship")
    visitor = http.get("/v1/me").json()["id"]
    link(http, ada)
    rows = tmp_path / "votes.csv"
    rows.write_text(f"tool,voter,choice,at\n{tool},visitor:{visitor},skip,2026-01-01T00:00:00Z\n")
    done = live_site.votes("import", "votes", str(rows))
    assert done.returncode == 1
    assert "the votes are the user's" in done.stdout + done.stderr
    assert mine(http, tool) == "ship"


def test_random_acts_in_two_processes_leave_one_vote_a_person(live_site, urls):
    """Ann has two browsers, Bob has one; the newest act of a person is the person's vote."""
    random, tool = Random(1), new_tool(live_site)
    owners = ["ann", "ann", "bob"]
    logins = {name: bearer(live_site, unique(name)) for name in owners}
    acts: dict[str, tuple[int, str | None]] = {}
    known: set[int] = set()
    with browser() as one, browser() as two, browser() as three:
        for turn in range(200):
            url, number = random.choice(urls), random.randrange(3)
            http, owner = (one, two, three)[number], owners[number]
            who = logins[owner] if random.random() < 0.4 else None
            if who is not None and http.cookies:  # which a browser gets with its first vote
                known.add(number)
                there = acts.pop(f"browser {number}", None)
                if there is not None and there > acts.get(owner, (-1, None)):
                    acts[owner] = there
            voter = owner if number in known else f"browser {number}"
            if random.random() < 0.2:
                assert mine(http, tool, who, url) == acts.get(voter, (0, None))[1]
                continue
            choice = random.choice(("ship", "skip", None))
            said = vote(http, tool, choice, who, url)
            if choice is not None or said["changed"]:
                acts[voter] = turn, choice
            choices = [chosen for _, chosen in acts.values()]
            counted = tally(url, tool, head(live_site))  # a look may have linked since
            assert counted == (choices.count("ship"), choices.count("skip"))
    assert len(known) == 3
    assert sum(counted) <= 2
