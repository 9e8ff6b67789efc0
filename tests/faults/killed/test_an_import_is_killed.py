"""An import that is killed leaves whole batches, and the same file again brings the rest."""

import asyncio
import json
import random
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import pytest

from tests.faults.crowd import rows
from tests.polling import until
from tests.site import Site
from tests.stored.slugs import VOTES_BY_SLUG

ROWS = 8_000
VOTERS = 4_000
"""Fewer than rows: a voter's later row changes the vote of the first, or nothing."""
UNKNOWN = 7
"""Each row of this number, and of its multiples by 100, is on a tool that is not there."""
TOOLS = ("notion", "asana", "canva")
KILLS = 2
OURS = "stream LIKE 'vote:%:import:killed-%'"


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[tuple[str, str], str]]:
    """A file of votes, and what each voter has chosen last in it."""
    chance, path = random.Random(6), tmp_path_factory.mktemp("votes") / "votes.csv"
    chosen: dict[tuple[str, str], str] = {}
    with path.open("w") as file:
        print("tool,voter,choice,at", file=file)
        for number in range(ROWS):
            tool, voter = chance.choice(TOOLS), f"killed-{chance.randrange(VOTERS)}"
            choice = chance.choice(("ship", "skip"))
            if number % 100 == UNKNOWN:
                tool = "no-such-tool"
            else:
                chosen[tool, voter] = choice
            at = f"2026-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"
            print(f"{tool},{voter},{choice},{at}", file=file)
    return path, chosen


async def stored(site: Site) -> dict[tuple[str, str], str]:
    """What each voter of the file has chosen last, by the log."""
    query = f"SELECT tool, stream, choice FROM {VOTES_BY_SLUG} WHERE {OURS} ORDER BY position"
    return {
        (row["tool"], row["stream"].split(":")[-2]): row["choice"]
        for row in await rows(site, query)
    }


async def count(site: Site) -> int:
    return (await rows(site, f"SELECT count(*) AS votes FROM events WHERE {OURS}"))[0]["votes"]


async def test_an_import_that_is_killed_can_be_run_again(program, made_up):
    path, chosen = made_up
    command = [sys.executable, "-m", "votes", "import", "votes", "-", "--json"]
    lines, before = path.read_bytes().splitlines(keepends=True), 0
    for kill in range(1, KILLS + 1):
        running = await asyncio.create_subprocess_exec(
            *command, env=program.env, stdin=PIPE, stdout=DEVNULL
        )
        # It waits for more lines than come, so that it has not ended before it is killed.
        assert running.stdin is not None
        running.stdin.writelines(lines[: kill * len(lines) // (KILLS + 1)])

        async def more(least: int = before) -> bool:
            return await count(program) > least

        await until(more, "more votes")
        running.send_signal(signal.SIGKILL)
        assert await running.wait() == -signal.SIGKILL
        before = await count(program)
    done = program.votes("import", "votes", str(path), "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["rows"], told["refused"]) == (1, ROWS, ROWS // 100)
    assert told["unchanged"] >= before > 0
    assert await stored(program) == chosen
    (log,) = await rows(program, "SELECT count(*) AS events, max(position) AS head FROM events")
    assert log["events"] == log["head"]
    events = await count(program)
    again = json.loads(program.votes("import", "votes", str(path), "--json").stdout)
    assert (again["events"], await count(program)) == (0, events)
