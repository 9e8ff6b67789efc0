"""Real servers on the disk of the checkout, with fsync, gone at the end."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from tests.polling import wait_for
from tests.site import free_port
from votes.config import Config
from votes.embedded import started
from votes.store.migrate import migrate

ROOT = Path(__file__).parents[3]
SECRET_KEY = b"the-key-of-the-benchmarks"


@contextmanager
def servers() -> Iterator[Config]:
    """Postgres and Valkey, without a table in them."""
    (ROOT / ".data").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="benchmark-", dir=ROOT / ".data"))
    try:
        with started(folder / "data", "benchmarks") as running:
            where = running.addresses
            yield Config(
                postgres_url=where.app_url,
                migration_url=where.owner_url,
                redis_url=where.redis_owner_url,
                queue_url=where.queue_url,
                data_dir=folder / "data",
                secret_keys=(SECRET_KEY,),
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def prepare(config: Config) -> None:
    """Migrate, and make sure that commits are durable: else the numbers mean nothing."""
    await migrate(config.migration_url or "")
    connection = await asyncpg.connect(config.postgres_url)
    try:
        for name in ("fsync", "synchronous_commit"):
            assert await connection.fetchval(f"SHOW {name}") == "on"
    finally:
        await connection.close()


@contextmanager
def process(
    *arguments: str, config: Config | None = None, **settings: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process with these arguments, ended at the end."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("VOTES_")}
    env |= {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "VOTES_LOG": "error"}
    if config is not None:
        env |= {
            "VOTES_POSTGRES_URL": config.postgres_url or "",
            "VOTES_REDIS_URL": config.redis_url or "",
            "VOTES_QUEUE_URL": config.queue_url or "",
            "VOTES_SECRET_KEYS": SECRET_KEY.decode(),
            **settings,
        }
    with subprocess.Popen([sys.executable, *arguments], env=env) as running:
        try:
            yield running
        finally:
            running.terminate()
            running.wait(30)


@contextmanager
def api(config: Config, workers: int = 1, /, **settings: str) -> Iterator[tuple[int, int]]:
    """One API process, or several on one port; answers its port, and the id of what began it."""
    port = free_port()
    arguments = ("-m", "votes", "api", "--port", str(port), "--workers", str(workers))
    with process(*arguments, config=config, **settings) as running:
        yield port, running.pid


@contextmanager
def api_and_worker(config: Config) -> Iterator[int]:
    """One API process and the worker; answers the port."""
    with api(config) as (port, _), process("-m", "workers", config=config):
        wait_for(lambda: projected(port), "the API and the worker")
        yield port


def projected(port: int) -> bool:
    import httpx

    try:
        status = httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=2).json()
    except httpx.HTTPError:
        return False
    return bool(status["status"] == "ok" and status["lag"] == 0)
