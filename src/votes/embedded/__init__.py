"""Real Postgres and Valkey inside one data directory, over unix sockets only.

    data_dir/lock         locked while servers run; contains the name of the holder
    data_dir/guests       locked, shared, by commands that use another process's servers
    data_dir/postgres/    the cluster with the log, fsync on
    data_dir/run/         Postgres's socket; mode 0700, since Postgres trusts all who reach it
    data_dir/valkey.sock  Valkey stores nothing on disk: read models can be rebuilt
    data_dir/*.log        one for each server

Where the path of the data directory is too long or too unusual for a socket and its URL, the
sockets are in a directory under /tmp, named by a hash.
"""

import fcntl
import hashlib
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec
import structlog

from votes.embedded.postgres import postgres_ready, postgres_server, postgres_socket
from votes.embedded.servers import Server, StartFailed, valkey_ready, valkey_server, wait_until

__all__ = ["Addresses", "DataDirInUse", "Servers", "StartFailed", "addresses", "hold", "running"]
__all__ += ["is_data_dir", "started"]

START_TIMEOUT_S = 120.0  # recovery after a crash may take long
GUESTS_TIMEOUT_S = 3600.0  # a command that started the servers waits for those that joined it
POLL_S = 0.02
LOCK = "lock"
SOCKET_PATH_MAX_BYTES = 103  # of macOS; Linux has 107

# asyncpg splits a host at commas and colons, arq does not decode a path.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9._/-]+")
_log = structlog.get_logger(__name__)


class Addresses(msgspec.Struct, frozen=True):
    """Where the servers listen, as URLs that asyncpg, redis-py and arq take."""

    owner_url: str  # superuser, for migrations
    api_url: str
    worker_url: str
    app_url: str  # with the rights of both, for commands; each acts as the role that it needs
    redis_url: str  # read models, as their worker and its commands reach them
    redis_api_url: str
    redis_owner_url: str  # may do everything
    queue_url: str  # arq


class DataDirInUse(RuntimeError):
    """Another process holds the data directory; the message names it."""


class Servers:
    """The servers that this process owns; see `started`."""

    def __init__(self, data_dir: Path, *, postgres: bool, redis: bool) -> None:
        self.addresses = addresses(data_dir)
        self._home, self._sockets = _home(data_dir), _sockets_dir(data_dir)
        self._wanted = [valkey_server] * redis + [postgres_server] * postgres
        self._servers: list[Server] = []

    def start(self) -> None:
        """Starts the servers in parallel and waits until they respond."""
        _make_sockets_dir(self._sockets, self._home)
        for prepare in self._wanted:
            self._servers.append(prepare(self._home, self._sockets))
            self._servers[-1].spawn()
        deadline = time.monotonic() + START_TIMEOUT_S
        for server in self._servers:
            server.wait_ready(deadline)

    def revive(self) -> list[str]:
        """Restarts, without waiting, the servers that have ended; returns their names.

        Call it about every second, in the thread that started them.
        """
        ended = [server for server in self._servers if server.ended()]
        for server in ended:
            server.spawn()
        return [server.name for server in ended]

    def stop(self) -> None:
        """Ends the servers: Postgres by a fast shutdown, with a checkpoint."""
        for server in self._servers:
            server.signal_stop()
        for server in self._servers:
            server.wait_ended()
        if self._sockets != self._home:
            with suppress(OSError):  # not empty, or missing
                postgres_socket(self._sockets).parent.rmdir()
                self._sockets.rmdir()


def addresses(data_dir: Path) -> Addresses:
    """The URLs of this data directory's servers, whether they run or not."""
    sockets = _sockets_dir(data_dir)
    # The port is part of the socket's name; without it PGPORT would be used.
    postgres = f"@/votes?host={postgres_socket(sockets).parent}&port=5432"
    return Addresses(
        owner_url=f"postgresql://postgres{postgres}",
        api_url=f"postgresql://votes_api{postgres}",
        worker_url=f"postgresql://votes_projector{postgres}",
        app_url=f"postgresql://votes_app{postgres}",
        redis_url=f"unix://worker@{sockets}/valkey.sock?db=0",
        redis_api_url=f"unix://api@{sockets}/valkey.sock?db=0",
        redis_owner_url=f"unix://owner@{sockets}/valkey.sock?db=0",
        queue_url=f"unix://worker@{sockets}/valkey.sock?db=1",
    )


def is_data_dir(data_dir: Path) -> bool:
    """Whether servers have ever run there."""
    return (data_dir / LOCK).is_file()


@contextmanager
def hold(data_dir: Path, purpose: str) -> Iterator[None]:
    """Locks the data directory, made when missing; the kernel unlocks it if we are killed.

    Raises:
        DataDirInUse: another process has locked it.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=_directory_mode())
    except OSError as error:
        raise StartFailed(f"VOTES_DATA_DIR: {data_dir}: {error.strerror}") from None
    path = data_dir / LOCK
    with ExitStack() as stack:
        try:
            descriptor = stack.enter_context(_locked(path, fcntl.LOCK_EX))
        except BlockingIOError:
            holder = path.read_text() or "another process"
            raise DataDirInUse(f"{data_dir} is in use by {holder}") from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{purpose} (process {os.getpid()})".encode())
        yield


@contextmanager
def started(
    data_dir: Path, purpose: str, *, postgres: bool = True, redis: bool = True
) -> Iterator[Servers]:
    """Locks the data directory, starts its servers and stops them at the end.

    Call it from a thread that outlives the servers: on Linux they end with that thread.

    Raises:
        DataDirInUse: another process holds the data directory.
        StartFailed: a server did not start.
    """
    with hold(data_dir, purpose):
        servers = Servers(data_dir, postgres=postgres, redis=redis)
        try:
            servers.start()
            yield servers
        finally:
            servers.stop()


@contextmanager
def running(
    data_dir: Path, purpose: str, *, postgres: bool = True, redis: bool = True
) -> Iterator[Addresses]:
    """The servers of the data directory: those of the process that has locked it, else our own.

    Our own are stopped at the end, when the last guest has left. Those of a `started` end with it.

    Raises:
        StartFailed: a server did not start, or those of the holder do not respond.
    """
    with ExitStack() as last, ExitStack() as stack:
        owned = _own_or_join(stack, data_dir, purpose, postgres=postgres, redis=redis)
        yield addresses(data_dir)
        if owned:
            _wait_for_guests(last, data_dir)


def _own_or_join(
    stack: ExitStack, data_dir: Path, purpose: str, *, postgres: bool, redis: bool
) -> bool:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            stack.enter_context(started(data_dir, purpose, postgres=postgres, redis=redis))
        except DataDirInUse as taken:
            # Become a guest before the check of the servers, so that they stay afterwards.
            with suppress(BlockingIOError), ExitStack() as guest:
                guest.enter_context(_locked(data_dir / "guests", fcntl.LOCK_SH))
                if _answering(data_dir, postgres=postgres, redis=redis):
                    stack.push(guest.pop_all())
                    return False
            if time.monotonic() > deadline:
                raise StartFailed(f"{taken}, whose servers do not respond") from None
            time.sleep(POLL_S)
        else:
            return True


def _answering(data_dir: Path, *, postgres: bool, redis: bool) -> bool:
    home, sockets = _home(data_dir), _sockets_dir(data_dir)
    if not sockets.exists():
        return False
    _check_owner(sockets, home)
    return not (
        (postgres and not postgres_ready(home, sockets)) or (redis and not valkey_ready(sockets))
    )


def _wait_for_guests(stack: ExitStack, data_dir: Path) -> None:
    """Waits until the last guest leaves; then no guest can join until `stack` closes."""

    def alone() -> bool:
        with suppress(BlockingIOError):
            stack.enter_context(_locked(data_dir / "guests", fcntl.LOCK_EX))
            return True
        return False

    if not alone():
        _log.info("waiting for other commands that use the servers", data_dir=str(data_dir))
        wait_until(alone, GUESTS_TIMEOUT_S)


@contextmanager
def _locked(path: Path, mode: int) -> Iterator[int]:
    """Raises BlockingIOError when another process has locked it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)


def _directory_mode() -> int:
    """Under root, Postgres must pass through as another user; the files inside are private."""
    return 0o711 if os.geteuid() == 0 else 0o700


def _home(data_dir: Path) -> Path:
    return Path(os.path.realpath(data_dir))


def _sockets_dir(data_dir: Path) -> Path:
    home = _home(data_dir)
    longest = os.fsencode(postgres_socket(home))
    if len(longest) <= SOCKET_PATH_MAX_BYTES and _PLAIN_PATH.fullmatch(str(home)):
        return home
    # Not TMPDIR, which may differ in another terminal: the path must be the same in both.
    return Path("/tmp") / f"votes-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"  # noqa: S108


def _make_sockets_dir(sockets: Path, home: Path) -> None:
    sockets.mkdir(mode=_directory_mode(), exist_ok=True)
    _check_owner(sockets, home)


def _check_owner(sockets: Path, home: Path) -> None:
    """In /tmp any user can create a directory with that name, and listen in it."""
    status = sockets.lstat()
    ours = status.st_uid in {os.geteuid(), home.stat().st_uid}
    if not (
        stat.S_ISDIR(status.st_mode) and ours and (sockets == home or not status.st_mode & 0o022)
    ):
        raise StartFailed(f"{sockets} is not a private directory of ours; remove it")
