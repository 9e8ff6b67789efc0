"""A user's bookmarks: pages of them, and what changed. `shelves` says where they are from."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct

from votes.app.bookmarks import collecting
from votes.app.bookmarks.responses import BookmarkLabels, BookmarkView, RemovedBookmark, TagCount
from votes.app.bookmarks.sealing import seal
from votes.app.bookmarks.shelves import TRASH_KEPT, Kept, Removed, Shelf
from votes.app.catalogue import tools as catalogue
from votes.app.catalogue.paging import Page, picked_page, sorted_page
from votes.domain.bookmarks.bookmark import Annotations, KeepBookmark
from votes.domain.conditions import AnyOf
from votes.domain.person import Person
from votes.domain.terms import ToolId, ToolSlug
from votes.engine.ports import EventStore
from votes.engine.read_models import ReadModels
from votes.engine.reading.orders import Place

Sort = Literal["added", "old", "changed", "name", "verdict", "rank"]
"""By when they were added, the newest first or the oldest; by their last change, the newest first;
by the tool's name; by the community's verdict, the best first; in the user's own order."""
OUT_OF_ORDER: tuple[Sort, ...] = ("name", "verdict")
"""The others are nearly in the order of last changes, or in its reverse, which is soon sorted."""


class Wanted(Struct, frozen=True):
    """Which bookmarks: with all words of `q`, with the `tag`, in the `collection`, or in none."""

    q: str | None = None
    tag: str | None = None
    collection: str | None = None
    unsorted: bool = False


def keep(
    person: Person,
    tool: ToolId,
    written: Annotations | None,
    at: datetime,
    if_match: AnyOf = None,
) -> KeepBookmark:
    """The command to keep the tool, with what is written beside it; None leaves that as it is."""
    sealed = None if written is None else seal(person, tool, written)
    return KeepBookmark(person.id, tool, sealed, at, if_match)


def none(sort: Sort, cursor: str | None, limit: int) -> Page[BookmarkView]:
    """The page of a user who has never written anything. Raises `BadCursor`."""
    return sorted_page([], tuple, f"bookmarks {sort}", cursor, limit)


async def bookmarks(
    store: EventStore,
    models: ReadModels | None,
    shelf: Shelf,
    sort: Sort,
    wanted: Wanted,
    cursor: str | None,
    limit: int,
) -> Page[BookmarkView]:
    """A page of the wanted bookmarks; `models` give the names that the tools have now.

    Raises `BadCursor` and `Unavailable`.
    """
    if wanted.q or sort == "name":
        shelf.name(models)
    if sort == "verdict":
        shelf.judge(models)
    found, key, order = _found(shelf, wanted), KEYS[sort], f"bookmarks {sort}"
    if sort in OUT_OF_ORDER:
        page = picked_page(found, key, order, cursor, limit)
    else:
        found.sort(key=key)
        page = sorted_page(found, key, order, cursor, limit)
    slugs = await catalogue.slugs(store, models, [kept.tool for kept in page.items])
    return Page(list(views(page.items, slugs)), page.next_cursor, page.total)


def in_own_order(shelf: Shelf, collection: str | None) -> list[Kept]:
    """Those in the collection, or all."""
    return sorted(_found(shelf, Wanted(collection=collection)), key=KEYS["rank"])


def views(kept: Iterable[Kept], slugs: Mapping[ToolId, ToolSlug]) -> Iterable[BookmarkView]:
    """The bookmarks under the slugs; those without one are left out."""
    return (view(one, slugs[one.tool]) for one in kept if one.tool in slugs)


def view(kept: Kept, slug: ToolSlug) -> BookmarkView:
    written, stands = kept.written, kept.standing
    return BookmarkView(
        slug,
        written.note,
        written.tags,
        written.collection,
        kept.rank,
        kept.unreadable,
        written.url,
        stands.added_at,
        stands.changed_at,
        stands.tag,
        kept.position,
    )


def labels(shelf: Shelf | None) -> BookmarkLabels:
    """The tags and collections of the bookmarks."""
    kept = shelf.kept.values() if shelf is not None else ()
    tags = Counter(tag for one in kept for tag in one.written.tags)
    by_name = sorted(tags.items(), key=lambda pair: (pair[0].casefold(), pair[0]))
    counts = [TagCount(name, count) for name, count in by_name]
    mine = collecting.listed(shelf)
    return BookmarkLabels(counts, mine.collections, mine.unsorted, len(kept))


def removed(
    shelf: Shelf | None, at: datetime, cursor: str | None, limit: int
) -> Page[Removed[Kept]]:
    """What was removed in the last 30 days, the last first. Raises `BadCursor`."""
    all_removed = shelf.removed.values() if shelf is not None else ()
    found = [one for one in all_removed if one.at >= at - TRASH_KEPT]
    found.reverse()
    return sorted_page(found, lambda one: (-one.position,), "bookmarks removed", cursor, limit)


def removed_views(
    found: Iterable[Removed[Kept]], slugs: Mapping[ToolId, ToolSlug]
) -> Iterable[RemovedBookmark]:
    """As `views`."""
    return (
        RemovedBookmark(view(one.kept, slugs[one.kept.tool]), one.at, one.position)
        for one in found
        if one.kept.tool in slugs
    )


def _found(shelf: Shelf, wanted: Wanted) -> list[Kept]:
    """Those that are wanted, in the order of their last changes."""
    found, tag, collection = list(shelf.kept.values()), wanted.tag, wanted.collection
    if tag is not None:
        found = [one for one in found if tag in one.written.tags]
    if collection is not None:
        found = [one for one in found if collection == one.written.collection]
    if wanted.unsorted:
        found = [one for one in found if one.written.collection not in shelf.collections]
    for word in wanted.q.casefold().split() if wanted.q else ():
        found = [one for one in found if word in one.text]
    return found


KEYS: dict[Sort, Callable[[Kept], Place]] = {
    "added": lambda kept: (-kept.added, -kept.position),
    "old": lambda kept: (kept.added, kept.position),
    "changed": lambda kept: (-kept.position,),
    "name": lambda kept: (kept.name, kept.position),
    "verdict": lambda kept: (*kept.verdict, kept.position),
    "rank": lambda kept: (kept.rank, kept.position),
}
"""What the list is sorted by, ascending; the position makes it unique."""
