"""Users' bookmarks and collections in memory: each read brings them up to date with the log, from
where the last one ended. So they always include the user's last write, whichever process it came
through."""

import asyncio
from collections.abc import Iterable, Set
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, TypeVar

from cachetools import LRUCache
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from msgspec import Struct

from votes.app.bookmarks.sealing import NOTHING, unseal, unseal_named
from votes.domain.bookmarks import bookmark, collection
from votes.domain.bookmarks.bookmark import (
    BOOKMARK_EVENTS,
    Annotations,
    Standing,
    ToolBookmarked,
    parts_of,
    standing,
)
from votes.domain.bookmarks.collection import (
    COLLECTION_EVENTS,
    CollectionRemoved,
    CollectionSaved,
    Named,
    Parents,
    Saved,
    saved,
)
from votes.domain.person import Person, SubjectErased
from votes.domain.terms import CollectionId, PersonId, Rank, ToolId
from votes.domain.verdict import wilson_lower
from votes.engine.log import Position, Recorded
from votes.engine.ports import EventStore
from votes.engine.projection import Projection
from votes.engine.read_models import Changes, ReadModels
from votes.projections.profiles import PROFILES, Profile
from votes.projections.tallies import TALLIES, Tally

STEP_EVENTS = 250
"""So many events are decrypted and folded in about 5 ms; then the loop serves other tasks."""
REMEMBERED_MAX = 100_000
"""Bookmarks of all users together, about 1 kB each. A user with more is read anew each time."""
CHANGED_MAX = 10_000
NO_VOTES = (0.0, 0)
TRASH_KEPT = timedelta(days=30)
_ABOUT = (*BOOKMARK_EVENTS, *COLLECTION_EVENTS, SubjectErased)


Kind = Literal["added", "revised", "removed"]


class Kept(Struct):
    """A bookmark: what is written beside it, as it has been since `position`. What cannot be
    decrypted is `unreadable`, and nothing is written then.

    `added` and `position` are its place among those sorted by when they were added, `rank` is its
    place in an own order. `name` is what it is sorted by, and `text` what a search looks into: the
    tool's names, note and tags; `verdict` is the tool's place by the community's, the best first.
    They are those of the read models that the shelf was named or judged by last.
    """

    tool: ToolId
    written: Annotations
    standing: Standing
    position: Position
    added: float
    unreadable: bool = False
    name: str = ""
    text: str = ""
    verdict: tuple[float, int] = NO_VOTES
    rank: Rank = ""

    def __post_init__(self) -> None:
        self.rank = bookmark.rank_of(self.written, self.standing.added_at, self.tool)

    def called(self, profile: Profile | None) -> None:
        """Take the names that the tool has by the profile."""
        names = (profile.name, profile.slug) if profile is not None else ("",)
        self.name = names[0].casefold()
        self.text = "\n".join((*names, self.written.note, *self.written.tags)).casefold()

    def judged(self, tally: Tally | None) -> None:
        """Take the place that the tool has by the tally."""
        self.verdict = NO_VOTES
        if tally is not None:
            self.verdict = -wilson_lower(tally.ship, tally.skip), -tally.total


def kept_of(tool: ToolId, written: Annotations | None, found: Standing, position: Position) -> Kept:
    """The bookmark with what is decrypted, None where it cannot be."""
    added = found.added_at.timestamp()
    return Kept(tool, written or NOTHING, found, position, added, written is None)


class KeptCollection(Struct, frozen=True):
    """A collection, as it has been since `position`."""

    named: Named
    saved: Saved
    position: Position

    @property
    def rank(self) -> Rank:
        return collection.rank_of(self.named, self.saved.added_at)


Thing = TypeVar("Thing", Kept, KeptCollection)


class Removed(Struct, Generic[Thing], frozen=True):
    """A thing as it was before it was removed."""

    kept: Thing
    at: datetime
    position: Position


class BookmarkChanged(Struct, frozen=True):
    """What an event did to a bookmark: as it was before and after, None where there was none."""

    at: datetime
    position: Position
    kind: Kind
    tool: ToolId
    before: Kept | None
    after: Kept | None


class CollectionChanged(Struct, frozen=True):
    """What an event did to a collection, as `BookmarkChanged`."""

    at: datetime
    position: Position
    collection: CollectionId
    before: KeptCollection | None
    after: KeptCollection | None


Change = BookmarkChanged | CollectionChanged


class Shelf:
    """The bookmarks and collections of a person, up to a position of the log."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.kept: dict[ToolId, Kept] = {}
        """In the order of their last changes."""
        self.removed: dict[ToolId, Removed[Kept]] = {}
        self.collections: dict[CollectionId, KeptCollection] = {}
        self.removed_collections: dict[CollectionId, Removed[KeptCollection]] = {}
        self.erased = False
        self.position: Position = 0
        self._unnamed = _Stale(PROFILES)
        self._unjudged = _Stale(TALLIES)
        self._cipher: AESSIV = person.cipher
        self._turn = asyncio.Lock()

    def __len__(self) -> int:
        bookmarks = len(self.kept) + len(self.removed)
        return 1 + bookmarks + len(self.collections) + len(self.removed_collections)

    @property
    def parents(self) -> Parents:
        return {each: one.named.parent for each, one in self.collections.items()}

    async def catch_up(self, store: EventStore) -> None:
        """Fold the events that came since. Raises `Unavailable`."""
        async with self._turn:
            while events := await events_about(store, self.person, self.position, STEP_EVENTS):
                self.fold(events)
                if len(events) < STEP_EVENTS:
                    break

    def fold(self, events: Iterable[Recorded]) -> list[Change]:
        """Fold the events about the person, in order. What is not theirs changes nothing, as only
        another program stores it."""
        changes: list[Change] = []
        for recorded in events:
            self.position = recorded.position
            if isinstance(recorded.event, SubjectErased):
                self.erased = True
            elif (tool := self._tool(recorded)) is not None:
                changes.append(self._change(tool, recorded))
            elif isinstance(recorded.event, COLLECTION_EVENTS):
                changes += self._collection_changes(recorded, recorded.event)
        return changes

    def _tool(self, recorded: Recorded) -> ToolId | None:
        try:
            person, tool = parts_of(recorded.stream)
        except ValueError:
            return None
        return tool if person == self.person.id else None

    def _change(self, tool: ToolId, recorded: Recorded) -> BookmarkChanged:
        before, after = self.kept.pop(tool, None), self._kept(tool, recorded)
        self.removed.pop(tool, None)
        if after is not None:
            self.kept[tool] = after
            self._unnamed.tools.add(tool)
            self._unjudged.tools.add(tool)
        elif before is not None:
            self.removed[tool] = Removed(before, recorded.at, recorded.position)
        kind: Kind = "removed"
        if after is not None:
            kind = "added" if isinstance(recorded.event, ToolBookmarked) else "revised"
        return BookmarkChanged(recorded.at, recorded.position, kind, tool, before, after)

    def _collection_changes(
        self, recorded: Recorded, event: CollectionSaved | CollectionRemoved
    ) -> list[Change]:
        """One, or none where it cannot be read."""
        named, found = unseal_named(self._cipher, recorded.stream, event.named), saved(event)
        if named is None:
            return []
        at, position = recorded.at, recorded.position
        before = self.collections.pop(named.id, None)
        after = KeptCollection(named, found, position) if found is not None else None
        self.removed_collections.pop(named.id, None)
        if after is not None:
            self.collections[named.id] = after
        elif before is not None:
            self.removed_collections[named.id] = Removed(before, at, position)
        return [CollectionChanged(at, position, named.id, before, after)]

    def _kept(self, tool: ToolId, recorded: Recorded) -> Kept | None:
        event = recorded.event
        found = standing(event) if isinstance(event, BOOKMARK_EVENTS) else None
        if found is None:
            return None
        written = unseal(self._cipher, recorded.stream, found.annotations)
        return kept_of(tool, written, found, recorded.position)

    def name(self, models: ReadModels | None) -> None:
        """Take the names that the tools have now. Only those that may have changed are looked up:
        to look at 10,000 takes 20 ms."""
        for tool in self._unnamed.take(models, self.kept.keys()):
            self.kept[tool].called(models.get(PROFILES, tool) if models is not None else None)

    def judge(self, models: ReadModels | None) -> None:
        """Take the places that the tools have now by the community's verdict, as `name` does."""
        for tool in self._unjudged.take(models, self.kept.keys()):
            self.kept[tool].judged(models.get(TALLIES, tool) if models is not None else None)


class _Changed:
    """The tools of which values of a projection have changed, in order; after many it is another
    list."""

    def __init__(self, projection: Projection[Any]) -> None:
        self.tools: list[str] = []
        self._projection = projection

    def follow(self, changes: Changes) -> None:
        if len(self.tools) > CHANGED_MAX:
            self.tools = []
        for partition in changes.partitions.values():
            self.tools += partition.of(self._projection)


class _Stale:
    """The tools of a shelf that are to be looked up again in the values of a projection."""

    def __init__(self, projection: Projection[Any]) -> None:
        self.tools: set[ToolId] = set()
        self._projection = projection
        self._changed: list[str] | None = None
        self._seen = 0

    def take(self, models: ReadModels | None, kept: Set[ToolId]) -> Set[ToolId]:
        """Those of the kept ones that may have changed since the last time, perhaps all."""
        changed = self._changes(models).tools if models is not None else []
        if changed is not self._changed:
            self.tools.update(kept)
        else:
            self.tools.update(ToolId(tool) for tool in changed[self._seen :])
        self._changed, self._seen = changed, len(changed)
        taken, self.tools = kept & self.tools, set()
        return taken

    def _changes(self, models: ReadModels) -> _Changed:
        name = f"changed {self._projection.name}"
        found = models.derived.get(name)
        if not isinstance(found, _Changed):
            found = models.derived[name] = _Changed(self._projection)
        return found


class Since(Struct, frozen=True):
    """The things that changed since, each as it was before, and the position of its last change."""

    bookmarks: dict[ToolId, tuple[Kept | None, Position]]
    collections: dict[CollectionId, tuple[KeptCollection | None, Position]]


async def changes_until(store: EventStore, shelf: Shelf, after: Position, since: datetime) -> Since:
    """What happened after the position, and not before the time. Brings the new shelf up to date.

    Raises `Unavailable`.
    """
    found = Since({}, {})
    while events := await events_about(store, shelf.person, shelf.position, STEP_EVENTS):
        for change in shelf.fold(events):
            if change.position <= after or change.at < since:
                continue
            match change:
                case BookmarkChanged(tool=tool, before=before):
                    before, _ = found.bookmarks.get(tool, (before, 0))
                    found.bookmarks[tool] = before, change.position
                case CollectionChanged(collection=known, before=was):
                    was, _ = found.collections.get(known, (was, 0))
                    found.collections[known] = was, change.position
        if len(events) < STEP_EVENTS:
            break
    return found


async def events_about(
    store: EventStore, person: Person, after: Position, limit: int
) -> list[Recorded]:
    """What happened to the person's bookmarks and collections after the position, and whether they
    are erased."""
    return await store.about(person.id, _ABOUT, after, limit)


class Shelves:
    """The shelves of those users of one API process who read theirs last."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._shelves: LRUCache[PersonId, Shelf] = LRUCache(REMEMBERED_MAX, getsizeof=len)

    async def of(self, person: Person) -> Shelf | None:
        """The person's shelf with every write so far, up to the next await; None for a person
        who is erased. Raises `Unavailable`."""
        shelf = self._shelves.get(person.id)
        if shelf is None:
            shelf = Shelf(person)
        await shelf.catch_up(self._store)
        self._shelves.pop(person.id, None)  # its size may be another one now
        if shelf.erased:
            return None
        if len(shelf) <= REMEMBERED_MAX:
            self._shelves[person.id] = shelf
        return shelf

    def clear(self) -> None:
        """Forget everybody, for example when the log may have been restored."""
        self._shelves.clear()
