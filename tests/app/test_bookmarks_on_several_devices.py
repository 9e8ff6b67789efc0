"""Devices that are offline and change bookmarks and collections come to the same, whatever they did
meanwhile."""

import os
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.domain.histories import START
from tests.domain.names import ATLAS, BOB, BOLT
from tests.engine.commands.sending import append_to, listed, request
from votes.app.bookmarks import collecting
from votes.app.bookmarks.changes import NOBODY, changes
from votes.app.bookmarks.lists import Wanted, bookmarks, keep
from votes.app.bookmarks.responses import BookmarkView
from votes.app.bookmarks.shelves import Shelf, Shelves, Since, changes_until
from votes.domain.bookmarks import bookmark
from votes.domain.bookmarks.bookmark import (
    Annotations,
    KeepBookmark,
    RemoveBookmark,
    ToolBookmarked,
)
from votes.domain.bookmarks.collection import Named, RemoveCollection, SaveCollection, parent_in
from votes.domain.person import EraseSubject, Person
from votes.domain.terms import PersonId, PublicId
from votes.engine.bulk import submit_all
from votes.engine.decider import Rejected

TOOLS = ("atlas", "bolt", "chart")
ANN = Person(PersonId("ann"), bytes(range(64)), START)

tools = st.sampled_from(TOOLS)
notes = st.sampled_from(("", "one", "two"))
devices = st.integers(0, 1)
edits = st.tuples(st.just("edit"), devices, tools, st.none() | notes)
collections = st.sampled_from(("work", "home", "later"))
places = st.tuples(st.sampled_from(("One", "Two")), st.none() | collections, st.booleans())
"""A name, a parent, and whether it is public."""
collects = st.tuples(st.just("collect"), devices, collections, st.none() | places)
syncs = st.tuples(st.just("sync"), devices, st.integers(1, 3))
steps = st.lists(edits | collects | syncs, max_size=30)


class Server:
    """The log of one site, with the tools listed."""

    def __init__(self):
        self.store = MemoryEventStore(MemoryLog())
        self.time = START

    async def open(self):
        await self.ask(*(listed(tool) for tool in TOOLS))
        return self

    async def ask(self, *requests):
        return await submit_all(self.store, requests)

    async def write(self, tool, note, tags=None):
        """Keep the tool with this note, or remove the bookmark: None."""
        self.time += timedelta(seconds=1)
        command: KeepBookmark | RemoveBookmark = RemoveBookmark(ANN.id, tool, tags)
        if note is not None:
            command = keep(ANN, tool, Annotations(note), self.time, tags)
        (result,) = await self.ask(request(command, at=self.time))
        return result

    async def save(self, collection, place, tags=None):
        """Save the collection in this place, or remove it: None."""
        self.time += timedelta(seconds=1)
        command: SaveCollection | RemoveCollection = collecting.remove(ANN, collection, tags)
        if place is not None:
            name, parent, public = place
            named = Named(collection, name, parent)
            address = PublicId(f"{int(self.time.timestamp()):022}") if public else None
            command = collecting.save(ANN, named, address, self.time, tags)
        (result,) = await self.ask(request(command, at=self.time))
        return result

    async def shelf(self):
        shelf = Shelf(ANN)
        await shelf.catch_up(self.store)
        return shelf

    async def notes(self):
        kept = (await self.shelf()).kept
        return {tool: one.written.note for tool, one in kept.items()}

    async def tree(self):
        """The name of each collection, and which one it is in."""
        listed = collecting.listed(await self.shelf()).collections
        return {one.id: (one.name, one.inside, one.public) for one in listed}


class Device:
    """Edits stand in a queue while it is offline; one that comes too late is given up."""

    def __init__(self):
        self.known = {}
        self.collections = {}
        self.queue = {}
        self.places = {}
        self.cursor = None

    def edit(self, tool, note):
        self.queue[tool] = note

    def collect(self, collection, place):
        self.places[collection] = place

    async def sync(self, server, limit):
        for tool, note in self.queue.items():
            tags = (self.known[tool].etag,) if tool in self.known else ()
            result = await server.write(tool, note, tags)
            assert not isinstance(result, Rejected) or result.code == "changed"
        for collection, place in self.places.items():
            known = self.collections.get(collection)
            result = await server.save(collection, place, () if known is None else (known.etag,))
            assert not isinstance(result, Rejected) or result.code == "changed"
        self.queue, self.places = {}, {}
        more = True
        while more:
            page = await changes(server.store, None, ANN, self.cursor, limit)
            assert page.from_start == (self.cursor in (None, NOBODY.next_cursor))
            self.known = applied(self.known, page)
            self.collections = collected(self.collections, page)
            self.cursor, more = page.next_cursor, page.more

    @property
    def notes(self):
        return {tool: kept.note for tool, kept in self.known.items()}

    @property
    def tree(self):
        parents = {one.id: one.parent for one in self.collections.values()}
        return {
            one.id: (one.name, parent_in(parents, one.id), one.public)
            for one in self.collections.values()
        }


def applied(known, page):
    known = {} if page.from_start else dict(known)
    for change in page.changes:
        assert (change.kind == "removed") == (change.bookmark is None)
        assert (change.kind == "added") == (change.tool not in known)
        known.pop(change.tool, None)
        if change.bookmark is not None:
            known[change.tool] = change.bookmark
    return known


def collected(known, page):
    known = {} if page.from_start else dict(known)
    for change in page.collections:
        assert (change.kind == "removed") == (change.collection is None)
        known.pop(change.id, None)
        if change.collection is not None:
            known[change.id] = change.collection
    return known


@given(steps)
async def test_two_devices_come_to_the_same(asked):
    server, both = await Server().open(), (Device(), Device())
    for kind, device, *what in asked:
        if kind == "sync":
            await both[device].sync(server, *what)
            assert both[device].notes == await server.notes()
            assert both[device].tree == await server.tree()
        else:
            getattr(both[device], kind)(*what)
    for device in (*both, *both):
        await device.sync(server, 2)
    assert both[0].notes == both[1].notes == await server.notes()
    assert both[0].known == both[1].known
    assert both[0].tree == both[1].tree == await server.tree()


@given(st.lists(st.tuples(tools, st.none() | notes), max_size=12), st.data())
async def test_a_cursor_of_any_time_gives_all_that_came_after_it(writes, data):
    server = await Server().open()
    cursors: list[tuple[str | None, dict[str, BookmarkView]]] = [(None, {})]
    for tool, note in writes:
        await server.write(tool, note)
        page = await changes(server.store, None, ANN, cursors[-1][0], 100)
        cursors.append((page.next_cursor, applied(cursors[-1][1], page)))
    cursor, known = data.draw(st.sampled_from(cursors))
    page = await changes(server.store, None, ANN, cursor, 100)
    assert {tool: one.note for tool, one in applied(known, page).items()} == await server.notes()
    assert not page.more


async def test_a_cursor_of_another_history_begins_anew():
    first, other = await Server().open(), await Server().open()
    await first.write("atlas", "lost")
    await first.write("bolt", "lost")
    other.time += timedelta(seconds=5)
    await other.write("chart", "restored")
    for limit in (1, 9):
        lost = (await changes(first.store, None, ANN, None, limit)).next_cursor
        page = await changes(other.store, None, ANN, lost, 9)
        assert page.from_start
        assert [one.tool for one in page.changes] == ["chart"]
    bob = Person(BOB, ANN.key, START)
    assert (await changes(first.store, None, bob, lost, 9)) == NOBODY


async def test_an_erased_person_has_no_bookmarks():
    server = await Server().open()
    await server.write("atlas", "canary")
    shelves = Shelves(server.store)
    shelf = await shelves.of(ANN)
    assert shelf is not None
    assert len(shelf.kept) == 1
    await server.ask(request(EraseSubject(ANN.id)))
    assert await shelves.of(ANN) is None


async def test_what_another_program_stores_elsewhere_changes_no_bookmark():
    server = await Server().open()
    other = Person(BOB, os.urandom(64), START)
    await server.ask(request(keep(other, ATLAS, Annotations("of bob"), START)))
    shelf = Shelf(ANN)
    bobs = [one async for events in server.store.after(0, 9) for one in events]
    assert shelf.fold(bobs) == []
    assert shelf.kept == {}


@given(st.lists(st.tuples(tools, st.none() | notes), min_size=1, max_size=12), st.data())
async def test_each_bookmark_is_known_as_it_was_before_a_position(writes, data):
    server, states, position = await Server().open(), [], 0
    for tool, note in [("atlas", "first"), *writes]:
        await server.write(tool, note)
        states.append((await server.store.head(), await server.notes()))
    position, then = data.draw(st.sampled_from(states))
    now = await server.notes()
    found = await changes_until(server.store, Shelf(ANN), position, START)
    before = {
        tool: kept.written.note if kept is not None else None
        for tool, (kept, _) in found.bookmarks.items()
    }
    assert {t: now.get(t) for t in TOOLS} | before == {t: then.get(t) for t in TOOLS}
    late = await changes_until(server.store, Shelf(ANN), position, START + timedelta(days=1))
    assert late == Since({}, {})


async def test_what_is_read_has_the_last_write_of_any_process():
    server = await Server().open()
    shelves = [Shelves(server.store), Shelves(server.store)]
    for number in range(5):
        await server.write("atlas", f"{number}")
        for each in shelves:
            shelf = await each.of(ANN)
            assert shelf is not None
            assert shelf.kept[ATLAS].written.note == f"{number}"


async def test_one_that_cannot_be_decrypted_leaves_the_others_and_says_so():
    server = await Server().open()
    await server.write("atlas", "mine")
    place, bad = bookmark.stream(ANN.id, BOLT), ToolBookmarked(b"not ours", server.time)
    await server.store.append([append_to(place, 0, bad, subject=ANN.id)])
    shelf = await server.shelf()
    page = await bookmarks(server.store, None, shelf, "name", Wanted(), None, 9)
    assert {one.tool: (one.note, one.unreadable) for one in page.items} == {
        "atlas": ("mine", False),
        "bolt": ("", True),
    }
    told = await changes(server.store, None, ANN, None, 9)
    assert [one.bookmark and one.bookmark.unreadable for one in told.changes] == [False, True]
