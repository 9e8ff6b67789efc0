"""What is not migrated, or not the owner's, is told in one line; to import needs no owner."""

import os
import re
import subprocess
import sys

import pytest

from tests.conftest import create_database, drop_database, url_of
from votes.engine.ports import Unavailable
from votes.store.connections import create_pool
from votes.store.postgres import PostgresEventStore

ROWS = '{"tool":"notion","voter":"ann","choice":"ship","at":"2026-01-01T00:00:00Z"}\n'
UNMIGRATED = r"votes: the database lacks 0001_\w+.sql.*: run votes migrate as its owner\n"


@pytest.fixture
async def unmigrated(servers):
    name = await create_database(servers)
    yield url_of(name, servers.app_url)
    await drop_database(servers, name)


@pytest.fixture
def votes(servers, tmp_path):
    """Runs a command as the application's login alone."""
    file = tmp_path / "votes.ndjson"
    file.write_text(ROWS)
    env = {name: value for name, value in os.environ.items() if not name.startswith("VOTES_")}
    env |= {"VOTES_REDIS_URL": servers.redis_owner_url, "VOTES_QUEUE_URL": servers.queue_url}
    env |= {"VOTES_SECRET_KEYS": "a-key-of-these-tests", "VOTES_DATA_DIR": str(tmp_path)}

    def run(url, *arguments):
        said = [str(file) if argument == "FILE" else argument for argument in arguments]
        return subprocess.run(
            [sys.executable, "-m", "votes", *said],
            env=env | {"VOTES_POSTGRES_URL": url},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


@pytest.mark.parametrize(
    "command", [("api", "--port", "1"), ("worker",), ("import", "votes", "FILE")], ids=" ".join
)
def test_a_database_without_migrations_is_told_in_one_line(votes, unmigrated, command):
    done = votes(unmigrated, *command)
    assert done.returncode == 1
    assert re.fullmatch(UNMIGRATED, done.stderr), done.stderr


async def test_one_that_comes_up_without_them_later_is_unavailable_and_says_why(unmigrated):
    async with await create_pool(unmigrated) as pool:
        with pytest.raises(Unavailable, match="run votes migrate as its owner"):
            await PostgresEventStore(pool).head()


def test_the_doctor_says_that_they_are_not_applied(votes, unmigrated):
    done = votes(unmigrated, "doctor")
    assert done.returncode == 1
    assert re.search(r"migrations +not ok +not applied: 0001_", done.stdout), done.stdout
    assert "run votes migrate" in done.stdout


def test_the_application_s_login_may_not_migrate_and_is_told_in_one_line(votes, unmigrated):
    done = votes(unmigrated, "migrate")
    assert done.returncode == 1
    assert done.stderr.startswith("votes: VOTES_MIGRATION_URL: migrations need the login of the")
    assert done.stderr.count("\n") == 1


def test_the_application_s_login_imports(votes, config):
    done = votes(config.postgres_url, "import", "votes", "FILE", "--create-tools")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "1 rows: 1 new events, 0 unchanged, 0 refused\n"
