"""Commands of an operator: migrate, rebuild, verify, tail, token, doctor."""

import asyncio
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import jwt
import msgspec
from rich.console import Console
from rich.table import Table

from votes.cli.diagnosis import diagnose
from votes.cli.settings import (
    data_dir_option,
    from_environment,
    has_secrets,
    json_option,
    outages_named,
    with_secrets,
    with_servers,
)
from votes.config import Config, ConfigError
from votes.domain.terms import PersonaSlug, Subject
from votes.engine.log import Position
from votes.engine.projecting.projector import PASS_EVENTS_MAX
from votes.engine.projecting.projector import rebuild as rebuild_models
from votes.engine.projecting.verify import Audit, audit
from votes.engine.projection import PARKED, Projection
from votes.projections import PROJECTIONS
from votes.resources import event_store, now
from votes.store.connections import REPORTS
from votes.store.migrate import migrate as apply_migrations
from votes.wiring import read_model_store

DRIFTS_SHOWN_MAX = 20
TAIL_POLL_S = 0.2
NAMES = tuple(each.name for each in PROJECTIONS.all if each is not PARKED)
ROLES = ("admin", "moderator", "panelist", "service")

console = Console(highlight=False)


@click.command()
@data_dir_option
@json_option
def migrate(data_dir: Path | None, as_json: bool) -> None:
    """Bring the database's schema up to date. May run twice, also at the same time."""
    config = from_environment(data_dir)
    if config.migration_url is not None:
        with outages_named(config):
            applied = asyncio.run(apply_migrations(config.migration_url))
    else:
        with with_servers("votes migrate", data_dir, redis=False, make=True) as config:
            applied = asyncio.run(apply_migrations(config.migration_url or ""))
    if as_json:
        click.echo(json.dumps({"applied": applied}))
    else:
        click.echo("\n".join(f"applied {name}" for name in applied) or "nothing to do")


@click.command()
@click.option("--projection", type=click.Choice(["all", *NAMES]), default="all")
@data_dir_option
@json_option
def rebuild(projection: str, data_dir: Path | None, as_json: bool) -> None:
    """Build the read models anew from the log while the live ones serve, then switch over.

    With --projection NAME, the values of the other projections stay as they are.
    """
    with with_servers("votes rebuild", data_dir) as config:
        position, counts = asyncio.run(_rebuild(config, PROJECTIONS.named.get(projection)))
    if as_json:
        click.echo(json.dumps({"position": position, **counts}))
    else:
        rebuilt = ", ".join(f"{name} ({count})" for name, count in counts.items())
        click.echo(f"rebuilt at position {position}: {rebuilt}")


async def _rebuild(config: Config, only: Projection[Any] | None) -> tuple[Position, dict[str, int]]:
    """The position, and the number of values of each rebuilt projection."""
    async with event_store(config, REPORTS) as store, read_model_store(config) as read_models:
        models = await rebuild_models(store, read_models, only)
    rebuilt = [only] if only is not None else [PROJECTIONS.named[name] for name in NAMES]
    return models.position, {each.name: sum(1 for _ in models.items(each)) for each in rebuilt}


@click.command()
@data_dir_option
@json_option
def verify(data_dir: Path | None, as_json: bool) -> None:
    """Count the log anew and compare every value of the read models. Exit 1 on drift."""
    with with_servers("votes verify", data_dir) as config:
        result = asyncio.run(_verify(config))
    if as_json:
        click.echo(msgspec.json.encode({"ok": result.ok, **msgspec.to_builtins(result)}))
    else:
        _print_audit(result)
    sys.exit(0 if result.ok else 1)


async def _verify(config: Config) -> Audit:
    async with event_store(config, REPORTS) as store, read_model_store(config) as read_models:
        return await audit(store, read_models, now())


def _print_audit(result: Audit) -> None:
    if result.problem is not None:
        click.echo(f"drift: {result.problem}", err=True)
    elif result.ok:
        click.echo(f"no drift: {result.models} read models match {result.events} events")
    if result.parked:
        click.echo(f"{result.parked} events are parked: see votes doctor", err=True)
    if result.drifts:
        for drift in result.drifts[:DRIFTS_SHOWN_MAX]:
            click.echo(
                f"{drift.model} {drift.key}: stored {drift.stored}, expected {drift.expected}",
                err=True,
            )
        click.echo(f"drift: {len(result.drifts)} of {result.models} read models", err=True)


@click.command()
@click.option("--after", default=None, type=click.IntRange(0), help="Start after this position.")
@click.option("--follow/--no-follow", default=True, help="Wait for more at the end of the log.")
@data_dir_option
def tail(after: int | None, follow: bool, data_dir: Path | None) -> None:
    """Print events as they are appended, one JSON object a line."""
    with with_servers("votes tail", data_dir, redis=False) as config:
        try:
            asyncio.run(_tail(config, after, follow))
        except KeyboardInterrupt:
            sys.exit(0)


async def _tail(config: Config, after: int | None, follow: bool) -> None:
    async with event_store(config, REPORTS) as store:
        position = after if after is not None else (await store.head() if follow else 0)
        while True:
            async for record in store.records(PASS_EVENTS_MAX, position):
                click.echo(msgspec.json.encode(record))
                position = record["position"]
            if not follow:
                return
            await asyncio.sleep(TAIL_POLL_S)


def _as(kind: Any) -> Any:
    """Check an option as the API will check the token."""

    def check(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
        try:
            return msgspec.convert(value, kind | None)  # type: ignore[no-any-return]
        except msgspec.ValidationError as error:
            raise click.BadParameter(str(error)) from error

    return check


@click.command()
@click.option(
    "--subject", "--id", required=True, callback=_as(Subject), help="Who: the token's `sub`."
)
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="May be repeated.")
@click.option("--persona", callback=_as(PersonaSlug), help="Whose reviews a panelist writes.")
@click.option("--ttl-hours", default=24, show_default=True, type=click.IntRange(1, 24 * 365))
@data_dir_option
@json_option
def token(
    subject: str,
    roles: tuple[str, ...],
    persona: str | None,
    ttl_hours: int,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Make a token of a user, signed with VOTES_JWT_SECRET (or the data directory's secret)."""
    config = from_environment(data_dir)
    if has_secrets(config.data_dir):
        config = with_secrets(config)
    if config.jwt_secret is None:
        where = config.data_dir.resolve()
        others = "with VOTES_JWKS_URL others make tokens"
        missing = others if config.jwks_url else f"{where} has none; try --data-dir"
        raise ConfigError(f"VOTES_JWT_SECRET: is missing; {missing}")
    issued = now()
    claims: dict[str, Any] = {
        "sub": subject,
        "roles": sorted(roles),
        "iat": issued,
        "exp": issued + timedelta(hours=ttl_hours),
    }
    named = {"persona": persona, "iss": config.jwt_issuer, "aud": config.jwt_audience}
    claims |= {name: value for name, value in named.items() if value is not None}
    text = jwt.encode(claims, config.jwt_secret, algorithm="HS256")
    click.echo(json.dumps({"token": text}) if as_json else text)


@click.command()
@data_dir_option
@json_option
def doctor(data_dir: Path | None, as_json: bool) -> None:
    """Check settings, servers, schema and read models. Exit 1 if something is wrong.

    The settings are those of this command's environment, not of a program that runs.
    """
    with with_servers("votes doctor", data_dir) as config:
        checks = asyncio.run(diagnose(config))
    if as_json:
        click.echo(msgspec.json.encode(checks))
    else:
        table = Table("check", "", "found", box=None)
        for check in checks:
            table.add_row(check.name, "[green]ok[/]" if check.ok else "[red]not ok[/]", check.found)
        console.print(table)
    sys.exit(0 if all(check.ok for check in checks) else 1)
