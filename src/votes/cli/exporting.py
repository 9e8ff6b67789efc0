"""`votes export`: what the log holds as files; `votes import` reads them."""

import asyncio
import csv
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TextIO

import click
import msgspec

from votes.app.bookmarks.sealing import NOTHING, unseal
from votes.app.catalogue import tools as catalogue
from votes.cli.importing import PERSON
from votes.cli.settings import data_dir_option, with_servers
from votes.config import Config
from votes.domain import review, vote
from votes.domain import tool as tools
from votes.domain.bookmarks.bookmark import (
    BookmarkRemoved,
    BookmarkRevised,
    ToolBookmarked,
    parts_of,
)
from votes.domain.review import ReviewPublished, ReviewRevised
from votes.domain.terms import ToolId, ToolSlug
from votes.domain.tool import ToolDelisted, ToolEvent
from votes.domain.vote_events import VOTE_EVENTS
from votes.engine.log import Recorded, Stream
from votes.engine.projecting.projector import PASS_EVENTS_MAX, fold_log
from votes.engine.read_models import ReadModels
from votes.projections import PROJECTIONS
from votes.projections.profiles import PROFILES
from votes.projections.tallies import TALLIES, tally_view
from votes.resources import event_store
from votes.store.people import People
from votes.store.postgres import PostgresEventStore

Row = dict[str, Any]


async def _events(store: PostgresEventStore) -> AsyncIterator[Row]:
    async for record in store.records(PASS_EVENTS_MAX):
        yield record


async def _tallies(store: PostgresEventStore) -> AsyncIterator[Row]:
    models = ReadModels(PROJECTIONS, await store.epoch())
    await fold_log(store, models)
    for tool, tally in models.items(TALLIES):
        profile = models.get(PROFILES, tool)
        if profile is not None:
            yield msgspec.to_builtins(tally_view(profile.slug, tally, stale=False))


async def _bookmarks(store: PostgresEventStore) -> AsyncIterator[Row]:
    bookmarks: dict[Stream, Recorded] = {}
    async for events in store.after(0, PASS_EVENTS_MAX):
        for recorded in events:
            if isinstance(recorded.event, ToolBookmarked | BookmarkRevised):
                bookmarks[recorded.stream] = recorded
            elif isinstance(recorded.event, BookmarkRemoved):
                bookmarks.pop(recorded.stream, None)
    parts = {stream: parts_of(stream) for stream in bookmarks}
    slugs = await catalogue.slugs(store, None, {tool for _, tool in parts.values()})
    people = await People(store, store).by_id({user for user, _ in parts.values()})
    for stream, last in bookmarks.items():
        user, tool = parts[stream]
        slug, person = slugs.get(tool), people.get(user)
        if slug is not None and person is not None:
            notes = unseal(person.cipher, stream, last.event.annotations) or NOTHING
            yield {
                "user": f"{PERSON}{person.id}",
                "tool": slug,
                **msgspec.to_builtins(notes),
                "at": msgspec.to_builtins(last.event.added_at),
            }


async def _tools(store: PostgresEventStore) -> AsyncIterator[Row]:
    """Those that are listed."""
    async for last in _lasts(store, tools.PREFIX):
        if isinstance(last.event, ToolEvent) and not isinstance(last.event, ToolDelisted):
            yield {"slug": last.event.slug, **msgspec.to_builtins(last.event.entry)}


async def _reviews(store: PostgresEventStore) -> AsyncIterator[Row]:
    slugs = await _slugs(store)
    async for last in _lasts(store, review.PREFIX):
        event, slug = last.event, slugs.get(ToolId(last.subject))
        if slug is not None and isinstance(event, ReviewPublished | ReviewRevised):
            yield {
                "tool": slug,
                "persona": review.persona_of(last.stream),
                **msgspec.to_builtins(event.opinion),
                "at": msgspec.to_builtins(last.at),
            }


async def _votes(store: PostgresEventStore) -> AsyncIterator[Row]:
    """The votes that stand, whether they count or not."""
    slugs = await _slugs(store)
    async for last in _lasts(store, vote.PREFIX):
        event, slug = last.event, slugs.get(ToolId(last.subject))
        standing = vote.evolve(vote.Vote(), event) if isinstance(event, VOTE_EVENTS) else None
        if slug is not None and standing is not None and standing.choice is not None:
            voter = vote.voter_of(last.stream)
            person = voter.removeprefix("user:")
            yield {
                "tool": slug,
                "voter": voter if person == voter else f"{PERSON}{person}",
                "choice": standing.choice,
                "at": msgspec.to_builtins(last.at),
            }


async def _slugs(store: PostgresEventStore) -> dict[ToolId, ToolSlug]:
    """The current slugs of all tools, listed or not."""
    return {
        ToolId(last.subject): last.event.slug
        async for last in _lasts(store, tools.PREFIX)
        if isinstance(last.event, ToolEvent)
    }


async def _lasts(store: PostgresEventStore, prefix: str) -> AsyncIterator[Recorded]:
    """The last event of each stream that begins with the prefix."""
    after = None
    while page := await store.last_of_prefix(prefix, PASS_EVENTS_MAX, after):
        for last in page:
            yield last
        after = page[-1].stream


async def _people(store: PostgresEventStore) -> AsyncIterator[Row]:
    async for row in People(store, store).rows(PASS_EVENTS_MAX):
        yield msgspec.to_builtins(row)


PEOPLE = "people"
EXPORTS = {
    "events": _events,
    PEOPLE: _people,
    "tallies": _tallies,
    "tools": _tools,
    "reviews": _reviews,
    "votes": _votes,
    "bookmarks": _bookmarks,
}


@click.command()
@click.argument("kind", type=click.Choice(sorted(EXPORTS)))
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--format", "form", type=click.Choice(["ndjson", "csv"]), default="ndjson")
@data_dir_option
def export(kind: str, output: Path | None, form: str, data_dir: Path | None) -> None:
    """Write rows as NDJSON or CSV, to standard output or a file.

    \b
    events     the log, as `votes import events` restores it into an empty one
    people     who the persons in it are, as `votes import people` adds it to a restored log
    tallies    the counts of now
    tools, reviews, votes, bookmarks
               what stands now, as `votes import` reads it

    `people` has the keys of all that users have written for themselves, and what leads from logins
    to their votes. With the log it is as secret as the database.
    """
    if kind == PEOPLE:
        os.umask(0o077)
        click.echo("this is secret: it opens what users have written for themselves", err=True)
    with (
        with_servers(f"votes export {kind}", data_dir, redis=False) as config,
        click.open_file(
            str(output or "-"), "w", encoding="utf-8", atomic=output is not None
        ) as file,
    ):
        count = asyncio.run(_export(config, kind, form, file))
    click.echo(f"{count} rows", err=True)


async def _export(config: Config, kind: str, form: str, file: Any) -> int:
    count = 0
    async with event_store(config) as store:
        write = _csv(file) if form == "csv" else _ndjson(file)
        async for row in EXPORTS[kind](store):
            write(row)
            count += 1
    return count


def _ndjson(file: TextIO) -> Any:
    def write(row: Row) -> None:
        file.write(msgspec.json.encode(row).decode() + "\n")

    return write


def _csv(file: TextIO) -> Any:
    writer: list[Any] = []

    def write(row: Row) -> None:
        flat = {key: _cell(value) for key, value in row.items()}
        if not writer:
            writer.append(csv.DictWriter(file, flat.keys()))
            writer[0].writeheader()
        writer[0].writerow(flat)

    return write


def _cell(value: Any) -> Any:
    """A list of plain strings joined by semicolons, other structures as JSON, None as empty."""
    if isinstance(value, list | tuple) and all(_plain(part) for part in value):
        return ";".join(value)
    if isinstance(value, dict | list | tuple | msgspec.Raw):
        return msgspec.json.encode(value).decode()
    return value


def _plain(part: Any) -> bool:
    """Whether the string can be joined by semicolons without confusion with JSON."""
    return isinstance(part, str) and ";" not in part and not part.startswith("[")
