"""A user's bookmarks, read from the user's own streams in the log."""

from typing import Any, Literal

from votes.app import catalogue
from votes.app.answers import BookmarkView
from votes.app.paging import Page, page
from votes.domain.bookmark import BookmarkRevised, ToolBookmarked, prefix
from votes.domain.terms import Subject, ToolId, ToolSlug
from votes.engine.log import Recorded
from votes.engine.ports import EventStore
from votes.engine.read_models import ReadModels

BOOKMARKS_READ_MAX = 10_000

Sort = Literal["new", "old", "tool"]


async def bookmarks(
    store: EventStore,
    models: ReadModels | None,
    user: Subject,
    sort: Sort,
    q: str | None,
    tag: str | None,
    collection: str | None,
    cursor: str | None,
    limit: int,
) -> Page[BookmarkView]:
    """A page of the user's bookmarks; `models` say what the tools are called now.

    Raises `BadCursor` and `Unavailable`.
    """
    found = await store.last_of_prefix(prefix(user), BOOKMARKS_READ_MAX)
    slugs = await catalogue.slugs(store, models, [ToolId(last.subject) for last in found])
    kept = [
        view
        for recorded in found
        if (view := _view(recorded, slugs)) is not None
        and (tag is None or tag in view.tags)
        and (collection is None or collection == view.collection)
        and _has(q, view)
    ]
    return page([(_key(sort, view), view) for view in kept], f"bookmarks {sort}", cursor, limit)


def _view(recorded: Recorded, slugs: dict[ToolId, ToolSlug]) -> BookmarkView | None:
    slug = slugs.get(ToolId(recorded.subject))
    match recorded.event:
        case (
            ToolBookmarked(annotations=kept, added_at=at)
            | BookmarkRevised(annotations=kept, added_at=at)
        ) if slug is not None:
            return BookmarkView(slug, kept.note, kept.tags, kept.collection, at, recorded.position)
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
