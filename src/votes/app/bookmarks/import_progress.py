"""How far an import is: what it has stored, and what that makes undone."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from votes.app.bookmarks.responses import ImportView
from votes.domain.bookmarks import bookmark, collection
from votes.domain.bookmarks.bookmark import BookmarkRevised, ToolBookmarked
from votes.domain.bookmarks.collection import CollectionSaved
from votes.domain.bookmarks.unmatched import UnmatchedKept
from votes.domain.person import Person
from votes.engine.decider import Decider
from votes.engine.handle import Outcome, Result
from votes.engine.log import Position
from votes.engine.ports import EventStore

EVENTS_READ_MAX = 250
_COUNTED: dict[type[Any], str] = {
    ToolBookmarked: "added",
    BookmarkRevised: "revised",
    CollectionSaved: "collections",
    UnmatchedKept: "unmatched",
}


def counted(
    told: ImportView,
    deciders: list[Decider],  # type: ignore[type-arg]
    results: Iterable[Result],
) -> ImportView:
    """With the results of so many more commands, each of its decider."""
    stored = []
    for decider, result in zip(deciders, results, strict=True):
        if not isinstance(result, Outcome) or not result.changed:
            continue
        if decider is bookmark.decider:
            name = "added" if result.before.standing is None else "revised"
        else:
            name = "collections" if decider is collection.decider else "unmatched"
        stored.append((name, result.position))
    return _with(told, len(deciders), stored)


async def resumed(
    store: EventStore, person: Person, told: ImportView, begun: Position
) -> ImportView:
    """What is known of an import that was broken off, also what it stored and could not tell. The
    log ended at the position when it was begun. Raises `Unavailable`.

    What its person did meanwhile counts as the import's.
    """
    after, stored = told.until or begun, []
    while found := await store.about(person.id, tuple(_COUNTED), after, EVENTS_READ_MAX):
        after = found[-1].position
        stored += [(_COUNTED[type(one.event)], one.position) for one in found]
    return _with(told, len(stored), stored)


def _with(told: ImportView, done: int, stored: list[tuple[str, Position]]) -> ImportView:
    """With so many more writes done, and what was stored: under which name it counts, and where."""
    told = replace(told, done=told.done + done)
    if not stored:
        return told
    positions = [position for _, position in stored]
    counts = Counter(name for name, _ in stored)
    return replace(
        told,
        after=told.after if told.until else min(positions) - 1,
        until=max(positions),
        **{name: getattr(told, name) + count for name, count in counts.items()},
    )
