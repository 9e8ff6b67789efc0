"""The wheel alone is the whole program, and without the server's packages a client."""

import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.site import Site, site

ROOT = Path(__file__).parents[3]
VOTE = """
import asyncio, sys
from votes.client import Votes

async def main():
    async with Votes(sys.argv[1], visitor_file="visitor.token") as votes:
        vote = await votes.cast_vote(sys.argv[2], "ship")
        tally = await votes.get_tally(sys.argv[2], min_position=vote.position)
        print(tally.ship, tally.skip)
        async for event in votes.subscribe(sys.argv[2]):
            break

asyncio.run(main())
"""
OF_THE_SERVER = ("litestar", "granian", "asyncpg", "redis", "arq", "jinja2", "tantivy", "click")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (made,) = into.glob("*.whl")
    return made


def unpack(wheel: Path, into: Path) -> None:
    subprocess.run([sys.executable, "-m", "zipfile", "-e", wheel, into], check=True)


def test_the_wheel_installed_outside_the_checkout_serves_the_demo(wheel, tmp_path, monkeypatch):
    installed = tmp_path / "installed"
    unpack(wheel, installed)
    monkeypatch.chdir(tmp_path)
    with site(anew=True, PYTHONPATH=str(installed)) as running:
        where = subprocess.run(
            [
                sys.executable,
                "-c",
                "import votes, workers; print(votes.__file__, workers.__file__)",
            ],
            env=running.env,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        assert all(Path(path).is_relative_to(installed) for path in where)
        checked = running.votes("verify")
        assert checked.returncode == 0, checked.stderr


def asked_for(requires: list[str] | None) -> set[str]:
    """The packages that are installed with one that requires these, without any extra."""
    found = set()
    for requirement in map(Requirement, requires or ()):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found |= {requirement.name, *asked_for(metadata.requires(requirement.name))}
    return found


@pytest.fixture(scope="module")
def client(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a venv with what `pip install` of the wheel brings, and nothing else: copied
    from here, so that no test asks a package index."""
    at = tmp_path_factory.mktemp("client")
    venv.create(at, symlinks=True)
    (packages,) = at.glob("lib/python*/site-packages")
    unpack(wheel, packages)
    (info,) = packages.glob("votes-*.dist-info")
    for name in asked_for(metadata.Distribution.at(info).requires):
        package = metadata.distribution(name)
        for file in package.files or ():
            if ".." not in file.parts:
                copied = packages / file
                copied.parent.mkdir(parents=True, exist_ok=True)
                copied.write_bytes(Path(str(package.locate_file(file))).read_bytes())
    return at / "bin" / "python"


def test_the_client_votes_where_no_package_of_the_server_is(
    client: Path, live_site: Site, tool: str, tmp_path: Path
):
    found = "import sys, importlib.util as u; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    command = [str(client), "-c", found, *OF_THE_SERVER, "httpx"]
    assert subprocess.check_output(command, cwd=tmp_path, text=True) == "['httpx']\n"
    command = [str(client), "-c", VOTE, live_site.url, tool]
    assert subprocess.check_output(command, cwd=tmp_path, text=True) == "1 0\n"


def test_the_command_says_there_what_is_missing(client: Path, tmp_path: Path):
    command = [str(client), "-m", "votes", "up"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert answer.stderr == "votes: the server is not installed: pip install 'votes[server]'\n"
