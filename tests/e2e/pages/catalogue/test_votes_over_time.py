"""The trend: counted against the votes that were put in."""

import csv
import io
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx

from tests.e2e.asking import get, new_tool, problem
from tests.e2e.pages.reading import named, one, page, words
from votes.app.catalogue.trend import BUCKETS_MAX

DAY = timedelta(days=1)
SEED = 20_260_131
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

Vote = tuple[str, str, datetime]
"""Voter, choice, time."""


def imported(live_site, tool: str, votes: list[Vote]) -> None:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("tool", "voter", "choice", "at"))
    rows.writerows((tool, voter, choice, at.isoformat()) for voter, choice, at in votes)
    file = live_site.data_dir.parent / f"{tool}.csv"
    file.write_text(text.getvalue())
    done = live_site.votes("import", "votes", str(file))
    assert done.returncode == 0, done.stderr
    head = get(f"{live_site.url}/health/ready").json()["head"]
    seen = {"min_position": head}
    assert get(f"{live_site.url}/v1/tools/{tool}", params=seen).status_code == 200


def some_votes() -> list[Vote]:
    """Votes of the last 50 days, some voters changing their minds, in the order of time."""
    rng = random.Random(SEED)
    times = sorted(TODAY - timedelta(seconds=rng.randrange(50 * 24 * 3600)) for _ in range(120))
    return [
        (f"voter-{rng.randrange(80)}", "ship" if rng.random() < 0.6 else "skip", at) for at in times
    ]


def counted(votes: list[Vote], width: timedelta, start: datetime, end: datetime):
    """By hand: for each bucket, what then stood, and by how much that is more than before."""
    stands: dict[str, str] = {}
    answer, number, at = [], 0, start
    while number < len(votes) and votes[number][2] < start:
        stands[votes[number][0]] = votes[number][1]
        number += 1
    while at < end:
        before = Counter(stands.values())
        while number < len(votes) and votes[number][2] < at + width:
            voter, choice, _ = votes[number]
            stands[voter] = choice
            number += 1
        total = Counter(stands.values())
        more = total["ship"] - before["ship"], total["skip"] - before["skip"]
        answer.append((*more, total["ship"], total["skip"]))
        at += width
    return answer


def buckets(answer: httpx.Response) -> list[tuple[int, int, int, int]]:
    assert answer.status_code == 200, answer.text
    names = ("ship", "skip", "ship_total", "skip_total")
    return [tuple(bucket[name] for name in names) for bucket in answer.json()["buckets"]]


def asked(start: datetime, end: datetime, bucket: str) -> dict[str, str]:
    return {"from": start.isoformat(), "to": end.isoformat(), "bucket": bucket}


def test_days_and_hours_count_what_was_voted(live_site, http, tool):
    votes = some_votes()
    imported(live_site, tool, votes)
    for bucket, width, start, end in (
        ("day", DAY, TODAY - 60 * DAY, TODAY + DAY),
        ("day", DAY, TODAY - 20 * DAY, TODAY - 3 * DAY),
        ("hour", DAY / 24, TODAY - 20 * DAY, TODAY - 3 * DAY),
    ):
        answer = http.get(f"/v1/tools/{tool}/trend", params=asked(start, end, bucket))
        assert buckets(answer) == counted(votes, width, start, end)
    tally = http.get(f"/v1/tools/{tool}/tally").json()
    whole = http.get(f"/v1/tools/{tool}/trend", params=asked(TODAY - 60 * DAY, TODAY + DAY, "day"))
    assert whole.json()["position"] == tally["position"]
    assert buckets(whole)[-1][2:] == (tally["ship"], tally["skip"])


def test_votes_that_were_imported_late_are_counted_when_they_were_cast(live_site, http, tool):
    imported(live_site, tool, [("a", "ship", TODAY - DAY)])
    imported(live_site, tool, [("b", "skip", TODAY - 3 * DAY)])
    answer = http.get(f"/v1/tools/{tool}/trend", params=asked(TODAY - 4 * DAY, TODAY + DAY, "day"))
    assert buckets(answer) == [
        *((0, 0, 0, 0), (0, 1, 0, 1), (0, 0, 0, 1), (1, 0, 1, 1), (0, 0, 1, 1)),
    ]


def test_without_a_range_it_is_the_last_30_days_or_48_hours(http, tool):
    http.put(f"/v1/tools/{tool}/vote", json={"choice": "skip"})
    position = http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"}).json()["position"]
    for bucket, number in (("day", 30), ("hour", 48)):
        params = {"bucket": bucket, "min_position": position}
        answer = http.get(f"/v1/tools/{tool}/trend", params=params)
        said = answer.json()
        assert (said["tool"], said["bucket"], said["position"]) == (tool, bucket, position)
        assert len(said["buckets"]) == number
        ship, skip, *_ = map(sum, zip(*buckets(answer), strict=True))
        assert (ship, skip, *buckets(answer)[-1][2:]) == (1, 0, 1, 0)  # an hour may end meanwhile
    assert http.get(f"/v1/tools/{tool}/trend").json()["bucket"] == "day"


def test_a_range_is_made_of_whole_buckets(http, tool):
    params = {"from": "2026-01-31T12:30:00+01:00", "to": "2026-01-31T12:30:01Z", "bucket": "hour"}
    said = http.get(f"/v1/tools/{tool}/trend", params=params).json()
    assert [b["at"] for b in said["buckets"]] == ["2026-01-31T11:00:00Z", "2026-01-31T12:00:00Z"]


def test_it_is_known_again_until_a_vote_or_another_range(http, tool):
    position = http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"}).json()["position"]
    path = f"/v1/tools/{tool}/trend"
    first = http.get(path, params={"min_position": position})
    kept = {"If-None-Match": first.headers["etag"]}
    assert http.get(path, headers=kept).status_code == 304
    assert http.get(path, params={"bucket": "hour"}, headers=kept).status_code == 200
    position = http.delete(f"/v1/tools/{tool}/vote").json()["position"]
    assert http.get(path, params={"min_position": position}, headers=kept).status_code == 200


def test_wrong_ranges_are_refused(http, tool):
    path = f"/v1/tools/{tool}/trend"
    for params in (
        {"bucket": "week"},
        {"from": "yesterday"},
        {"from": "2026-01-31T12:00:00"},
        {"from": "2026-01-31T12:00:00Z", "to": "2026-01-31T12:00:00Z"},
        {"from": "2026-01-31T12:00:00Z", "to": "2026-01-30T12:00:00Z"},
        {"from": "2020-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
        {"from": "0001-01-01T00:00:00Z", "to": "0001-01-01T00:00:01+14:00"},
        {"to": "0001-01-01T00:00:00Z"},
        {"from": "9999-12-31T23:59:59Z"},
        {"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T23:59:59Z", "bucket": "hour"},
        {"from": "x" * 100},
    ):
        problem(http.get(path, params=params), 400, "invalid_parameter")
    most = asked(TODAY - (BUCKETS_MAX - 1) * DAY, TODAY + DAY, "day")
    assert len(buckets(http.get(path, params=most))) == BUCKETS_MAX
    more = asked(TODAY - BUCKETS_MAX * DAY, TODAY + DAY, "day")
    problem(http.get(path, params=more), 400, "invalid_parameter")
    problem(http.get("/v1/tools/nothing-of-this-name/trend"), 404, "tool_unknown")


def test_the_page_draws_it_and_tells_it_in_numbers(live_site, http):
    tool = new_tool(live_site)
    imported(live_site, tool, [("a", "ship", TODAY - DAY), ("b", "skip", TODAY - 5 * DAY)])
    tree = page(http, f"/tools/{tool}")
    chart = one(tree, "figure", class_="trend")
    assert len(named(chart, "rect", class_="bar-ship")) == 1
    assert len(named(chart, "rect", class_="bar-skip")) == 1
    assert "1 ship above the line, 1 skip below it" in words(one(chart, "title"))
    rows = [[words(cell) for cell in row] for row in one(tree, "details").iter("tr")]
    assert [row[1:] for row in rows[1:]] == [["1", "0", "1 : 1"], ["0", "1", "0 : 1"]]
