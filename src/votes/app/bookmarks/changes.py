"""What changed in a user's bookmarks and collections since a cursor, in the order of the log."""

from typing import Any, Literal

from votes.app.bookmarks import collecting
from votes.app.bookmarks import lists as bookmarks
from votes.app.bookmarks.responses import BookmarkChange, BookmarkChanges, CollectionChange
from votes.app.bookmarks.shelves import BookmarkChanged, CollectionChanged, Shelf, events_about
from votes.app.catalogue import tools as catalogue
from votes.app.catalogue.paging import decode_cursor, encode_cursor
from votes.domain.person import Person
from votes.domain.terms import ToolSlug
from votes.engine.log import POSITION_MAX, Recorded
from votes.engine.ports import EventStore
from votes.engine.read_models import ReadModels, checksum_of

_ORDER = "bookmark changes"
_START: list[Any] = ["", 0, ""]
NOBODY = BookmarkChanges([], [], encode_cursor(_ORDER, _START), more=False, from_start=True)
"""The changes of a user who has never written anything."""


async def changes(
    store: EventStore, models: ReadModels | None, person: Person, cursor: str | None, limit: int
) -> BookmarkChanges:
    """So many changes after the cursor, also of a person who is erased.

    A cursor names the last change that it is after. Where the log has another event there, or none,
    it is another history: as after an erasure, or a restore from a backup that is older than the
    cursor. Then the changes begin anew. Raises `BadCursor` and `Unavailable`.
    """
    read = await _read_on(store, person, cursor, limit + 1) if cursor else None
    from_start = read is None
    found = await events_about(store, person, 0, limit + 1) if read is None else read
    changed = Shelf(person).fold(found[:limit])
    marks = [one for one in changed if isinstance(one, BookmarkChanged)]
    collections = [_said(one) for one in changed if isinstance(one, CollectionChanged)]
    slugs = await catalogue.slugs(store, models, {one.tool for one in marks})
    said = [_said_of(one, slugs[one.tool]) for one in marks if one.tool in slugs]
    if found:
        end = found[:limit][-1]
        cursor = encode_cursor(_ORDER, [person.id, end.position, checksum_of(end)])
    elif from_start:
        cursor = None
    cursor = cursor or NOBODY.next_cursor
    return BookmarkChanges(said, collections, cursor, len(found) > limit, from_start)


async def _read_on(
    store: EventStore, person: Person, cursor: str, limit: int
) -> list[Recorded] | None:
    """So many events after the cursor; None where it is of another history. Raises `BadCursor`."""
    who, position, checksum = decode_cursor(_ORDER, cursor, _START)
    if who != person.id or not 0 < position <= POSITION_MAX:
        return None
    read = await events_about(store, person, position - 1, limit + 1)
    if not read or read[0].position != position or checksum_of(read[0]) != checksum:
        return None
    return read[1:]


def _said(change: CollectionChanged) -> CollectionChange:
    after = collecting.view(change.after) if change.after is not None else None
    kind: Literal["saved", "removed"] = "removed" if after is None else "saved"
    return CollectionChange(kind, change.collection, after, change.at, change.position)


def _said_of(change: BookmarkChanged, slug: ToolSlug) -> BookmarkChange:
    after = bookmarks.view(change.after, slug) if change.after is not None else None
    return BookmarkChange(change.kind, slug, after, change.at, change.position)
