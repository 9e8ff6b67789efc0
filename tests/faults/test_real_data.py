"""35,592 real votes on 5,858 tools, imported into a running program and counted apart from it."""

import csv
import json
from collections import Counter
from functools import partial
from http.client import SERVICE_UNAVAILABLE
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.crowd import rows
from tests.polling import wait_for
from tests.site import TLS, Site

TOOLS = 5_858
ASKED_MAX = 100

Counts = dict[str, tuple[int, int]]


def import_votes(site: Site, file: Path) -> dict[str, int]:
    done = site.votes("import", "votes", str(file), "--create-tools", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def votes_file(test_data: Path) -> Path:
    return test_data / "bitcoin-otc-votes.csv"


@pytest.fixture(scope="module")
def imported(program: Site, votes_file: Path) -> dict[str, int]:
    """What the first import told."""
    return import_votes(program, votes_file)


@pytest.fixture(scope="module")
def counted(votes_file: Path) -> Counts:
    """Ships and skips of each tool: each voter's last choice in the file."""
    with votes_file.open(newline="") as file:
        last = {(row["tool"], row["voter"]): row["choice"] for row in csv.DictReader(file)}
    counts = Counter((tool, choice) for (tool, _), choice in last.items())
    tools = {tool for tool, _ in counts}
    return {tool: (counts[tool, "ship"], counts[tool, "skip"]) for tool in tools}


async def head(site: Site) -> int:
    return (await rows(site, "SELECT max(position) AS head FROM events"))[0]["head"]


async def votes_stored(site: Site) -> int:
    """Beside them the scan may store what it finds in them, at any time."""
    query = "SELECT count(*) AS votes FROM events WHERE stream LIKE 'vote:%'"
    return (await rows(site, query))[0]["votes"]


def projected(site: Site) -> None:
    """Wait until all is projected: a projector that is 3 s behind leaves the numbers stale."""
    with httpx.Client(verify=TLS, base_url=site.url, timeout=30) as client:

        def at_head() -> bool:
            status = client.get("/health/ready").json()
            return status["status"] == "ok" and status["lag"] == 0

        wait_for(at_head, "a projector at the head of the log")


def told(site: Site, tools: list[str], min_position: int) -> Counts:
    """What the API says of all the tools, once they are live: a busy machine may lag."""
    found: Counts = {}
    with httpx.Client(verify=TLS, base_url=site.url, timeout=30) as client:

        def live(asked: str) -> list[dict[str, Any]]:
            params: dict[str, str | int] = {"tools": asked, "min_position": min_position}
            answer = client.get("/v1/tallies", params=params)
            tallies = [] if answer.status_code == SERVICE_UNAVAILABLE else answer.json()["tallies"]
            return [] if any(tally["stale"] for tally in tallies) else tallies

        for start in range(0, len(tools), ASKED_MAX):
            asked = ",".join(tools[start : start + ASKED_MAX])
            for tally in wait_for(partial(live, asked), "live tallies"):
                found[tally["tool"]] = tally["ship"], tally["skip"]
                assert tally["total"] == tally["ship"] + tally["skip"]
    return found


async def test_every_tally_is_what_the_file_says(program, votes_file, imported, counted):
    assert len(counted) == TOOLS
    rows_in_file = votes_file.read_bytes().count(b"\n") - 1
    assert imported == {"rows": rows_in_file, "events": rows_in_file, "unchanged": 0, "refused": 0}
    projected(program)
    assert told(program, sorted(counted), await head(program)) == counted


async def test_the_same_file_again_changes_nothing(program, votes_file, imported, counted):
    before, votes = await head(program), await votes_stored(program)
    again = import_votes(program, votes_file)
    assert again == imported | {"events": 0, "unchanged": imported["rows"]}
    assert await votes_stored(program) == votes
    projected(program)
    assert told(program, sorted(counted), before) == counted


async def test_the_audit_of_all_that_finds_no_drift(program, imported):
    done = program.votes("verify", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["ok"]) == (0, True)
    assert found["models"] > 2 * TOOLS
