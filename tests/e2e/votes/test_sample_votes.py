"""A demo begins with a history of sample votes, and says so."""

import re
from collections.abc import Iterator

import pytest

from tests.e2e.asking import browser, get
from tests.polling import wait_for
from tests.site import Site, site
from votes.demo import reviews
from votes.demo.samples import CROWD_VOTERS, HISTORY, RING_RANKS, RING_VOTERS, samples

NOTE = "Most votes here are made up"


@pytest.fixture(scope="module")
def demo() -> Iterator[Site]:
    with site(anew=True, samples=True) as running:
        yield running


def test_samples_are_the_same_each_time_and_one_of_a_voter_on_a_tool():
    votes = samples()
    assert votes == samples()
    assert len({(vote.tool, vote.voter) for vote in votes}) == len(votes)
    ages = [vote.age for vote in votes]
    assert ages == sorted(ages, reverse=True)
    assert ages[0] < HISTORY
    assert not {vote.tool for vote in votes} & {review.tool for review in reviews()}


def test_each_list_and_each_call_has_tools(demo: Site):
    with browser(demo.url) as http:
        for sort in ("top", "trending", "controversial"):
            first = http.get("/v1/tools", params={"sort": sort, "limit": 6}).json()["tools"]
            assert min(tool["community"]["total"] for tool in first) > 10
        for call in ("ship", "skip", "split", "too_early"):
            found = http.get("/v1/tools", params={"call": call, "limit": 100}).json()["tools"]
            assert found, call
        for review in reviews():
            assert http.get(f"/v1/tools/{review.tool}/tally").json()["total"] == 0


def test_home_offers_close_calls_and_says_what_there_is(demo: Site):
    text = get(demo.url).text
    shares = re.findall(r"(\d+)% and (\d+)% would ship", text)
    assert len(shares) >= 5
    assert all(abs(int(a) - int(b)) <= 2 for a, b in shares)
    assert "333 tools, 2 with a panel" in text


def test_a_trend_has_days_and_no_vote_is_older_than_its_tool(demo: Site):
    tool = "adobe-xd"
    with browser(demo.url) as http:
        listed = http.get(f"/v1/tools/{tool}").json()["listed_at"]
        trend = http.get(f"/v1/tools/{tool}/trend", params={"bucket": "day"}).json()["buckets"]
        busy = [bucket for bucket in trend if bucket["ship"] or bucket["skip"]]
        assert len(busy) > 10
        assert listed < min(bucket["at"] for bucket in busy)


def test_the_scan_finds_the_one_hand_and_nobody_else(demo: Site):
    headers = demo.token("mo", "moderator")
    with browser(demo.url) as http:
        http.headers.update(headers)
        wait_for(lambda: http.get("/v1/moderation/queue").json()["clusters"], "the scan")
        queue = http.get("/v1/moderation/queue").json()
        (ring,) = queue["clusters"]
        assert (ring["voters"], len(ring["tools"])) == (RING_VOTERS, len(RING_RANKS))
        (crowd,) = queue["tools"]
        assert (crowd["tally"]["held"], crowd["tally"]["under_review"]) == (CROWD_VOTERS, True)


def test_pages_say_that_votes_are_samples_also_after_a_start_without_the_demo(demo: Site):
    with browser(demo.url) as http:
        for path in ("/", "/?sort=top", f"/tools/{samples()[0].tool}", "/compare"):
            assert NOTE in http.get(path).text
        before = http.get("/v1/tools/invideo-ai/tally").json()
    demo.stop()
    demo.start("--demo")
    demo.stop()
    demo.start()
    with browser(demo.url) as http:
        assert http.get("/v1/tools/invideo-ai/tally").json() == before
        assert NOTE in http.get("/").text


def test_a_site_without_samples_says_nothing_of_any(live_site: Site):
    assert NOTE not in get(live_site.url).text
