"""`votes up`: starts everything."""

import asyncio
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

import click
from msgspec.structs import replace
from rich.console import Console

from votes import embedded
from votes.cli.serve import address_options
from votes.cli.settings import (
    completed,
    data_dir_option,
    environment,
    from_environment,
    with_secrets,
)
from votes.config import Config, is_loopback, without_login, without_password
from votes.demo.load import has_samples, load_demo
from votes.embedded import Addresses, Servers, StartFailed, supervise
from votes.embedded.supervise import Child
from votes.store.migrate import migrate

READY_TIMEOUT_S = 60.0
READY_POLL_S = 0.05
ANSWER_TIMEOUT_S = 1.0
REVIVE_S = 1.0
MAIL = "mail"
"""The folder of the data directory with the mails of a demo."""

console = Console(stderr=True, highlight=False)


@click.command()
@click.option("--demo", is_flag=True, help="Load the demo catalogue, its reviews and sample votes.")
@click.option("--samples/--no-samples", default=True, help="With --demo: sample votes, or none.")
@address_options
@data_dir_option
def up(demo: bool, samples: bool, host: str, port: int, data_dir: Path | None) -> None:
    """Start everything: servers, migrations, worker and API. Ctrl-C stops all of it."""
    given = from_environment(data_dir)
    _check_port(host, port)
    postgres, redis = given.postgres_url is None, given.redis_url is None
    started = time.monotonic()
    with embedded.started(given.data_dir, "votes up", postgres=postgres, redis=redis) as servers:
        config = with_secrets(replace(given, demo_login=demo and may_be_anybody(given, host)))
        if config.demo_login and config.smtp_url is None:
            config = replace(config, smtp_url=(config.data_dir.resolve() / MAIL).as_uri())
        asyncio.run(_serve(config, servers, host, port, demo, samples, started))
    console.print("Stopped. The data stays.")


def may_be_anybody(given: Config, host: str) -> bool:
    """Whether a demo lets anybody here be whoever they like: on loopback, on no real site."""
    real = given.login_url, given.oidc_issuer, given.public_url
    return is_loopback(host) and not any((*real, given.allowed_hosts, given.trusted_proxies))


def address(host: str, port: int) -> str:
    """Where the site is."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StartFailed(
                f"cannot listen on {host}:{port}: {error.strerror}; try --port"
            ) from None


def _children(given: Config, at: Addresses, host: str, port: int) -> list[Child]:
    """The API and the worker, each with its own logins and with no secret that it does not need."""
    command = (sys.executable, "-m", "votes")
    api = completed(given, replace(at, app_url=at.api_url, redis_url=at.redis_api_url))
    worker = completed(given, replace(at, app_url=at.worker_url))
    api = replace(api, migration_url=None, queue_url=None)
    worker = replace(worker, migration_url=None, secret_keys=(), jwt_secret=None)
    worker = replace(worker, oidc_client_secret=None, demo_login=False)
    worker = replace(worker, public_url=given.public_url or address(host, port))
    api = replace(api, smtp_url=given.smtp_url and without_login(given.smtp_url))
    return [
        Child("api", (*command, "api", "--host", host, "--port", str(port)), environment(api)),
        Child("worker", (*command, "worker"), environment(worker)),
    ]


async def _serve(
    given: Config,
    servers: Servers,
    host: str,
    port: int,
    demo: bool,
    samples: bool,
    started: float,
) -> None:
    config = completed(given, servers.addresses)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    for name in await migrate(config.migration_url or ""):
        console.print(f"migrated {name}")
    if demo and not stop.is_set():
        await load_demo(config, console, with_votes=samples)
    given = replace(given, samples=given.samples or await has_samples(config))
    children = _children(given, servers.addresses, host, port)
    url = address(host, port)
    beside = [
        asyncio.create_task(_revive(servers)),
        asyncio.create_task(_announce(url, config, demo, started)),
    ]
    try:
        await supervise.run(children, stop)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


async def _revive(servers: Servers) -> None:
    while True:
        await asyncio.sleep(REVIVE_S)
        for name in servers.revive():
            console.print(f"[yellow]{name} ended and was started again[/]")


async def _announce(url: str, config: Config, demo: bool, started: float) -> None:
    """Print the addresses once everything is ready."""
    if not await _ready(url.replace("//0.0.0.0", "//127.0.0.1")):
        console.print(f"[red]not ready after {READY_TIMEOUT_S:.0f} s: see {url}/health/ready[/]")
        return
    console.print(f"\n[bold green]votes is up[/] after {time.monotonic() - started:.1f} s\n")
    console.print(f"  the site      {url}/", soft_wrap=True)
    if demo:
        pair = "claude-haiku-open-weights-vs-mistral-3-small"
        console.print(f"  a comparison  {url}/compare/{pair}", soft_wrap=True)
    if config.demo_login:
        console.print(f"  be somebody   {url}/login", soft_wrap=True)
    console.print(f"  catalogue     {url}/v1/tools", soft_wrap=True)
    console.print(f"  reference     {url}/docs", soft_wrap=True)
    console.print(f"  health        {url}/health/ready", soft_wrap=True)
    if config.smtp_url is not None and config.smtp_url.startswith("file:"):
        console.print(f"  mails         {config.smtp_url.removeprefix('file://')}", soft_wrap=True)
    console.print(f"  data          {config.data_dir.resolve()}", soft_wrap=True)
    console.print(f"  Postgres      {without_password(config.postgres_url or '')}", soft_wrap=True)
    console.print(f"  Valkey        {without_password(config.redis_url or '')}", soft_wrap=True)
    console.print("\nCtrl-C stops it; the data stays.", soft_wrap=True)


async def _ready(url: str) -> bool:
    """Whether reads and streams are live in time; before, they come from the log, as `stale`."""
    import httpx  # noqa: PLC0415 - no other command needs a client

    deadline = time.monotonic() + READY_TIMEOUT_S
    async with httpx.AsyncClient(base_url=url, timeout=ANSWER_TIMEOUT_S) as http:
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError, ValueError):
                status = (await http.get("/health/ready")).json()
                if status["status"] == "ok" and status["read_models"] and status["lag"] == 0:
                    return True
            await asyncio.sleep(READY_POLL_S)
    return False
