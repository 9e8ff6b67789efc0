"""Votes over HTTP, and the tallies that come of them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.e2e.asking import head, new_tool, problem, put, unique
from tests.e2e.shapes import READY, TALLIES, TALLY, VOTE, check_shape


def vote(url: str, tool: str, choice: str) -> dict:
    """The vote of somebody new."""
    answer = put(f"{url}/v1/tools/{tool}/vote", json={"choice": choice})
    assert answer.status_code == 200
    return answer.json()


def test_a_vote_is_cast_kept_changed_and_taken_back(http, tool):
    path = f"/v1/tools/{tool}/vote"
    answers = [
        http.put(path, json={"choice": "ship"}),
        http.put(path, json={"choice": "ship"}),
        http.put(path, json={"choice": "skip"}),
        http.delete(path),
        http.delete(path),
    ]
    said = [answer.json() for answer in answers]
    for one in said:
        check_shape(one, VOTE)
    assert [(one["choice"], one["previous"], one["changed"]) for one in said] == [
        ("ship", None, True),
        ("ship", "ship", False),
        ("skip", "ship", True),
        (None, "skip", True),
        (None, None, False),
    ]
    positions = [one["position"] for one in said]
    assert positions == sorted(positions)
    assert (positions[0], positions[3]) == (positions[1], positions[4])


def test_a_voter_sees_their_own_vote(http, tool):
    last = http.put(f"/v1/tools/{tool}/vote", json={"choice": "skip"}).json()["position"]
    seen = {"min_position": last}
    tally = http.get(f"/v1/tools/{tool}/tally", params=seen).json()
    check_shape(tally, TALLY)
    assert (tally["ship"], tally["skip"], tally["total"], tally["ship_share"]) == (0, 1, 1, 0.0)
    assert (tally["call"], tally["leaning"], tally["stale"]) == ("too_early", "skip", False)
    assert tally["position"] == last
    assert http.get(f"/v1/tools/{tool}", params=seen).json()["community"] == tally


def test_a_tool_without_votes_has_an_empty_tally(http, tool):
    tally = http.get(f"/v1/tools/{tool}/tally").json()
    check_shape(tally, TALLY)
    assert (tally["ship"], tally["skip"], tally["total"], tally["call"]) == (0, 0, 0, "none")
    assert (tally["ship_share"], tally["leaning"], tally["interval"]) == (None, None, None)


def test_nine_of_nine_is_a_call_and_eight_of_eight_is_not(http, live_site, tool):
    for _ in range(8):
        last = vote(live_site.url, tool, "ship")["position"]
    path = f"/v1/tools/{tool}/tally"
    assert http.get(path, params={"min_position": last}).json()["call"] == "too_early"
    last = vote(live_site.url, tool, "ship")["position"]
    tally = http.get(path, params={"min_position": last}).json()
    assert (tally["call"], tally["leaning"], tally["ship_share"]) == ("ship", None, 1.0)
    low, high = tally["interval"]
    assert 0.5 < low < high <= 1.0


def test_a_tally_is_told_as_it_was_at_each_position(http, live_site, tool):
    path = f"/v1/tools/{tool}/tally"
    votes = [vote(live_site.url, tool, choice) for choice in ("ship", "skip", "ship")]
    for number, one in enumerate(votes, start=1):
        then = http.get(path, params={"at": one["position"], "min_position": one["position"]})
        check_shape(then.json(), TALLY)
        assert (then.json()["total"], then.json()["position"]) == (number, one["position"])
    before = http.get(path, params={"at": votes[0]["position"] - 1}).json()
    assert (before["total"], before["call"]) == (0, "none")
    now = http.get(path).json()
    assert http.get(path, params={"at": head(live_site)}).json() == now
    assert http.get(path, params={"at": 2**63 - 1}).json() == now


@pytest.mark.parametrize("hours", [0, 2, -5])
def test_a_tally_is_told_as_it_was_at_a_time_of_any_zone(http, live_site, tool, hours):
    path, zone = f"/v1/tools/{tool}/tally", timezone(timedelta(hours=hours))
    last = vote(live_site.url, tool, "ship")["position"]
    at = datetime.fromisoformat(
        http.get(path, params={"min_position": last}).json()["as_of"]
    ).astimezone(zone)
    earlier = at - timedelta(seconds=1)
    assert http.get(path, params={"at": at.isoformat()}).json()["total"] == 1
    assert http.get(f"{path}?at={at.isoformat()}").json()["total"] == 1  # its + is a space then
    assert http.get(path, params={"at": earlier.isoformat()}).json()["total"] == 0
    assert http.get(path, params={"at": "1970-01-01T00:00:00Z"}).json()["total"] == 0


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:60Z"]
)
def test_a_time_outside_of_all_years_is_refused(http, tool, at):
    answer = http.get(f"/v1/tools/{tool}/tally", params={"at": at})
    problem(answer, 400, "invalid_parameter")


def test_the_first_and_the_last_year_can_be_asked_for(http, live_site, tool):
    path = f"/v1/tools/{tool}/tally"
    last = vote(live_site.url, tool, "ship")["position"]
    end = {"at": "9999-12-31T23:59:59Z", "min_position": last}
    assert http.get(path, params={"at": "0001-01-01T00:00:00Z"}).json()["total"] == 0
    assert http.get(path, params=end).json()["total"] == 1


def test_many_tallies_come_in_the_order_asked_for_each_once(http, live_site):
    one, two = new_tool(live_site), new_tool(live_site)
    answer = http.get("/v1/tallies", params={"tools": f"{two},{one},{two}"}).json()
    check_shape(answer, TALLIES)
    assert [tally["tool"] for tally in answer["tallies"]] == [two, one]
    assert answer["tallies"][1] == http.get(f"/v1/tools/{one}/tally").json()


def test_a_hundred_tallies_are_told_and_one_more_is_refused(http):
    page = http.get("/v1/tools", params={"limit": 100, "sort": "new"}).json()
    slugs = [tool["slug"] for tool in page["tools"]]
    assert len(http.get("/v1/tallies", params={"tools": ",".join(slugs)}).json()["tallies"]) == 100
    more = http.get("/v1/tallies", params={"tools": ",".join([*slugs, "notion-not"])})
    problem(more, 400, "invalid_parameter")


def test_one_unknown_tool_refuses_the_whole_list_and_is_named(http):
    unknown = unique("tool")
    answer = http.get("/v1/tallies", params={"tools": f"notion,{unknown}"})
    assert unknown in problem(answer, 404, "tool_unknown")["detail"]


def test_health_says_what_is_well(http, live_site, tool):
    last = vote(live_site.url, tool, "ship")["position"]
    ready = http.get("/health/ready").json()
    check_shape(ready, READY)
    assert (ready["status"], ready["postgres"], ready["read_models"]) == ("ok", True, True)
    assert last <= ready["head"] <= head(live_site)
    live = http.get("/health/live").json()
    assert live == {"status": "ok", "version": ready["version"]}


def test_a_time_of_now_counts_what_is_there_now(http, live_site, tool):
    last = vote(live_site.url, tool, "skip")["position"]
    at = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    answer = http.get(f"/v1/tools/{tool}/tally", params={"at": at, "min_position": last})
    assert answer.json()["skip"] == 1
