"""The processes of a running `votes up`, found below its process id, ended or made to hang."""

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator

import httpx

from tests.e2e.asking import get
from tests.polling import wait_for
from tests.site import Site

NAMES = {
    "api": " -m votes api ",
    "worker": " -m workers",
    "postgres": "/bin/postgres -D ",
    "valkey": "valkey-server",
}


def family(pid: int) -> list[tuple[int, int, str]]:
    """Process id, parent's id and command line of all below a process, parents first."""
    listed = subprocess.run(
        ["ps", "-axww", "-o", "pid=,ppid=,command="], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
    processes = [(int(row[0]), int(row[1]), row[2] if len(row) > 2 else "") for row in rows]
    found, parents = [], {pid}
    while below := [row for row in processes if row[1] in parents]:
        found += below
        parents = {row[0] for row in below}
    return found


def part(site: Site, name: str) -> int | None:
    """The process id of a part of the program, None while it does not run."""
    assert site.process is not None
    own = [row for row in family(site.process.pid) if row[1] == site.process.pid]
    return next((pid for pid, _, command in own if NAMES[name] in f"{command} "), None)


def kill(site: Site, name: str) -> None:
    """SIGKILL to a part; returns when another process has its place."""
    pid = part(site, name)
    assert pid is not None, name
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: part(site, name) not in (None, pid), f"another {name}")


def wait_until_ready(site: Site) -> None:
    """Until all is served again, and the read models are at the head of the log."""

    def ready() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            status = get(f"{site.url}/health/ready", timeout=5).json()
            return status["status"] == "ok" and status["lag"] == 0
        return False

    wait_for(ready, "readiness")


def kill_program(site: Site) -> None:
    """SIGKILL to `votes up` itself; returns when nobody listens at its port any more."""
    assert site.process is not None
    site.process.kill()
    site.process.wait()
    site.log.close()

    def closed() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", site.port)) != 0

    wait_for(closed, "the port to be free")


def hang(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)


def resume(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def hanging(site: Site, name: str) -> Iterator[None]:
    """SIGSTOP to a part and to all below it; they go on at the end."""
    pid = part(site, name)
    assert pid is not None, name
    hang([pid])  # it then makes no more
    pids = [pid, *(below for below, _, _ in family(pid))]
    hang(pids)
    try:
        yield
    finally:
        resume(pids)
