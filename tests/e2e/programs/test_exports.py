"""`votes export`: what the log holds, as files that can be read again."""

import csv
import io
import json
import stat
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.asking import bearer, get, head, new_tool, nothing_stored, put, request, unique
from tests.e2e.shapes import TALLY, check_shape
from tests.site import Site, free_port

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


def lines(text: str) -> list[str]:
    """Of NDJSON: what users write may hold what also ends a line to `str.splitlines`."""
    return text.removesuffix("\n").split("\n")


def test_bookmarks_come_back_from_either_format_as_they_were(live_site, tmp_path):
    user, headers = (name := unique("user")), bearer(live_site, name)
    for note in NOTES:
        tool = new_tool(live_site)
        answer = put(f"{live_site.url}/v1/me/bookmarks/{tool}", json=note, headers=headers)
        assert answer.status_code == 201
    kept, rows = bookmarks(live_site, user), rows_of(export(live_site, "bookmarks"), "ndjson")
    (person,) = (row["user"] for row in rows if row["tool"] == tool)
    for form in ("csv", "ndjson"):
        other, path = unique("user"), tmp_path / form
        export(live_site, "bookmarks", "--format", form, "--output", str(path))
        path.write_text(path.read_text().replace(person, other))
        told = live_site.votes("import", "bookmarks", str(path))
        assert bookmarks(live_site, other) == kept, told.stderr  # others' tools may be delisted


def test_an_export_of_bookmarks_imported_again_adds_nothing(live_site, tmp_path):
    tool, headers = new_tool(live_site), bearer(live_site, unique("user"))
    put(f"{live_site.url}/v1/me/bookmarks/{tool}", json=NOTES[0], headers=headers)
    path = tmp_path / "bookmarks.csv"
    export(live_site, "bookmarks", "--format", "csv", "--output", str(path))
    with nothing_stored(live_site):
        told = live_site.votes("import", "bookmarks", str(path), "--json")
    assert json.loads(told.stdout)["events"] == 0


def test_tallies_are_those_of_the_api(live_site):
    tool = new_tool(live_site)
    position = put(f"{live_site.url}/v1/tools/{tool}/vote", json={"choice": "ship"}).json()
    seen = {"min_position": position["position"]}
    tally = get(f"{live_site.url}/v1/tools/{tool}/tally", params=seen).json()
    rows = [json.loads(line) for line in lines(export(live_site, "tallies"))]
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
    events = [json.loads(line) for line in lines(path.read_text())]
    assert [event["position"] for event in events] == list(range(1, len(events) + 1))
    assert len(events) >= last
    rows = list(csv.DictReader(io.StringIO(export(live_site, "events", "--format", "csv"))))
    assert len(rows) >= len(events)  # a worker may have written more since
    for row, event in zip(rows, events, strict=False):
        assert json.loads(row["data"]) == event["data"]
        assert json.loads(row["meta"]) == event["meta"]
        assert (row["stream"], row["subject"]) == (event["stream"], event["subject"])


def test_a_log_is_restored_elsewhere_as_it_was(live_site, tmp_path):
    path, other = tmp_path / "events", tmp_path / "elsewhere"
    export(live_site, "events", "--output", str(path))

    def command(*arguments: str):
        return live_site.votes(*arguments, "--data-dir", str(other))

    told = command("import", "events", str(path), "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["events"] == len(path.read_bytes().splitlines())
    assert command("export", "events").stdout == path.read_text()
    again = command("import", "events", str(path))
    assert (again.returncode, again.stderr.count("not empty")) == (1, 1)


def elsewhere(live_site: Site, folder: Path, *kinds: str) -> Callable:
    """Commands of another site, to which all of these kinds were brought."""

    def command(*arguments: str):
        return live_site.votes(*arguments, "--data-dir", str(folder / "elsewhere"))

    for kind in kinds:
        path = folder / kind
        export(live_site, kind, "--output", str(path))
        told = command("import", kind, str(path))
        assert told.returncode == 0, told.stderr
    return command


def test_what_users_wrote_can_be_read_elsewhere_with_the_keys_of_the_persons(live_site, tmp_path):
    user, headers = (name := unique("user")), bearer(live_site, name)
    tool, erased = new_tool(live_site), bearer(live_site, unique("erased"))
    for who in (headers, erased):
        put(f"{live_site.url}/v1/me/bookmarks/{tool}", json=NOTES[0], headers=who)
    put(f"{live_site.url}/v1/me/collections/c", json={"name": "Mine"}, headers=headers)
    old = tmp_path / "old"
    export(live_site, "people", "--output", str(old))
    assert stat.S_IMODE(old.stat().st_mode) == 0o600
    request("DELETE", f"{live_site.url}/v1/me", headers=erased)

    bare = elsewhere(live_site, tmp_path, "events")
    assert bare("export", "bookmarks").stdout == ""
    path = tmp_path / "people"
    export(live_site, "people", "--output", str(path))
    ours = export(live_site, "bookmarks")
    for file, new in ((path, len(path.read_bytes().splitlines())), (path, 0), (old, 0)):
        told = bare("import", "people", str(file), "--json")
        assert (told.returncode, json.loads(told.stdout)["people"]) == (0, new), told.stderr
    assert sorted(lines(bare("export", "bookmarks").stdout)) == sorted(lines(ours))
    assert bare("export", "people").stdout == path.read_text()

    there = Site(tmp_path / "elsewhere", free_port())
    try:
        there.start("--demo", "--no-samples")
        assert bookmarks(there, user) == bookmarks(live_site, user)
        found = get(f"{there.url}/v1/me/collections", headers=bearer(there, user)).json()
        assert [one["name"] for one in found["collections"]] == ["Mine"]
    finally:
        there.stop()


@pytest.mark.parametrize("change", [b"{}\n", b'"', b"x"])
def test_persons_that_are_not_whole_or_of_another_log_are_not_restored(live_site, tmp_path, change):
    put(f"{live_site.url}/v1/me/bookmarks/{new_tool(live_site)}", headers=bearer(live_site, "one"))
    path, head_of_file = tmp_path / "people", lines(export(live_site, "people"))[0]
    path.write_text(head_of_file + "\n")
    with path.open("ab") as file:
        file.write(change)
    told = live_site.votes("import", "people", str(path), "--data-dir", str(tmp_path / "other"))
    assert (told.returncode, told.stderr.count("line 2")) == (1, 1), told.stderr
    other = json.loads(head_of_file) | {"subject_secret": b64encode(bytes(32)).decode()}
    path.write_text(json.dumps(other) + "\n")
    told = live_site.votes("import", "people", str(path))
    assert (told.returncode, told.stderr.count("another log")) == (1, 1), told.stderr


@pytest.mark.parametrize(
    "change", [lambda lines: lines[1:], lambda lines: [*lines, "{}"], lambda lines: lines[:1] * 2]
)
def test_what_is_no_whole_log_is_not_restored(live_site, tmp_path, change):
    path, other = tmp_path / "events", tmp_path / "elsewhere"
    first = lines(export(live_site, "events"))[:20]
    path.write_text("\n".join(change(first)) + "\n")
    told = live_site.votes("import", "events", str(path), "--data-dir", str(other))
    assert (told.returncode, told.stderr.count("line ")) == (1, 1), told.stderr
    assert live_site.votes("export", "events", "--data-dir", str(other)).stdout == ""


def rows_of(text: str, form: str) -> list[dict]:
    if form == "csv":
        return list(csv.DictReader(io.StringIO(text, newline="")))
    return [json.loads(line) for line in lines(text)]


def write_rows(path: Path, rows: list[dict], form: str) -> None:
    with path.open("w", newline="") as file:
        if form == "csv":
            table = csv.DictWriter(file, rows[0])
            table.writeheader()
            table.writerows(rows)
        else:
            file.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_tools_reviews_and_votes_come_back_as_they_were(live_site, tmp_path, form):
    tool = new_tool(live_site)
    vote = {"choice": "ship"}
    put(f"{live_site.url}/v1/tools/{tool}/vote", json=vote, headers=bearer(live_site, unique("u")))
    review = {"score": 80, "choice": "ship", "body": "Fast;\n[yes]"}
    pat = bearer(live_site, unique("pat"), "panelist", persona="builder")
    put(f"{live_site.url}/v1/tools/{tool}/reviews/builder", json=review, headers=pat)
    elsewhere = ("--data-dir", str(tmp_path / "elsewhere"))
    rows, listed = {}, set()
    for kind in ("tools", "reviews", "votes"):
        exported = export(live_site, kind, "--format", form).replace("person:", "import:p")
        rows[kind] = rows_of(exported, form)
        listed |= {row["slug"] for row in rows["tools"]}
        if kind != "tools":  # other tests vote on tools that are no longer listed
            rows[kind] = [row for row in rows[kind] if row["tool"] in listed]
        assert any(tool in (row.get("slug"), row.get("tool")) for row in rows[kind])
        path = tmp_path / kind
        write_rows(path, rows[kind], form)
        told = live_site.votes("import", kind, str(path), *elsewhere, "--json")
        assert (told.returncode, json.loads(told.stdout)["refused"]) == (0, 0), told.stderr
    for kind, before in rows.items():
        exported = live_site.votes("export", kind, "--format", form, *elsewhere)
        assert sorted(map(str, rows_of(exported.stdout, form))) == sorted(map(str, before))
