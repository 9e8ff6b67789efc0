"""`votes import`."""

import asyncio
import gc
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from votes.cli.importing import IMPORTS, RowRequest, Rows, Wanted, people_of, tools_of
from votes.cli.rows import Row, opened, rows
from votes.cli.settings import data_dir_option, json_option, with_servers
from votes.config import Config
from votes.engine.decider import Rejected
from votes.resources import event_store, now, required
from votes.store.migrate import migrate, require_migrated
from votes.store.people import People
from votes.store.postgres import PostgresEventStore
from votes.store.restore import restore, restore_people

EVENTS, PEOPLE = "events", "people"
CHUNK_ROWS = 1_024
REFUSALS_SHOWN_MAX = 20
GARBAGE_OBJECTS_MAX = 50_000
"""Python looks for garbage at so many new objects: more than a chunk has."""


@click.command(name="import")
@click.argument("kind", type=click.Choice(sorted([*IMPORTS, EVENTS, PEOPLE])))
@click.argument(
    "file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True)
)
@click.option("--create-tools", is_flag=True, help="List tools that are not in the catalogue.")
@data_dir_option
@json_option
def import_(
    kind: str, file: Path, create_tools: bool, data_dir: Path | None, as_json: bool
) -> None:
    """Import rows of a CSV file (with a header) or of NDJSON.

    \b
    events     what `votes export events` writes, into an empty log
    people     what `votes export people` writes, after the events
    tools      slug,name,category,tagline,description,url,pricing,best_for
    votes      tool,voter,choice,at
    reviews    tool,persona,score,choice,body
    bookmarks  user,tool,note,tags,collection,rank,url,at   (tags separated by ;, or a list in JSON)

    A `user` is the subject of a login, or `person:ID` as in an export. A `voter` may be `person:ID`
    too, or `user:SUBJECT`, or `visitor:ID`; any other is known by this name alone.

    `at` is a time in the format of RFC 3339, from 1970 to an hour from now; default: now.

    Events are restored as they were, all or none, by the login of the migrations. Who the persons
    in them are, and the keys of what they wrote for themselves, is not in the log: that comes with
    `people`. Without it bookmarks stay unreadable, and whoever logs in begins anew. Both are
    restored before the site starts.

    Importing a file again changes nothing. Refused rows are printed with their line, the others are
    imported, and the exit status is 1. A file with a repeated column is not imported.
    """
    with with_servers(f"votes import {kind}", data_dir, redis=False, make=True) as config:
        if kind in (EVENTS, PEOPLE):
            counts = asyncio.run(_restore(config, kind, file))
        else:
            counts = asyncio.run(import_rows(config, kind, file, create_tools=create_tools))
    if as_json:
        click.echo(json.dumps(counts))
    else:
        new = "{people} new persons" if kind == PEOPLE else "{events} new events"
        summary = f"{{rows}} rows: {new}, {{unchanged}} unchanged, {{refused}} refused"
        click.echo(summary.format(**counts))
    if counts["refused"]:
        sys.exit(1)


async def import_rows(
    config: Config, kind: str, path: Path, *, create_tools: bool
) -> dict[str, int]:
    """Import the rows of the file; counts of what came of them. Raises `Unavailable`."""
    await _migrated(config)
    gc.set_threshold(GARBAGE_OBJECTS_MAX)
    async with event_store(config) as store:
        importing = _Import(store, kind, create_tools)
        with _progress() as progress, opened(path) as file:
            size = os.fstat(file.fileno()).st_size if file.seekable() else None
            task = progress.add_task(f"importing {kind}", total=size, rows=0)
            source = rows(file, str(path))
            async for _ in _submitted(importing, source, ahead=size is not None):
                rows_read = importing.counts["rows"]
                progress.update(task, completed=_bytes_read(file), rows=rows_read)
    return importing.counts


async def _submitted(
    importing: "_Import", source: Iterator[Row], *, ahead: bool
) -> AsyncIterator[None]:
    """Submit all rows, piece by piece; yields after each. With `ahead` a piece is read and decided
    while the one before it is being stored: not from a pipe, which may wait for more."""
    before: asyncio.Task[None] | None = None
    following: asyncio.Task[None] | None = None
    try:
        while chunk := list(islice(source, CHUNK_ROWS)):
            following = asyncio.create_task(importing.submit(chunk, before))
            if not (ahead and importing.is_of_votes):
                await following
            elif before is not None:
                await before
                await asyncio.sleep(0)  # so that the following one is sent
            before = following
            yield
        if before is not None:
            await before
            yield
    finally:
        left = [task for task in (before, following) if task is not None]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _restore(config: Config, kind: str, path: Path) -> dict[str, int]:
    await _migrated(config)
    url = config.migration_url or required(config.postgres_url, "VOTES_POSTGRES_URL")
    with opened(path) as file:
        if kind == PEOPLE:
            rows, new = await restore_people(url, file)
            return {"rows": rows, "people": new, "unchanged": rows - new, "refused": 0}
        restored = await restore(url, file)
    return {"rows": restored, "events": restored, "unchanged": 0, "refused": 0}


async def _migrated(config: Config) -> None:
    """Apply the missing migrations where an owner's login is set. To import needs none."""
    url = required(config.postgres_url, "VOTES_POSTGRES_URL")
    if config.migration_url in (None, url):
        await require_migrated(url)
    else:
        await migrate(required(config.migration_url, "VOTES_MIGRATION_URL"))


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]} rows"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )


def _bytes_read(file: BinaryIO) -> int | None:
    return file.tell() if file.seekable() else None


class _Import:
    """Rows of one kind on their way into the log, and the `counts` of what came of them."""

    def __init__(self, store: PostgresEventStore, kind: str, create_tools: bool) -> None:
        self.counts = {"rows": 0, "events": 0, "unchanged": 0, "refused": 0}
        self.is_of_votes = kind == "votes"
        self._store, self._kind, self._create = store, kind, create_tools
        self._people, self._rows = People(store, store), Rows(store)

    async def submit(self, chunk: Sequence[Row], before: Awaitable[None] | None = None) -> None:
        """Store what these rows want, and tell which are refused, when `before` is done: the rows
        before these. Raises `Unavailable`."""
        read, refused = self._read(chunk)
        slugs = dict.fromkeys(wanted.slug for _, wanted in read.values())
        tools = await tools_of(self._store, self._kind, slugs, create=self._create)
        users = {row.user for _, row in read.values() if row.user is not None and row.slug in tools}
        persons = await people_of(self._people, users)
        requests: dict[int, RowRequest] = {}
        for number, (fields, wanted) in read.items():
            user, tool = wanted.user, tools.get(wanted.slug)
            if tool is None:
                refused[number] = f"There is no tool {wanted.slug!r} in the catalogue."
            elif user is not None and user not in persons:
                refused[number] = f"There is no {user!r} here."
            else:
                person = None if user is None else persons[user]
                requests[number] = wanted, (self._kind, fields, tool, person)
        results = await self._rows.submit(list(requests.values()), before)
        self.counts["rows"] += len(chunk)
        for number, reason in refused.items():
            self._refuse(number, reason)
        for number, result in zip(requests, results, strict=True):
            if isinstance(result, Rejected):
                self._refuse(number, result.detail)
            else:
                self.counts["events" if result else "unchanged"] += 1

    def _read(
        self, chunk: Sequence[Row]
    ) -> tuple[dict[int, tuple[dict[str, Any], Wanted]], dict[int, str]]:
        """The fields of the rows that can be read, and what they mean; and why others cannot."""
        read, refused, moment = {}, {}, now()
        for number, fields in chunk:
            if isinstance(fields, str):
                refused[number] = fields
                continue
            try:
                read[number] = fields, IMPORTS[self._kind](fields, moment)
            except ValueError as error:
                refused[number] = str(error)
        return read, refused

    def _refuse(self, number: int, reason: str) -> None:
        self.counts["refused"] += 1
        if self.counts["refused"] <= REFUSALS_SHOWN_MAX:
            click.echo(f"line {number}: {reason}", err=True)
        elif self.counts["refused"] == REFUSALS_SHOWN_MAX + 1:
            click.echo("further refused rows are only counted", err=True)
