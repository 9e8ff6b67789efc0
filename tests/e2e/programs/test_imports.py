"""`votes import`: rows of CSV and NDJSON, bad ones named by their line, the same file but once."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.asking import bearer, get, head, new_tool, nothing_stored, unique
from tests.site import Site


def load(site: Site, kind: str, path: Path | str, *options: str, **more: Any) -> dict[str, Any]:
    """What the command says, with its exit code and the lines that it names."""
    told = site.votes("import", kind, str(path), "--json", *options, **more)
    assert "Traceback" not in told.stderr
    counts: dict[str, Any] = json.loads(told.stdout)
    assert told.returncode == (1 if counts["refused"] else 0)
    lines = [line for line in told.stderr.splitlines() if line.startswith("line ")]
    named = [int(line.split()[1].rstrip(":")) for line in lines]
    return {**counts, "named": named, "said": told.stderr}


def counted(told: dict[str, Any]) -> tuple[int, int, int, int]:
    return told["rows"], told["events"], told["unchanged"], told["refused"]


def tally(site: Site, tool: str) -> tuple[int, int]:
    seen = {"min_position": head(site)}
    found = get(f"{site.url}/v1/tools/{tool}/tally", params=seen).json()
    return found["ship"], found["skip"]


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_votes_are_imported_once(live_site, tmp_path, form):
    tool = new_tool(live_site)
    rows = [
        {"tool": tool, "voter": "ann", "choice": "ship", "at": "2026-01-01T00:00:00Z"},
        {"tool": tool, "voter": "bob", "choice": "skip", "at": "2026-01-01T00:00:00+02:00"},
        {"tool": tool, "voter": "ann", "choice": "skip", "at": "2026-01-02T00:00:00Z"},
        {"tool": tool, "voter": "ann", "choice": "ship", "at": "2026-01-03T00:00:00Z"},
    ]
    if form == "csv":
        lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    else:
        lines = [json.dumps(row) for row in rows]
    path = written(tmp_path, "votes", "\n".join(lines))
    assert counted(load(live_site, "votes", path)) == (4, 4, 0, 0)
    with nothing_stored(live_site):
        assert counted(load(live_site, "votes", path)) == (4, 0, 4, 0)
    assert tally(live_site, tool) == (1, 1)


def test_the_ends_of_lines_a_bom_and_blank_lines_do_not_matter(live_site, tmp_path):
    tool = new_tool(live_site)
    csv = f"tool,voter,choice\r\n{tool},a,ship\r\n\r\n{tool},b,skip\r\n".encode()
    rows = [json.dumps({"tool": tool, "voter": voter, "choice": "ship"}) for voter in "cd"]
    ndjson = ("\r\n \r\n".join(rows) + "\r\n").encode()
    for number, content in enumerate((b"\xef\xbb\xbf" + csv, b"\xef\xbb\xbf" + ndjson)):
        path = written(tmp_path, f"votes{number}", content)
        assert counted(load(live_site, "votes", path)) == (2, 2, 0, 0)
    assert tally(live_site, tool) == (3, 1)


def test_bad_rows_of_csv_are_named_and_the_others_imported(live_site, tmp_path):
    tool = new_tool(live_site)
    lines = [
        "tool,voter,choice,at",
        f"{tool},a,ship,",
        f"{tool},b,Ship,",
        f"{tool},c",
        f"{tool},d,ship,,more",
        f"{unique('tool')},e,ship,",
        f"{tool},,ship,",
        f"{tool},f,ship,yesterday",
        f"{tool},g,ship,0001-01-01T00:00:00+14:00",
        f"{tool},{'h' * 201},ship,",
        f"{tool.upper()},i,ship,",
        f'{tool},"j"j,ship,',
        f"{tool},k\0,ship,",
        f"{tool},l\u202e,ship,",
        f"{tool},{'m' * 140_000},ship,",
        f"{tool},{'n' * 1_100_000},ship,",
        f"{tool},o,skip,",
    ]
    content = "\n".join(lines).encode() + f"\n{tool},\xff,ship,\n{tool},p,ship,".encode("latin-1")
    told = load(live_site, "votes", written(tmp_path, "votes.csv", content))
    assert counted(told) == (18, 3, 0, 15)
    assert sorted(told["named"]) == [*range(3, 17), 18]
    assert tally(live_site, tool) == (2, 1)


def test_bad_rows_of_ndjson_are_named_and_the_others_imported(live_site, tmp_path):
    tool = new_tool(live_site)
    good = {"tool": tool, "choice": "ship"}
    rows: list[Any] = [
        {**good, "voter": "a"},
        "{",
        [tool],
        None,
        '{"tool": NaN}',
        {**good, "voter": 1},
        {**good, "voter": None},
        {**good, "voter": "b", "more": 1},
        good,
        {**good, "voter": "\ud800"},
        {**good, "voter": "a\0"},
        '{"voter":' + "9" * 10_000 + "}",
        "[" * 100_000,
        '{"x":' * 900,
        {**good, "voter": 10**30},
        {**good, "voter": "x" * 1_100_000},
        {**good, "voter": "z"},
    ]
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    told = load(live_site, "votes", written(tmp_path, "votes.ndjson", "\n".join(lines)))
    assert counted(told) == (17, 2, 0, 15)
    assert sorted(told["named"]) == list(range(2, 17))
    assert tally(live_site, tool) == (2, 0)


def test_times_before_1970_or_of_the_future_are_refused(live_site, tmp_path):
    tool, now = new_tool(live_site), datetime.now(UTC)
    times = [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "-4713-01-01T00:00:00Z",
        "4713-01-01T00:00:00Z",
        "4713-01-01 BC",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
        (now + timedelta(hours=2)).isoformat(),
        now.isoformat(),
        (now + timedelta(minutes=30)).isoformat(),
        "1970-01-01T00:00:00Z",
        "",
    ]
    files = [
        ("votes", [f"{tool},{number},ship,{at}" for number, at in enumerate(times)]),
        ("bookmarks", [f"{number},{tool},{at}" for number, at in enumerate(times)]),
        ("reviews", [f"{tool},p{number},50,ship,{at}" for number, at in enumerate(times)]),
    ]
    headers = ["tool,voter,choice,at", "user,tool,at", "tool,persona,score,choice,at"]
    for (kind, rows), header in zip(files, headers, strict=True):
        path = written(tmp_path, kind, "\n".join([header, *rows]))
        told = load(live_site, kind, path)
        assert counted(told) == (14, 4, 0, 10)
        assert told["named"] == list(range(2, 12))
        assert all(" at" in line or "at:" in line for line in told["said"].splitlines())
    assert tally(live_site, tool) == (4, 0)


def test_a_field_said_twice_refuses_its_row_and_a_column_said_twice_the_file(live_site, tmp_path):
    tool = new_tool(live_site)
    fields = f'"tool": "{tool}", "choice": "ship", "voter"'
    rows = [f'{{{fields}: "a"}}', f'{{{fields}: "b", "voter": "c"}}', f'{{{fields}: "d"}}']
    told = load(live_site, "votes", written(tmp_path, "votes", "\n".join(rows)))
    assert (counted(told), told["named"]) == ((3, 2, 0, 1), [2])
    assert "twice" in told["said"]
    plans = '[{"name": "Pro", "name": "Free"}]'
    row = f'{{"slug": "{unique("tool")}", "name": "A", "category": "Tests", "plans": {plans}}}'
    told = load(live_site, "tools", written(tmp_path, "tools", row))
    assert (counted(told), told["named"]) == ((1, 0, 0, 1), [1])
    rows = ["tool,voter,choice,voter", f"{tool},e,skip,f", f"{tool},g,skip,"]
    refused = failed(live_site, written(tmp_path, "votes.csv", "\n".join(rows)))
    assert "'voter'" in refused.stderr
    assert tally(live_site, tool) == (2, 0)
    rows = ["tool,voter,choice,,", f"{tool},h,skip,,"]  # as spreadsheets write empty columns
    path = written(tmp_path, "votes.csv", "\n".join(rows))
    assert counted(load(live_site, "votes", path)) == (1, 1, 0, 0)


def test_unknown_tools_are_refused_unless_they_are_to_be_made(live_site, tmp_path):
    one, two = unique("tool"), unique("tool")
    rows = f"tool,voter,choice\n{one},a,ship\n{two},a,skip\n{one},b,ship\nBAD,b,ship\n"
    path = written(tmp_path, "votes.csv", rows)
    told = load(live_site, "votes", path)
    assert (counted(told), told["named"]) == ((4, 0, 0, 4), [5, 2, 3, 4])
    assert one in told["said"]
    told = load(live_site, "votes", path, "--create-tools")
    assert (counted(told), told["named"]) == ((4, 3, 0, 1), [5])
    assert tally(live_site, one) == (2, 0)
    assert get(f"{live_site.url}/v1/tools/{two}").json()["category"] == "Imported"
    with nothing_stored(live_site):
        assert counted(load(live_site, "votes", path, "--create-tools")) == (4, 0, 3, 1)


def test_a_quoted_cell_may_hold_lines_and_its_row_is_named_by_the_first(live_site, tmp_path):
    tool = new_tool(live_site)
    rows = (
        "tool,persona,score,choice,body\n"
        f'{tool},builder,90,ship,"One\nTwo, ""three"""\n'
        f'{tool},skeptic,900,ship,"Four\n\nfive"\n'
        f'{tool},analyst,10,skip,"Six\n'
    )
    told = load(live_site, "reviews", written(tmp_path, "reviews.csv", rows))
    assert (counted(told), sorted(told["named"])) == ((3, 1, 0, 2), [4, 7])
    seen = {"min_position": head(live_site)}
    panel = get(f"{live_site.url}/v1/tools/{tool}/reviews", params=seen).json()["panel"]
    assert [one["body"] for one in panel["reviews"]] == ['One\nTwo, "three"']


def test_reviews_are_imported_once_and_revised_by_another_row(live_site, tmp_path):
    tool = new_tool(live_site)
    row = {"tool": tool, "persona": "builder", "score": 70, "choice": "ship", "body": "Good"}
    revised = {**row, "score": 20, "choice": "skip", "at": "2026-02-01T00:00:00Z"}
    path = written(tmp_path, "reviews", "\n".join(json.dumps(one) for one in (row, revised)))
    assert counted(load(live_site, "reviews", path)) == (2, 2, 0, 0)
    assert counted(load(live_site, "reviews", path)) == (2, 0, 2, 0)
    seen = {"min_position": head(live_site)}
    panel = get(f"{live_site.url}/v1/tools/{tool}/reviews", params=seen).json()["panel"]
    (review,) = panel["reviews"]
    assert (review["score"], review["revised_at"]) == (20, "2026-02-01T00:00:00Z")


def test_tools_are_imported_once(live_site, tmp_path):
    one, two = unique("tool"), unique("tool")
    rows = f"slug,name,category,url\n{one},One,Tests,https://example.com\n{two},Two,Tests,\n"
    path = written(tmp_path, "tools.csv", rows + "Bad,Three,Tests,\n" + f"{two},,Tests,\n")
    told = load(live_site, "tools", path, "--create-tools")
    assert (counted(told), told["named"]) == ((4, 2, 0, 2), [4, 5])
    assert counted(load(live_site, "tools", path)) == (4, 0, 2, 2)
    plans = [{"name": "Pro", "price": 9.5, "period": "month"}]
    row = json.dumps({"slug": one, "name": "Uno", "category": "Tests", "plans": plans})
    assert counted(load(live_site, "tools", written(tmp_path, "tools.json", row))) == (1, 1, 0, 0)
    seen = {"min_position": head(live_site)}
    summary = get(f"{live_site.url}/v1/tools/{one}", params=seen).json()
    assert (summary["name"], summary["plans"], summary["entry_price"]) == ("Uno", plans, 9.5)


def test_bookmarks_are_imported_once(live_site, tmp_path):
    tool, user = new_tool(live_site), unique("user")
    header, at = "user,tool,note,tags,collection,at", "2026-01-01T00:00:00Z"
    rows = f'{header}\n{user},{tool},"a, b",x; y;;x,Work,{at}\n'
    path = written(tmp_path, "bookmarks.csv", rows)
    assert counted(load(live_site, "bookmarks", path)) == (1, 1, 0, 0)
    assert counted(load(live_site, "bookmarks", path)) == (1, 0, 1, 0)
    page = get(f"{live_site.url}/v1/me/bookmarks", headers=bearer(live_site, user)).json()
    (found,) = page["bookmarks"]
    assert (found["note"], found["tags"], found["collection"]) == ("a, b", ["x", "y"], "Work")
    assert found["added_at"] == at


def test_a_voter_of_a_file_may_be_a_user_of_the_site(live_site, tmp_path):
    tool, user = new_tool(live_site), unique("user")
    row = json.dumps({"tool": tool, "voter": f"user:{user}", "choice": "skip"})
    load(live_site, "votes", written(tmp_path, "votes", row))
    state = get(
        f"{live_site.url}/v1/me/state", params={"tools": tool}, headers=bearer(live_site, user)
    )
    assert state.json()[tool]["vote"] == "skip"


def test_rows_may_come_by_a_pipe(live_site):
    tool = new_tool(live_site)
    rows = f"tool,voter,choice\n{tool},a,ship\n{tool},b,maybe\n"
    told = load(live_site, "votes", "-", given=rows)
    assert (counted(told), told["named"]) == ((2, 1, 0, 1), [3])


@pytest.mark.parametrize("content", [b"", b"\n\n", b"tool,voter,choice\n", b"\xef\xbb\xbf"])
def test_a_file_without_rows_changes_nothing(live_site, tmp_path, content):
    with nothing_stored(live_site):
        assert counted(load(live_site, "votes", written(tmp_path, "votes", content))) == (
            0,
            0,
            0,
            0,
        )


def failed(site: Site, path: Path) -> subprocess.CompletedProcess[str]:
    with nothing_stored(site):
        told = site.votes("import", "votes", str(path))
    assert told.returncode == 1
    assert "Traceback" not in told.stderr
    return told


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_not_imported(live_site, tmp_path, encoding):
    content = "tool,voter,choice\nnotion,a,ship\n".encode(encoding)
    assert failed(live_site, written(tmp_path, "votes", content)).stderr


def test_a_list_in_json_is_not_imported(live_site, tmp_path):
    told = failed(live_site, written(tmp_path, "votes", '[{"tool": "notion"}]'))
    assert "one JSON object a line" in told.stderr


def test_noise_is_not_imported(live_site, tmp_path):
    noise = bytes(range(256)) * 40
    assert failed(live_site, written(tmp_path, "votes", noise)).stderr
