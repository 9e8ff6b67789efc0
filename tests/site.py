"""The program as its users have it: `votes up` as a process, spoken to over HTTP."""

import contextlib
import fcntl
import functools
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import httpx
from msgspec.structs import replace

from tests import commands
from tests.polling import wait_for
from tests.running.once import made_once
from votes.config import REDIS_PREFIX_DEFAULT
from votes.embedded import Addresses, addresses, started
from votes.limits.policies import POLICIES

HOLDING: dict[str, Any] = {
    "VOTES_LIMIT_UNPROVEN_VISITORS_BY_NETWORK": "3/3600",
    "VOTES_LIMIT_UNPROVEN_VOTES_BY_TOOL": "4/3600",
}
"""What holds votes, as it is without any setting."""
COUNTING = dict.fromkeys(HOLDING, "off")
"""Settings for sites of tests that cast votes of many new visitors from this machine: all count."""
TIRELESS: dict[str, Any] = {
    policy.setting: "off" for policy in POLICIES if policy.by in ("visitor", "user")
}
"""Settings for sites of tests in which a few people do what thousands would."""
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
"""What a browser says of the requests of a site's own pages."""
TLS = ssl.create_default_context()
"""For every client: to make it takes longer than most requests."""
PORTS = range(20_000, 32_000)  # below the ports that the system hands out itself


def free_port() -> int:
    """A port that nothing listens on, and that no other process of the tests gets while this one
    lives, whatever suite it is of."""
    for _ in range(100):
        port = secrets.choice(PORTS)  # not by `random`, which is seeded anew for each test
        with socket.socket() as probe:
            if _taken(port) and probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise RuntimeError("no free port")


_TAKEN: set[int] = set()


@functools.cache
def _ports() -> BinaryIO:
    """A file that is never read: who has the lock of its byte 20,000 has the port 20,000."""
    return Path(f"/tmp/votes-test-ports-{os.getuid()}").open("ab")


def _taken(port: int) -> bool:
    """Take the port for this process; False where somebody has it."""
    if port in _TAKEN:
        return False
    try:
        fcntl.lockf(_ports(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _TAKEN.add(port)
    return True


SPLIT = {"VOTES_COHORT_CLAIMS": "plan,organisation"}
SHARED_VALKEY = os.environ.get("VOTES_TEST_VALKEY")
"""The data directory of the Valkey that several suites share, if they do: see CONTRIBUTING.md."""


def with_shared_valkey(at: Addresses) -> Addresses:
    """The addresses of servers, with the Valkey that suites share, if they do."""
    if SHARED_VALKEY is None:
        return at
    shared = addresses(Path(SHARED_VALKEY))
    return replace(
        at,
        redis_url=shared.redis_url,
        redis_api_url=shared.redis_api_url,
        redis_owner_url=shared.redis_owner_url,
        queue_url=shared.queue_url,
    )


class Site:
    """A running `votes up`. `url` is where it listens, `servers` where its servers do, and
    `prefix` what its keys in Valkey begin with. With `own_valkey` it shares none."""

    def __init__(
        self,
        data_dir: Path,
        port: int,
        env: dict[str, str] | None = None,
        *,
        own_valkey: bool = True,
    ) -> None:
        own = addresses(data_dir)
        self.servers = own if own_valkey else with_shared_valkey(own)
        self.prefix = REDIS_PREFIX_DEFAULT
        self.data_dir = data_dir
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.env = {
            **{key: value for key, value in os.environ.items() if not key.startswith("VOTES_")},
            "VOTES_DATA_DIR": str(data_dir),
            **COUNTING,
            **SPLIT,
            "VOTES_SMTP_URL": (data_dir.resolve() / "mail").as_uri(),
        }
        if self.servers != own:
            self.prefix = f"site-{uuid4().hex[:12]}"
            self.env["VOTES_REDIS_URL"] = self.servers.redis_owner_url
            self.env["VOTES_QUEUE_URL"] = self.servers.queue_url
            self.env["VOTES_REDIS_PREFIX"] = self.prefix
        self.env |= env or {}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Start it and wait until it is ready."""
        argv = [sys.executable, "-m", "votes", "up", "--port", str(self.port), *options]
        self.log = (self.data_dir.parent / "up.log").open("ab")
        self.process = subprocess.Popen(argv, env=self.env, stdout=self.log, stderr=self.log)
        with httpx.Client(timeout=2, verify=TLS) as http:
            wait_for(lambda: self._ready(http), "votes up")

    def _ready(self, http: httpx.Client) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError((self.data_dir.parent / "up.log").read_text())
        with contextlib.suppress(httpx.HTTPError):
            status = http.get(f"{self.url}/health/ready").json()
            return bool(status["status"] == "ok" and status["lag"] == 0)
        return False

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it; answers its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(60)
        self.log.close()
        return code

    def votes(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run another `votes` command on the same data directory."""
        return commands.votes(arguments, self.env, Path.cwd(), given)

    def token(self, subject: str, *roles: str, persona: str | None = None) -> dict[str, str]:
        """The header of a user's token."""
        arguments = ["token", "--subject", subject]
        for role in roles:
            arguments += ["--role", role]
        if persona is not None:
            arguments += ["--persona", persona]
        return {"Authorization": f"Bearer {self.votes(*arguments).stdout.strip()}"}


def begun() -> Path:
    """A data directory on which `votes up --demo` has run: a site that begins with a copy takes a
    third of the time. It waits for no disk: what a loss of power leaves is not tested."""

    def make(folder: Path) -> Path:
        first = Site(folder / "data", free_port())
        first.start("--demo", "--no-samples")
        first.stop()
        with (first.data_dir / "postgres/postgresql.auto.conf").open("a") as settings:
            settings.write("fsync = off\nfull_page_writes = off\n")
        return first.data_dir

    return made_once("begun", make)


def new_cluster(data_dir: Path) -> None:
    """Leave a copy of a new cluster there: to make one takes longer than most tests."""

    def make(folder: Path) -> Path:
        with started(folder / "data", "the tests", redis=False):
            pass
        return folder / "data/postgres"

    data_dir.mkdir(exist_ok=True)
    _copy(made_once("cluster", make), data_dir / "postgres")


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", source, target], check=True)  # with the owners


@contextlib.contextmanager
def site(
    *,
    anew: bool = False,
    samples: bool = False,
    own_valkey: bool = False,
    port: int | None = None,
    **env: str,
) -> Iterator[Site]:
    """A running site with the demo catalogue, gone with all its data at the end; `anew`: it starts
    for the first time, as it is without any setting; `samples`: with the sample votes."""
    folder = Path(tempfile.mkdtemp(prefix="votes-site-", dir="/tmp"))
    running = Site(folder / "data", port or free_port(), env, own_valkey=own_valkey or anew)
    try:
        if not anew:
            _copy(begun(), running.data_dir)
        running.start("--demo", "--samples" if samples else "--no-samples")
        yield running
    finally:
        if running.process is not None:
            running.stop()
        shutil.rmtree(folder, ignore_errors=True)
