"""`votes api` and `votes worker`: one process each, on the servers of the environment."""

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import click
import msgspec
import structlog

from votes.cli.settings import from_environment, is_own_secret
from votes.config import Config, ConfigError, is_loopback
from votes.engine.ports import Unavailable
from votes.live.sockets import connections_allowed
from votes.store.migrate import require_migrated

BACKLOG_CONNECTIONS = 4_096
CONNECTION_BUFFER_BYTES = 32_768
"""The server's buffer for a request's head, and for a stream that its reader does not read; the
default is 400 kB. A whole response may be larger."""
STOP_TIMEOUT_S = 3
HEAD_MS = 30_000
"""A connection that sends no whole head in this time is closed, also between two requests."""

logger = structlog.get_logger("votes")


def _needs(config: Config, *names: str) -> None:
    for name in names:
        if not getattr(config, name):
            raise ConfigError(f"VOTES_{name.upper()}: is missing")


def _migrated(config: Config) -> None:
    """Raises `NotMigrated`. A database that does not respond yet is waited for while serving."""
    with suppress(Unavailable):
        asyncio.run(require_migrated(config.postgres_url or ""))


def address_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Where to listen."""
    port = click.option(
        "--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="TCP port."
    )
    host = click.option("--host", default="127.0.0.1", show_default=True, help="Address.")
    return host(port(command))


@click.command()
@address_options
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
def api(host: str, port: int, workers: int) -> None:
    """Serve the HTTP API."""
    config = from_environment()
    _needs(config, "postgres_url", "redis_url", "secret_keys")
    if config.demo_login and not is_loopback(host):
        raise ConfigError("VOTES_DEMO_LOGIN: is for --host 127.0.0.1, not for others to reach")
    _migrated(config)
    users = config.jwks_url or config.jwt_secret
    if users and not config.jwt_audience and not is_own_secret(config):
        logger.warning("VOTES_JWT_AUDIENCE is not set: the audience (aud) of tokens is not checked")
    serve("votes.server:from_environment", host, port, workers, factory=True)


def serve(target: str, host: str, port: int, workers: int = 1, *, factory: bool = False) -> None:
    """Run the HTTP server with the ASGI application that `module:name` names, until signalled."""
    from granian import Granian  # noqa: PLC0415 - a server is only for this command
    from granian.constants import HTTPModes, Interfaces, Loops  # noqa: PLC0415
    from granian.http import HTTP1Settings  # noqa: PLC0415
    from granian.log import LogLevels  # noqa: PLC0415

    Granian(
        target,
        factory=factory,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        http=HTTPModes.http1,  # a stream then takes 12 kB less; HTTP/2 is for the proxy in front
        workers=workers,
        backlog=BACKLOG_CONNECTIONS,
        # Open connections, streams too: the server's default would stop at about a thousand.
        backpressure=connections_allowed(),
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_TIMEOUT_S,
        log_level=LogLevels.warning,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEAD_MS, max_buffer_size=CONNECTION_BUFFER_BYTES
        ),
        websockets=False,
    ).serve()


@click.command()
def openapi() -> None:
    """Print the API's description (OpenAPI, JSON)."""
    from votes.api.application import HANDLERS, create_api  # noqa: PLC0415
    from votes.api.openapi import describe  # noqa: PLC0415

    document = msgspec.json.encode(describe(create_api(), HANDLERS), order="sorted")
    click.echo(msgspec.json.format(document, indent=1))


@click.command()
def worker() -> None:
    """Run the worker: it projects events into the read models and runs jobs."""
    config = from_environment()
    _needs(config, "postgres_url", "redis_url", "queue_url")
    _migrated(config)
    os.execv(sys.executable, [sys.executable, "-m", "workers"])  # noqa: S606
