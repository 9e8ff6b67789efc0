"""An import of bookmarks whose process is killed goes on in the next one, and says what happened;
one whose person is erased leaves nothing."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from tests.engine.commands.sending import obeyed
from tests.polling import until
from votes.app import import_file
from votes.app.bookmarks import unmatched
from votes.app.bookmarks.responses import ImportView
from votes.app.bookmarks.shelves import Shelf
from votes.config import Config
from votes.domain import person as persons
from votes.domain import tool
from votes.domain.person import EraseSubject, Person
from votes.domain.terms import ToolId
from votes.domain.tool import Entry, ListTool
from votes.engine.bulk import submit_all
from votes.engine.handle import Request
from votes.engine.ports import Meta
from votes.resources import connect_redis, now
from votes.store.people import People
from votes.store.postgres import PostgresEventStore
from votes.views import keys
from votes.views.imports import TRIES_MAX, ImportJob, Imports, work_on
from votes.views.keys import Namespace

TOOLS, PAGES = 60, 6_000
FILE = json.dumps(
    [
        {
            "url": f"https://tool-{n}.example/" if n < TOOLS else f"https://other.example/{n}",
            "folder": ["Work", f"Shelf {n % 7}"],
        }
        for n in range(PAGES)
    ]
).encode()
NAME = "an-import"
ADDED = {"added": TOOLS, "revised": 0, "collections": 8, "unmatched": PAGES - TOOLS}


@dataclass
class Desk:
    """A person's imports, and the processes that work on them."""

    config: Config
    store: PostgresEventStore
    people: People
    imports: Imports
    space: Namespace
    person: Person

    async def add(self, name: str = NAME, data: bytes = FILE) -> None:
        assert await self.imports.add(self.person.id, name, import_file.seal(self.person, data))

    async def started(self) -> Process:
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("VOTES_")},
            "VOTES_POSTGRES_URL": self.config.postgres_url or "",
            "VOTES_REDIS_URL": self.config.redis_url or "",
            "VOTES_REDIS_PREFIX": self.config.redis_prefix,
        }
        return await asyncio.create_subprocess_exec(sys.executable, "-m", "votes.importer", env=env)

    async def killed(self, done: int) -> None:
        """A process works on the imports until more is done, and is killed."""
        process = await self.started()
        await until(lambda: self.is_beyond(done), "more of an import")
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await self.space.redis.unlink(keys.claim_of_imports(self.space.prefix))  # as time does

    async def is_beyond(self, done: int) -> bool:
        return (await self.view()).done > done

    async def finished(self) -> None:
        assert await (await self.started()).wait() == 0

    async def view(self, name: str = NAME) -> ImportView:
        job = await self.imports.job(name)
        assert job is not None
        return job.view

    async def shelf(self) -> Shelf:
        shelf = Shelf(self.person)
        await shelf.catch_up(self.store)
        return shelf

    async def unmatched(self) -> int:
        return sum([len(found) async for found in unmatched.kept_by(self.store, self.person)])


@pytest.fixture
async def desk(config: Config, store: PostgresEventStore) -> AsyncIterator[Desk]:
    entries = [
        (n, Entry(f"Tool {n}", "Tests", url=f"https://tool-{n}.example")) for n in range(TOOLS)
    ]
    listed = [ListTool(ToolId(f"id-{n}"), f"tool-{n}", entry) for n, entry in entries]
    await submit_all(store, [Request(tool.decider, one, Meta("test"), now()) for one in listed])
    people = People(store, store)
    assert config.redis_url is not None
    async with connect_redis(config.redis_url) as redis:
        space = Namespace(redis, config.redis_prefix)
        person = await people.person("somebody")
        yield Desk(config, store, people, Imports(space), space, person)


async def test_it_goes_on_where_it_was_and_counts_everything_once(desk):
    await desk.add()
    await desk.killed(done=0)
    told = await desk.imports.job(NAME)
    assert told is not None
    assert (told.view.state, told.tries) == ("running", 1)
    untold = ImportView(NAME, "running")  # as if it was killed before it could tell anything
    await desk.imports.put(replace(told, view=untold))
    await desk.killed(told.view.done)
    await desk.finished()
    view = await desk.view()
    assert (view.state, view.entries, view.done, view.total) == ("done", PAGES, 6_008, 6_008)
    assert {name: getattr(view, name) for name in ADDED} == ADDED
    assert await desk.unmatched() == PAGES - TOOLS
    shelf = await desk.shelf()
    assert (len(shelf.kept), len(shelf.collections)) == (TOOLS, 8)
    head = await desk.store.head()
    assert (view.after, view.until) == (head - 6_008, head)
    await desk.add("again")
    await desk.finished()
    again = await desk.view("again")
    assert (again.state, again.total, await desk.store.head()) == ("done", 0, head)


async def test_one_that_is_always_killed_fails_and_says_what_stays(desk):
    await desk.add()
    await desk.killed(done=0)
    job = await desk.imports.job(NAME)
    assert (job.tries, job.view.state) == (1, "running")
    await desk.imports.put(replace(job, tries=TRIES_MAX))
    await desk.finished()
    view = await desk.view()
    assert (view.state, view.reason) == ("failed", "This file cannot be read.")
    assert view.unmatched
    assert await desk.imports.first() is None
    await desk.add("again")
    await desk.finished()
    again = await desk.view("again")
    assert (again.state, await desk.unmatched()) == ("done", PAGES - TOOLS)


async def test_one_that_redis_has_lost_has_failed(desk):
    await desk.add()
    await desk.killed(done=0)
    await desk.imports.end(NAME)
    view = await desk.view()
    assert (view.state, view.reason) == ("failed", "The file is lost: send it again.")
    assert view.unmatched


async def test_one_that_has_ended_is_not_begun_again(desk):
    await desk.add()
    ended = ImportJob(desk.person.id, ImportView(NAME, "done", added=7))
    await desk.imports.put(ended)
    await work_on(desk.imports, desk.store, desk.people.by_id, None, now)
    assert await desk.view() == ended.view
    assert await desk.imports.first() is None
    assert await desk.store.head() == 2 * TOOLS


async def test_an_erasure_ends_it_and_leaves_nothing(desk):
    await desk.add()
    await desk.add("another")
    process = await desk.started()
    await until(lambda: desk.is_beyond(0), "more of an import")
    erasing = Request(persons.decider, EraseSubject(desk.person.id), Meta(), now())
    (erased,) = await submit_all(desk.store, [erasing])
    await desk.people.destroy("somebody", desk.person)
    assert await process.wait() == 0
    left = [key async for key in desk.space.redis.scan_iter(f"{desk.space.prefix}:import:*")]
    assert left == [keys.matched(desk.space.prefix).encode()]
    assert await desk.store.head() == obeyed(erased).position
    assert await desk.people.by_id([desk.person.id]) == {}


async def test_two_of_one_person_both_end(desk):
    await desk.add()
    await desk.add("another", json.dumps([{"url": "https://tool-1.example", "note": "x"}]).encode())
    beside = await asyncio.gather(desk.started(), desk.started())
    assert [await one.wait() for one in beside] == [0, 0]
    assert {(await desk.view(name)).state for name in (NAME, "another")} == {"done"}
    assert (await desk.shelf()).kept["id-1"].written.note == "x"
    assert await desk.unmatched() == PAGES - TOOLS
