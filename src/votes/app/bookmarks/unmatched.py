"""A user's unmatched pages: encrypted and decrypted here, and listed."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from msgspec import Struct

from votes.app.bookmarks.responses import UnmatchedPage, UnmatchedPages
from votes.app.catalogue.paging import decode_cursor, encode_cursor
from votes.domain.bookmarks.unmatched import (
    PREFIX,
    UNMATCHED_EVENTS,
    KeepUnmatched,
    RemoveUnmatched,
    Sealed,
    UnmatchedCommand,
    UnmatchedId,
    UnmatchedKept,
    parts_of,
    prefix,
    unmatched_id,
)
from votes.domain.person import Person
from votes.domain.terms import PersonId
from votes.engine.log import Position, Recorded, Stream
from votes.engine.ports import EventStore
from votes.formats.saved import Saved, is_web

STREAMS_READ_MAX = 1_000
_ORDER = "unmatched"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Saved).decode


class Kept(Struct, frozen=True):
    """A page, as it came at the position."""

    id: UnmatchedId
    page: Saved
    position: Position


def keep(cipher: AESSIV, person: Person, page: Saved) -> KeepUnmatched:
    """The command to keep the page. The same page is the same when it is encrypted, so it has the
    same id."""
    sealed = cipher.encrypt(_encode(page), [_place(person)])
    return KeepUnmatched(person.id, unmatched_id(sealed, page.added_at), sealed)


def unseal(cipher: AESSIV, person: Person, sealed: Sealed) -> Saved | None:
    """None where it cannot be read, as only another program stores it."""
    try:
        return _decode(cipher.decrypt(sealed, [_place(person)]))
    except (InvalidTag, msgspec.MsgspecError):
        return None


def _place(person: Person) -> bytes:
    return f"{PREFIX}{person.id}".encode()


async def kept_by(
    store: EventStore, person: Person, after: UnmatchedId | None = None
) -> AsyncIterator[list[Recorded]]:
    """The pages of the person in the log, the newest first, in lists of the log's. Raises
    `Unavailable`."""
    begin = prefix(person.id)
    last = Stream(f"{begin}{after}") if after is not None else None
    while found := await store.last_of_prefix(begin, STREAMS_READ_MAX, last):
        yield [one for one in found if isinstance(one.event, UnmatchedKept)]
        last = found[-1].stream


def opened(person: Person, found: list[Recorded]) -> list[Kept]:
    """The pages that can be read."""
    cipher = person.cipher
    pages = []
    for one in found:
        assert isinstance(one.event, UnmatchedKept)
        page = unseal(cipher, person, one.event.page)
        if page is not None:
            pages.append(Kept(parts_of(one.stream)[1], page, one.position))
    return pages


async def undoing(
    store: EventStore, person: Person, after: Position, until: Position, since: datetime
) -> AsyncIterator[list[UnmatchedCommand]]:
    """What makes each page again what it was before the events after the one position, up to the
    other, and not before the time; but for pages that have changed since. Some commands at a time,
    none of them twice. Raises `Unavailable`.
    """
    seen: set[Stream] = set()
    while events := await store.about(person.id, UNMATCHED_EVENTS, after, STREAMS_READ_MAX):
        after = events[-1].position
        first = {
            one.stream: isinstance(one.event, UnmatchedKept)
            for one in reversed(events)
            if one.position <= until and one.at >= since and one.stream not in seen
        }
        seen.update(first)
        lasts = await store.last_events(first)
        unchanged = [one for one in lasts.values() if one.position <= until]
        yield [
            await _back(store, person, last)
            for last in unchanged
            if isinstance(last.event, UnmatchedKept) == first[last.stream]
        ]
        if after >= until:
            break


async def _back(store: EventStore, person: Person, last: Recorded) -> UnmatchedCommand:
    """What takes the last event of a page back. Each page is kept and removed in turn."""
    page = parts_of(last.stream)[1]
    if isinstance(last.event, UnmatchedKept):
        return RemoveUnmatched(person.id, page)
    before, _ = await store.last_of_stream(last.stream, 2)
    assert isinstance(before.event, UnmatchedKept)
    return KeepUnmatched(person.id, page, before.event.page)


async def of_all(store: EventStore) -> AsyncIterator[dict[PersonId, list[Recorded]]]:
    """The pages of all users in the log, some at a time, by user. Raises `Unavailable`."""
    last = None
    while found := await store.last_of_prefix(PREFIX, STREAMS_READ_MAX, last):
        by_person: dict[PersonId, list[Recorded]] = {}
        for one in found:
            if isinstance(one.event, UnmatchedKept):
                by_person.setdefault(parts_of(one.stream)[0], []).append(one)
        yield by_person
        last = found[-1].stream


async def listed(
    store: EventStore, person: Person, cursor: str | None, limit: int
) -> UnmatchedPages:
    """So many of the pages after the cursor, the newest first.

    Raises `BadCursor` and `Unavailable`.
    """
    start: list[Any] = [""]
    (after,) = decode_cursor(_ORDER, cursor, start) if cursor else start
    pages: list[Kept] = []
    async for found in kept_by(store, person, UnmatchedId(after) if after else None):
        pages += opened(person, found[: limit + 1 - len(pages)])
        if len(pages) > limit:
            break
    more = len(pages) > limit
    shown = pages[:limit]
    return UnmatchedPages(
        [view(one) for one in shown],
        encode_cursor(_ORDER, [shown[-1].id]) if more else None,
    )


def view(kept: Kept) -> UnmatchedPage:
    page = kept.page
    return UnmatchedPage(
        kept.id,
        page.url,
        is_web(page.url),
        page.title,
        page.folder,
        page.tags,
        page.note,
        page.added_at,
    )
