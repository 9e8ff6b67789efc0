"""Bookmarks from a file of another product: those that are tools of ours become bookmarks, and all
else is kept as it came.

What is stored is decided from the file and what is there already, so an import that was broken off
goes on when the same file comes again, and a file that came before changes nothing.
"""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from votes.app.bookmarks import collecting, matching, unmatched
from votes.app.bookmarks import lists as bookmarks
from votes.app.bookmarks.import_progress import counted
from votes.app.bookmarks.matching import Index
from votes.app.bookmarks.responses import ImportView, UnreadEntry
from votes.app.bookmarks.shelves import Shelf
from votes.domain.bookmarks import bookmark, collection
from votes.domain.bookmarks import unmatched as pages
from votes.domain.bookmarks.bookmark import Annotations
from votes.domain.bookmarks.collection import COLLECTIONS_MAX, Named, parent_in
from votes.domain.bookmarks.unmatched import UNMATCHED_MAX, UnmatchedId
from votes.domain.conditions import CHANGED
from votes.domain.person import Person
from votes.domain.terms import (
    TAGS_MAX,
    CollectionId,
    Label,
    Tag,
    Text,
    ToolId,
    ToolSlug,
    WebAddress,
)
from votes.engine.bulk import submit_all
from votes.engine.decider import Decider
from votes.engine.handle import ENDED, Request
from votes.engine.log import Position
from votes.engine.ports import EventStore, Meta
from votes.formats import files
from votes.formats.saved import File, NotRead, Saved

COMMANDS_AT_ONCE = 250
"""An append of so many holds the log for some 10 ms."""
PAUSE_S = 0.005
"""Between two appends: others have their turn."""
TRIES_MAX = 5
UNREAD_SHOWN_MAX = 100
AHEAD_MAX = timedelta(hours=1)
NESTED_IN_NAME = " / "
"""Between the names of folders that are nested deeper than collections are."""
_ID_LENGTH = 22

Tell = Callable[[ImportView], Awaitable[None]]
Command = tuple[Decider, object]  # type: ignore[type-arg]


class Failed(Exception):
    """The import has ended without effect, or half-way; the message says why."""


class Erased(Exception):
    """The import has ended because its person was erased."""


class Plan(Struct, frozen=True):
    """What an import leads to, in order."""

    collections: list[Command]
    bookmarks: list[Command]
    unmatched: list[Command]

    @property
    def commands(self) -> list[Command]:
        return [*self.collections, *self.bookmarks, *self.unmatched]


async def bring(
    store: EventStore,
    person: Person,
    data: bytes,
    told: ImportView,
    own_host: str | None,
    clock: Callable[[], datetime],
    tell: Tell,
) -> ImportView:
    """Import the file; `told` is what is known of the import, and `tell` is called as it goes on.

    Raises `Failed`, `Erased`, and `Unavailable`: the same again goes on then.
    """
    try:
        file = await asyncio.to_thread(files.read, data)
    except NotRead as error:
        raise Failed(str(error)) from error
    told = replace(told, entries=len(file.saved) + len(file.unread), left_out=len(file.unread))
    unread = [UnreadEntry(one.entry, one.reason) for one in file.unread[:UNREAD_SHOWN_MAX]]
    told = replace(told, unread=unread)
    index = await matching.index_of(store, own_host)
    slugs = await matching.slugs_in(store, index, file.saved)
    known = await _known(store, person)
    for _ in range(TRIES_MAX):
        shelf = Shelf(person)
        await shelf.catch_up(store)
        planning = _Planning(person, shelf, index, slugs, known, clock())
        plan = await asyncio.to_thread(planning.plan, file)
        if len(known) + len(plan.unmatched) > UNMATCHED_MAX:
            raise Failed(f"You can keep {UNMATCHED_MAX:,} pages that are no tools: remove some.")
        told, changed = await _carry_out(store, person, plan, told, clock, tell)
        if not changed:
            return told
        known = await _known(store, person)
    raise Failed("The bookmarks change all the time. Send the file again.")


async def match_again(
    store: EventStore,
    person: Person,
    found: list[unmatched.Kept],
    index: Index,
    since: Position,
    clock: Callable[[], datetime],
) -> int:
    """Make bookmarks of those unmatched pages of the person that are tools now, by what was listed,
    revised or renamed after the position and after the page came; how many.

    Raises `Erased` and `Unavailable`.
    """
    slugs = await matching.slugs_in(store, index, [one.page for one in found])
    now_tools = {}
    for one in found:
        tool = index.tool_of(one.page, slugs)
        if tool is not None and index.since[tool] > max(since, one.position):
            now_tools[one.page] = one
    if not now_tools:
        return 0
    shelf = Shelf(person)
    await shelf.catch_up(store)
    planning = _Planning(person, shelf, index, slugs, {one.id for one in found}, clock())
    plan = planning.plan(File(list(now_tools), []))
    left = set(planning.left)
    removed: list[Command] = [
        (pages.decider, pages.RemoveUnmatched(person.id, one.id))
        for page, one in now_tools.items()
        if page not in left
    ]

    async def tell(_: ImportView) -> None:
        pass

    told = ImportView("", "running")
    _, changed = await _carry_out(store, person, plan, told, clock, tell)
    if not changed:
        await _carry_out(store, person, Plan([], [], removed), told, clock, tell)
    return 0 if changed else len(removed)


async def _known(store: EventStore, person: Person) -> set[UnmatchedId]:
    return {
        pages.parts_of(one.stream)[1]
        async for found in unmatched.kept_by(store, person)
        for one in found
    }


async def _carry_out(
    store: EventStore,
    person: Person,
    plan: Plan,
    told: ImportView,
    clock: Callable[[], datetime],
    tell: Tell,
) -> tuple[ImportView, bool]:
    """Store what is planned; also whether some bookmark had changed meanwhile."""
    commands, contended = plan.commands, False
    told = replace(told, total=told.done + len(commands))
    for start in range(0, len(commands), COMMANDS_AT_ONCE):
        await tell(told)
        part = commands[start : start + COMMANDS_AT_ONCE]
        results = await submit_all(
            store,
            [
                Request(decider, command, Meta(), clock(), unless=(person.stream,))
                for decider, command in part
            ],
        )
        if ENDED in results:
            raise Erased
        contended |= CHANGED in results
        told = counted(told, [decider for decider, _ in part], results)
        await asyncio.sleep(PAUSE_S)
    return told, contended


class _Planning:
    """Decides what to store. It reads nothing more, so it may be done in a thread."""

    def __init__(
        self,
        person: Person,
        shelf: Shelf,
        index: Index,
        slugs: dict[ToolSlug, ToolId],
        known: set[UnmatchedId],
        at: datetime,
    ) -> None:
        self._person, self._shelf, self._index, self._slugs = person, shelf, index, slugs
        self._known, self._at = known, at
        self.left: list[Saved] = []
        """Pages that stay unmatched, or that a bookmark cannot hold."""
        self._collections = Collections(shelf)

    def plan(self, file: File) -> Plan:
        matched: dict[ToolId, list[Saved]] = {}
        left = self.left
        for page in file.saved:
            tool = self._index.tool_of(page, self._slugs, self._shelf.kept)
            if tool is None:
                left.append(page)
            else:
                matched.setdefault(tool, []).append(page)
        kept: list[Command] = []
        for tool, found in matched.items():
            command, not_held = self._bookmark(tool, found)
            left += not_held
            if command is not None:
                kept.append((bookmark.decider, command))
        made: list[Command] = [
            (collection.decider, collecting.save(self._person, named, None, self._at, ()))
            for named in self._collections.made
        ]
        return Plan(made, kept, self._unmatched(left))

    def _bookmark(
        self, tool: ToolId, found: list[Saved]
    ) -> tuple[bookmark.KeepBookmark | None, list[Saved]]:
        """The command, None where the bookmark is as it should be; and the pages of which it cannot
        hold everything.

        Pages of files of this program come first: what else it kept of the tool is in them already.
        """
        found.sort(key=lambda page: page.tool is None)
        before = self._shelf.kept.get(tool)
        merged = before.written if before is not None else Annotations()
        for page in found:
            merged = merge(merged, page, self._collections, self._url(tool, page))
        self._collections.used(merged.collection)
        not_held = [
            page
            for page in found
            if not holds(merged, page, self._collections, self._url(tool, page))
        ]
        if before is not None and merged.canonical() == before.written:
            return None, not_held
        at = self._at if before is not None else self._first(found)
        tags = (before.standing.tag,) if before is not None else ()
        return bookmarks.keep(self._person, tool, merged, at, tags), not_held

    def _url(self, tool: ToolId, page: Saved) -> str | None:
        """The page's address, where the catalogue does not say it."""
        if tool not in self._index.entries:
            return None
        own = self._index.address_of(tool)
        if own is not None and matching.address(own) == matching.address(page.url):
            return None
        return None if self._index.own_page(page.url) is not None else page.url

    def _first(self, found: list[Saved]) -> datetime:
        times = [page.added_at for page in found if page.added_at is not None]
        return min((at for at in times if at <= self._at + AHEAD_MAX), default=self._at)

    def _unmatched(self, left: list[Saved]) -> list[Command]:
        cipher = self._person.cipher
        commands = (unmatched.keep(cipher, self._person, page) for page in left)
        return [(pages.decider, one) for one in commands if one.id not in self._known]


class Collections:
    """The collections by where they are: those on the shelf, and those that an import makes."""

    def __init__(self, shelf: Shelf) -> None:
        self._ids: dict[tuple[str, ...], CollectionId] = {}
        self._taken = {*shelf.collections, *shelf.removed_collections}
        self._named: dict[CollectionId, Named] = {}
        self._used: dict[CollectionId, None] = {}
        self._room = COLLECTIONS_MAX - len(shelf.collections)
        for one, path in paths(shelf).items():
            self._ids.setdefault(path, one)

    @property
    def made(self) -> list[Named]:
        """The new ones that are used, each after the one that it is in."""
        return [self._named[one] for one in self._used if one in self._named]

    def used(self, one: CollectionId | None) -> None:
        """An import puts a bookmark into this one."""
        if one is not None and one in self._named and one not in self._used:
            self.used(self._named[one].parent)
            self._used[one] = None

    def of(self, folder: tuple[str, ...]) -> CollectionId | None:
        """The collection of the folder: of what is nested deeper than one level the names are
        joined. None for the outermost, and where there can be none."""
        path = (folder[0], NESTED_IN_NAME.join(folder[1:])) if len(folder) > 1 else folder
        return self._id(path) if path and all(_is(Label, name) for name in path) else None

    def _id(self, path: tuple[str, ...]) -> CollectionId | None:
        if path not in self._ids:
            parent = self._id(path[:1]) if len(path) > 1 else None
            if len(self._named) >= self._room or (len(path) > 1 and parent is None):
                return None
            self._ids[path] = made = self._new(path)
            self._named[made] = Named(made, path[-1], parent)
        return self._ids[path]

    def _new(self, path: tuple[str, ...]) -> CollectionId:
        """The same whenever the same folder comes, unless the id is that of another one now."""
        for number in range(len(self._taken) + 1):
            digest = sha256(msgspec.json.encode([path, number])).digest()
            made = CollectionId(urlsafe_b64encode(digest).decode()[:_ID_LENGTH])
            if made not in self._taken:
                break
        self._taken.add(made)
        return made


def merge(
    written: Annotations, page: Saved, collections: Collections, url: str | None
) -> Annotations:
    """What is written beside a bookmark, with what is written of the page, as far as it fits. Twice
    is the same as once; what is there already stays."""
    fitting = [tag for tag in page.tags if _is(Tag, tag)]
    tags = tuple(dict.fromkeys((*written.tags, *fitting)))[: max(TAGS_MAX, len(written.tags))]
    note = written.note
    if page.note not in note:
        joined = f"{note}\n\n{page.note}" if note else page.note
        note = joined if _is(Text, joined) else note
    return replace(
        written,
        note=note,
        tags=tags,
        collection=written.collection or collections.of(page.folder),
        url=written.url or (url if url is not None and _is(WebAddress, url) else None),
    )


def holds(written: Annotations, page: Saved, collections: Collections, url: str | None) -> bool:
    """Whether what is written beside a bookmark has all that is written of the page."""
    return (
        set(page.tags) <= set(written.tags)
        and page.note in written.note
        and (not page.folder or written.collection == collections.of(page.folder) is not None)
        and url in (None, written.url)
    )


def _is(kind: object, text: str) -> bool:
    with suppress(msgspec.ValidationError):
        msgspec.convert(text, kind)
        return True
    return False


def paths(shelf: Shelf) -> Mapping[CollectionId, tuple[str, ...]]:
    """The folder of each collection: what `Collections.of` leads back to it."""
    parents, found = shelf.parents, shelf.collections

    def path(one: CollectionId) -> tuple[str, ...]:
        parent = parent_in(parents, one)
        outer = (found[parent].named.name,) if parent is not None else ()
        return (*outer, found[one].named.name)

    return {one: path(one) for one in found}
