"""The README is true: every command in it is run, in its order, and does what it says."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.site import Site, site

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
ANSWERS = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", README, re.DOTALL)]


@pytest.fixture
def first_start() -> Iterator[Site]:
    with site(anew=True) as running:
        yield running


def run(command: str, site: Site, folder: Path) -> str:
    """Run a command of the README against the running site, with this test's interpreter."""
    command = command.replace("http://127.0.0.1:8000", site.url)
    command = command.replace(".venv/bin/votes", f"{sys.executable} -m votes")
    done = subprocess.run(
        ["bash", "-euc", command],
        cwd=folder,
        env=site.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_two_commands_are_targets_of_the_makefile():
    assert [c.strip() for c in COMMANDS[:2]] == ["make up", "make test"]
    for target in ("up", "test"):
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("curl") is None, reason="NO curl: THE README IS NOT TESTED")
def test_the_other_commands_run_and_answer_as_shown(first_start, tmp_path):
    vote, tally, *others = COMMANDS[2:]
    voted = json.loads(run(vote, first_start, tmp_path))
    assert voted.keys() == ANSWERS[0].keys()
    assert voted | {"position": 0} == ANSWERS[0] | {"position": 0}
    again = json.loads(run(vote, first_start, tmp_path))
    assert again | {"previous": None, "changed": True} == voted
    counted = json.loads(run(tally, first_start, tmp_path))
    moving = {"position": 0, "as_of": ""}
    assert counted | moving == ANSWERS[1] | moving
    for command in others:
        assert run(command, first_start, tmp_path)


def test_what_it_links_to_is_there():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / target).exists(), target
