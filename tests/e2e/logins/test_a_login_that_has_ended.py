"""Who logged in yesterday can vote today: the cookie of a login that has ended is as good as none,
and the answers say so."""

import pytest

from tests.e2e.asking import bearer, browser, get, problem
from tests.e2e.conftest import AUDIENCE, ISSUER

GOOD = {"iss": ISSUER, "aud": AUDIENCE}
ENDED = "Your login has ended"


def login(site, subject: str, **claims) -> str:
    header = bearer(site, subject, **{**GOOD, **claims})
    return header["Authorization"].removeprefix("Bearer ")


@pytest.fixture(params=["expired", "bent", "signed for others"])
def ended(request, live_site) -> str:
    """A login's cookie that is not valid."""
    return {
        "expired": login(live_site, "ada", exp=1),
        "bent": login(live_site, "ada") + "x",
        "signed for others": login(live_site, "ada", aud="elsewhere"),
    }[request.param]


def test_a_vote_counts_as_that_of_the_visitor(guarded, tool, ended):
    with browser(guarded) as http:
        http.cookies.set("session", ended)
        answers = [
            http.put(f"/v1/tools/{tool}/vote", json={"choice": choice})
            for choice in ("ship", "skip", "skip")
        ]
        me = http.get("/v1/me").json()
        assert (me["kind"], me["login_ended"]) == ("visitor", True)
        seen = {"min_position": answers[-1].json()["position"]}
        tally = http.get(f"/v1/tools/{tool}/tally", params=seen).json()
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert (tally["ship"], tally["skip"]) == (0, 1)


def test_pages_tell_it_and_are_kept_by_nobody(guarded, tool, ended):
    for path in (f"/tools/{tool}", "/compare/asana-vs-notion", "/bookmarks"):
        answer = get(guarded + path, headers={"Cookie": f"session={ended}"})
        assert ENDED in answer.text
        assert answer.headers["cache-control"] == "private, no-store"
        assert ENDED not in get(guarded + path).text


def test_what_needs_a_login_says_that_it_has_ended(guarded, ended):
    answer = get(f"{guarded}/v1/me/bookmarks", headers={"Cookie": f"session={ended}"})
    assert ENDED in problem(answer, 401, "not_authenticated")["detail"]


def test_nobody_else_is_told_so(live_site, guarded):
    assert get(f"{guarded}/v1/me").json()["login_ended"] is False
    good = {"Cookie": f"session={login(live_site, 'ada')}"}
    me = get(f"{guarded}/v1/me", headers=good).json()
    assert (me["kind"], me["login_ended"]) == ("user", False)


def test_a_bad_header_is_refused_whatever_the_cookies(live_site, guarded, ended):
    good = {"Cookie": f"session={login(live_site, 'ada')}"}
    answer = get(f"{guarded}/v1/me", headers={**good, "Authorization": f"Bearer {ended}"})
    problem(answer, 401, "token_invalid")
