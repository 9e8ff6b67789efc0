"""`votes export`: what the log holds, as files that can be read again."""

import csv
import io
import json

from tests.e2e.asking import bearer, get, head, new_tool, put, unique
from tests.e2e.shapes import TALLY, check_shape
from tests.site import Site

NOTES = [
    {
        "note": 'a "quoted", line\nand another',
        "tags": ["a b", "c;d"],
        "collection": "work_-9",
        "rank": "V1",
    },
    {"note": "=1+1", "tags": ["[x]", "y"]},
    {"note": "😀 ünï", "tags": ['["z"]']},
    {"tags": ["one"]},
    {"note": "null", "tags": ["null"]},
    {"note": " spaces "},
    {},
]


def export(site: Site, *arguments: str) -> str:
    told = site.votes("export", *arguments)
    assert told.returncode == 0, told.stderr
    return told.stdout


def bookmarks(site: Site, user: str) -> list[dict]:
    page = get(f"{site.url}/v1/me/bookmarks", headers=bearer(site, user), params={"sort": "name"})
    return [
        {
            key: value
            for key, value in one.items()
            if key in ("tool", "note", "tags", "collection", "rank", "added_at")
        }
        for one in page.json()["bookmarks"]
    ]


def test_bookmarks_come_back_from_either_format_as_they_were(live_site, tmp_path):
    user, headers = (name := unique("user")), bearer(live_site, name)
    for note in NOTES:
        tool = new_tool(live_site)
        answer = put(f"{live_site.url}/v1/me/bookmarks/{tool}", json=note, headers=headers)
        assert answer.status_code == 201
    kept, ours = bookmarks(live_site, user), f'"tool":"{tool}"'
    rows = export(live_site, "bookmarks").splitlines()
    (person,) = (json.loads(row)["user"] for row in rows if ours in row)
    for form in ("csv", "ndjson"):
        other, path = unique("user"), tmp_path / form
        export(live_site, "bookmarks", "--format", form, "--output", str(path))
        path.write_text(path.read_text().replace(person, other))
        told = live_site.votes("import", "bookmarks", str(path), "--json")
        assert (told.returncode, json.loads(told.stdout)["refused"]) == (0, 0), told.stderr
        assert bookmarks(live_site, other) == kept


def test_an_export_of_bookmarks_imported_again_adds_nothing(live_site, tmp_path):
    tool, headers = new_tool(live_site), bearer(live_site, unique("user"))
    put(f"{live_site.url}/v1/me/bookmarks/{tool}", json=NOTES[0], headers=headers)
    path, before = tmp_path / "bookmarks.csv", head(live_site)
    export(live_site, "bookmarks", "--format", "csv", "--output", str(path))
    told = live_site.votes("import", "bookmarks", str(path), "--json")
    assert json.loads(told.stdout)["events"] == 0
    assert head(live_site) == before


def test_tallies_are_those_of_the_api(live_site):
    tool = new_tool(live_site)
    position = put(f"{live_site.url}/v1/tools/{tool}/vote", json={"choice": "ship"}).json()
    seen = {"min_position": position["position"]}
    tally = get(f"{live_site.url}/v1/tools/{tool}/tally", params=seen).json()
    rows = [json.loads(line) for line in export(live_site, "tallies").splitlines()]
    for row in rows:
        check_shape(row, TALLY)
    assert [row for row in rows if row["tool"] == tool] == [tally]
    text = export(live_site, "tallies", "--format", "csv")
    cells = {row["tool"]: row for row in csv.DictReader(io.StringIO(text))}
    assert len(cells) == len(rows) > 300
    assert list(cells[tool]) == list(TALLY)
    assert (cells[tool]["ship"], cells[tool]["call"]) == ("1", "too_early")
    assert json.loads(cells[tool]["interval"]) == tally["interval"]


def test_all_events_are_exported_in_their_order(live_site, tmp_path):
    path, last = tmp_path / "events", head(live_site)
    export(live_site, "events", "--output", str(path))
    events = [json.loads(line) for line in path.read_text().strip("\n").split("\n")]
    assert [event["position"] for event in events] == list(range(1, last + 1))
    rows = list(csv.DictReader(io.StringIO(export(live_site, "events", "--format", "csv"))))
    assert len(rows) == len(events)
    for row, event in zip(rows, events, strict=True):
        assert json.loads(row["data"]) == event["data"]
        assert json.loads(row["meta"]) == event["meta"]
        assert (row["stream"], row["subject"]) == (event["stream"], event["subject"])
