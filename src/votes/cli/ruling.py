"""`votes ruling`: discount or release votes, lift that, and list what was ruled."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from msgspec import convert
from rich.console import Console
from rich.table import Column, Table

from votes.app.catalogue import tools as catalogue
from votes.app.moderation import queue as moderation
from votes.app.moderation import rulings
from votes.app.moderation.explanation import explain
from votes.app.moderation.queue import PreviewView, RulingsPage, RulingView
from votes.cli.settings import data_dir_option, json_option, with_servers
from votes.config import Config
from votes.domain.moderation import finding as findings
from votes.domain.moderation import ruling as rules
from votes.domain.moderation.ruling import LiftRuling, MakeRuling, RulingMade, Selector, Verdict
from votes.domain.terms import Reason, RulingId, Time, ToolId, is_slug
from votes.engine.bulk import submit_all
from votes.engine.decider import Rejected
from votes.engine.handle import Outcome, Request
from votes.engine.ports import EventStore, Meta
from votes.engine.projecting.projector import fold_log
from votes.engine.read_models import ReadModels
from votes.projections import PROJECTIONS
from votes.projections.tallies import Counts, Tally, tally_view
from votes.resources import event_store, new_ruling_id, now
from votes.store.connections import REPORTS

ACTOR = Meta(actor="votes ruling")

Function = TypeVar("Function", bound=Callable[..., Any])
console = Console(highlight=False)


@click.group()
def ruling() -> None:
    """Say which votes count: discount votes, release held ones, lift that, list what was ruled.

    A worker carries a ruling out within seconds. The journal names nobody.
    """


def _time(_: click.Context, __: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        return convert(value, Time)
    except msgspec.ValidationError as error:
        raise click.BadParameter("a time as 2026-01-31T12:00:00Z.") from error


def _reason(_: click.Context, __: click.Parameter, value: str) -> Reason:
    try:
        return convert(value, Reason)
    except msgspec.ValidationError as error:
        raise click.BadParameter(f"{error}.") from error


def _options(function: Function) -> Function:
    for option in reversed(
        (
            click.argument("tool"),
            click.option("--reason", required=True, callback=_reason, help="For the journal."),
            click.option("--from", "start", callback=_time, help="Votes cast from this time on."),
            click.option("--to", "end", callback=_time, help="Votes cast before this time."),
            click.option("--held", is_flag=True, help="Held votes alone."),
            click.option("--cluster", help="Votes of the voters of this cluster."),
            click.option("--without", multiple=True, help="Without those of this cluster."),
            click.option("--preview", is_flag=True, help="Store nothing; print the tally after."),
            data_dir_option,
            json_option,
        )
    ):
        function = option(function)
    return function


@ruling.command()
@_options
def discount(tool: str, **options: Any) -> None:
    """Let votes on TOOL count no more: those that stand now and that the options select."""
    _rule(tool, "discount", **options)


@ruling.command()
@_options
def release(tool: str, **options: Any) -> None:
    """Let held votes on TOOL count: those that stand now and that the options select."""
    _rule(tool, "release", **options)


def _rule(
    tool: str,
    verdict: Verdict,
    reason: Reason,
    start: datetime | None,
    end: datetime | None,
    held: bool,
    cluster: str | None,
    without: tuple[str, ...],
    preview: bool,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    if start is not None and end is not None and start >= end:
        raise click.UsageError("--from must be before --to.")
    named = {"cluster": cluster, "without": without, "held": held, "from": start, "to": end}
    try:
        made = RulingMade(convert(named, Selector), verdict, reason)
    except msgspec.ValidationError as error:
        raise click.UsageError(f"{error}.") from error
    with with_servers(f"votes ruling {verdict}", data_dir, redis=False) as config:
        result = asyncio.run(_ruled(config, tool, made, preview=preview))
    if as_json:
        click.echo(msgspec.json.encode(result))
    elif isinstance(result, PreviewView):
        tally = result.tally
        click.echo(f"{result.votes} votes would change. Then {tally.total} votes count:")
        click.echo(f"{tally.ship} ship, {tally.skip} skip; the call is {tally.call}.")
        click.echo(f"{tally.held} are held, {tally.discounted} discounted. Nothing is stored.")
    else:
        click.echo(f"ruling {result.id} on {result.tool}, made at position {result.position}")


async def _ruled(
    config: Config, slug: str, made: RulingMade, *, preview: bool
) -> PreviewView | RulingView:
    return await (_preview(config, slug, made) if preview else _make(config, slug, made))


async def _make(config: Config, slug: str, made: RulingMade) -> RulingView:
    async with event_store(config) as store:
        tool = await _tool(store, slug, made.selector)
        terms = made.selector, made.verdict, made.reason
        outcome = await _decided(store, MakeRuling(new_ruling_id(), tool, *terms))
        (stored,) = await store.at([outcome.position])
    name = rules.ruling_of(stored.stream)
    view = name, slug, made.verdict, made.selector, made.reason
    return RulingView(*view, stored.at, None, 0, stored.position)


async def _preview(config: Config, slug: str, made: RulingMade) -> PreviewView:
    async with event_store(config, REPORTS) as store:
        tool = await _tool(store, slug, made.selector)
        explanation = await explain(store, tool, slug)
        preview = await rulings.preview(store, tool, made, explanation.position)
    counts = Counts(explanation.ship, explanation.skip, **explanation.against) + preview.change
    tally = Tally(counts, explanation.position, explanation.last_vote_at or now())
    return PreviewView(preview.votes, tally_view(slug, tally, stale=False))


async def _tool(store: EventStore, slug: str, selector: Selector) -> ToolId:
    """The tool, of which the selector can select votes."""
    tool = (await catalogue.ids(store, None, [slug])).get(slug) if is_slug(slug) else None
    if tool is None:
        raise click.ClickException(f"There is no tool {slug!r} in the catalogue.")
    members = await rulings.members_of(store, tool, selector)
    if not all(members.get(cluster) for cluster in selector.clusters):
        raise click.ClickException(findings.UNKNOWN.detail)
    return tool


@ruling.command()
@click.argument("name", metavar="ID")
@data_dir_option
@json_option
def lift(name: str, data_dir: Path | None, as_json: bool) -> None:
    """Lift the ruling ID: within seconds each vote is what it was before."""
    with with_servers("votes ruling lift", data_dir, redis=False) as config:
        outcome = asyncio.run(_lift(config, RulingId(name)))
    if as_json:
        result = {"id": name, "changed": outcome.changed, "position": outcome.position}
        click.echo(msgspec.json.encode(result))
    elif outcome.changed:
        click.echo(f"ruling {name} is lifted, at position {outcome.position}")
    else:
        click.echo(f"ruling {name} is lifted already")


async def _lift(config: Config, name: RulingId) -> Outcome[Any]:
    async with event_store(config) as store:
        stream = rules.stream(name)
        last = (await store.last_events([stream])).get(stream) if is_slug(name) else None
        if last is None:
            raise click.ClickException(rules.UNKNOWN.detail)
        return await _decided(store, LiftRuling(name, ToolId(last.subject)))


async def _decided(store: EventStore, command: MakeRuling | LiftRuling) -> Outcome[Any]:
    (result,) = await submit_all(store, [Request(rules.decider, command, ACTOR, now())])
    if isinstance(result, Rejected):
        raise click.ClickException(result.detail)
    return result


@ruling.command(name="list")
@data_dir_option
@json_option
def list_(data_dir: Path | None, as_json: bool) -> None:
    """Print the journal, newest first, folded from the log: also lifted rulings."""
    with with_servers("votes ruling list", data_dir, redis=False) as config:
        journal = asyncio.run(_journal(config))
    if as_json:
        click.echo(msgspec.json.encode(journal.rulings))
        return
    table = Table(
        Column("id", no_wrap=True), "tool", "verdict", "votes", "made", "lifted", box=None
    )
    table.add_column("reason")
    for one in journal.rulings:
        lifted = "" if one.lifted_at is None else f"{one.lifted_at:%Y-%m-%d %H:%M}"
        made = f"{one.made_at:%Y-%m-%d %H:%M}"
        table.add_row(one.id, one.tool, one.verdict, str(one.votes), made, lifted, one.reason)
    console.print(table)


async def _journal(config: Config) -> RulingsPage:
    async with event_store(config, REPORTS) as store:
        models = ReadModels(PROJECTIONS, await store.epoch())
        await fold_log(store, models)
        return await moderation.journal(models, None, max(1, models.position))
