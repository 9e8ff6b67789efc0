"""`votes rename`: a new slug for a tool."""

import asyncio
from pathlib import Path

import click
import msgspec

from votes.app.catalogue import tools as catalogue
from votes.app.shapes import RenameWritten
from votes.cli.settings import data_dir_option, json_option, with_servers
from votes.config import Config
from votes.domain import tool as tools
from votes.domain.terms import ToolSlug, is_slug
from votes.engine.bulk import submit_all
from votes.engine.decider import Rejected
from votes.engine.handle import Request
from votes.engine.ports import Meta
from votes.resources import event_store, now

ACTOR = Meta(actor="votes rename")


def _slug(_: click.Context, __: click.Parameter, value: str) -> ToolSlug:
    if not is_slug(value):
        raise click.BadParameter("lower-case letters, digits, '-', '_' and '.'.")
    return value


@click.command()
@click.argument("old", callback=_slug)
@click.argument("new", callback=_slug)
@data_dir_option
@json_option
def rename(old: str, new: str, data_dir: Path | None, as_json: bool) -> None:
    """Give the tool OLD the slug NEW.

    It keeps its votes, bookmarks and reviews. Addresses with OLD redirect to NEW for good: no tool
    can have the slug OLD again, not even this one.
    """
    with with_servers("votes rename", data_dir, redis=False) as config:
        written = asyncio.run(_rename(config, old, new))
    if as_json:
        click.echo(msgspec.json.encode(written))
    elif written.changed:
        click.echo(f"{written.previous} is now {written.tool}, from position {written.position} on")
    else:
        click.echo(f"the slug is already {written.tool}")


async def _rename(config: Config, old: ToolSlug, new: ToolSlug) -> RenameWritten:
    async with event_store(config) as store:
        tool = (await catalogue.ids(store, None, [old])).get(old)
        if tool is None:
            raise click.ClickException(f"There is no tool {old!r} in the catalogue.")
        command = tools.RenameTool(tool, new)
        (result,) = await submit_all(store, [Request(tools.decider, command, ACTOR, now())])
    if isinstance(result, Rejected):
        raise click.ClickException(result.detail)
    return RenameWritten(result.after.slug, result.before.slug, result.changed, result.position)
