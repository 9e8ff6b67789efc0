"""A user's bookmarks, read from the user's own streams in the log.

What a user writes beside a bookmark is encrypted here before a command is decided, and decrypted
after its event is read.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from votes.app import catalogue
from votes.app.paging import Page, page
from votes.app.responses import BookmarkView
from votes.domain.bookmark import (
    Annotations,
    BookmarkRevised,
    KeepBookmark,
    Sealed,
    ToolBookmarked,
    prefix,
    stream,
)
from votes.domain.person import Person
from votes.domain.terms import ToolId, ToolSlug
from votes.engine.log import Recorded, Stream
from votes.engine.ports import EventStore
from votes.engine.read_models import ReadModels

BOOKMARKS_READ_MAX = 10_000

Sort = Literal["new", "old", "tool"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Annotations).decode
NOTHING = Annotations()


def keep(person: Person, tool: ToolId, written: Annotations | None, at: datetime) -> KeepBookmark:
    """The command to keep the tool, with what is written beside it; None leaves that as it is."""
    sealed = None if written is None else seal(person, tool, written)
    return KeepBookmark(person.id, tool, sealed, at)


def seal(person: Person, tool: ToolId, written: Annotations) -> Sealed:
    """Encrypt the canonical form, for this bookmark alone: in another stream it cannot be read."""
    canonical = written.canonical()
    if canonical == NOTHING:
        return b""
    return person.cipher.encrypt(_encode(canonical), [stream(person.id, tool).encode()])


def unseal(cipher: AESSIV, bookmark: Stream, sealed: Sealed) -> Annotations:
    """What is written beside the bookmark in the stream; nothing where it cannot be read, as only
    another program stores it."""
    try:
        return _decode(cipher.decrypt(sealed, [bookmark.encode()])) if sealed else NOTHING
    except (InvalidTag, msgspec.MsgspecError):
        return NOTHING


def none(sort: Sort, cursor: str | None, limit: int) -> Page[BookmarkView]:
    """The page of a user who has never written anything. Raises `BadCursor`."""
    return page([], f"bookmarks {sort}", cursor, limit)


async def bookmarks(
    store: EventStore,
    models: ReadModels | None,
    person: Person,
    sort: Sort,
    q: str | None,
    tag: str | None,
    collection: str | None,
    cursor: str | None,
    limit: int,
) -> Page[BookmarkView]:
    """A page of the person's bookmarks; `models` give the slugs that the tools have now.

    Raises `BadCursor` and `Unavailable`.
    """
    last_events = await store.last_of_prefix(prefix(person.id), BOOKMARKS_READ_MAX)
    slugs = await catalogue.slugs(store, models, [ToolId(last.subject) for last in last_events])
    found = [
        view
        for view in views(person, last_events, slugs)
        if (tag is None or tag in view.tags)
        and (collection is None or collection == view.collection)
        and _has(q, view)
    ]
    return page([(_key(sort, view), view) for view in found], f"bookmarks {sort}", cursor, limit)


def views(
    person: Person, last_events: Iterable[Recorded], slugs: Mapping[ToolId, ToolSlug]
) -> list[BookmarkView]:
    """The person's bookmarks, by the last events of their streams."""
    cipher = person.cipher
    found = (_view(recorded, slugs, cipher) for recorded in last_events)
    return [view for view in found if view is not None]


def _view(
    recorded: Recorded, slugs: Mapping[ToolId, ToolSlug], cipher: AESSIV
) -> BookmarkView | None:
    slug = slugs.get(ToolId(recorded.subject))
    match recorded.event:
        case (
            ToolBookmarked(annotations=sealed, added_at=at)
            | BookmarkRevised(annotations=sealed, added_at=at)
        ) if slug is not None:
            notes, position = unseal(cipher, recorded.stream, sealed), recorded.position
            return BookmarkView(slug, notes.note, notes.tags, notes.collection, at, position)
        case _:
            return None


def _has(q: str | None, view: BookmarkView) -> bool:
    if not q:
        return True
    text = " ".join((view.tool, view.note, *view.tags)).casefold()
    return all(word in text for word in q.casefold().split())


def _key(sort: Sort, view: BookmarkView) -> list[Any]:
    at = view.added_at.timestamp()
    match sort:
        case "new":
            return [-at, view.tool]
        case "old":
            return [at, view.tool]
        case "tool":
            return [view.tool]
