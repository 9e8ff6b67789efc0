"""A user's bookmarks, read from the user's own streams in the log."""

from typing import Any, Literal

from votes.app import catalogue
from votes.app.paging import Page, page
from votes.app.responses import BookmarkView
from votes.domain.bookmark import BookmarkRevised, ToolBookmarked, prefix
from votes.domain.person import Person
from votes.domain.terms import ToolId, ToolSlug
from votes.engine.log import Recorded
from votes.engine.ports import EventStore
from votes.engine.read_models import ReadModels

BOOKMARKS_READ_MAX = 10_000

Sort = Literal["new", "old", "tool"]


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
    views = [
        view
        for recorded in last_events
        if (view := _view(recorded, slugs)) is not None
        and (tag is None or tag in view.tags)
        and (collection is None or collection == view.collection)
        and _has(q, view)
    ]
    return page([(_key(sort, view), view) for view in views], f"bookmarks {sort}", cursor, limit)


def _view(recorded: Recorded, slugs: dict[ToolId, ToolSlug]) -> BookmarkView | None:
    slug = slugs.get(ToolId(recorded.subject))
    match recorded.event:
        case (
            ToolBookmarked(annotations=notes, added_at=at)
            | BookmarkRevised(annotations=notes, added_at=at)
        ) if slug is not None:
            position = recorded.position
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
