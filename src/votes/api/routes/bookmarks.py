"""A user's bookmarks: list, keep, remove."""

import msgspec
from litestar import delete, get, put
from litestar.response.base import ASGIResponse

from votes.api.operation import Operation
from votes.app import bookmarks
from votes.app.paging import LIMIT_DEFAULT
from votes.app.responses import BookmarksPage, BookmarkView
from votes.domain import bookmark
from votes.domain.bookmark import Annotations
from votes.http.exchange import (
    LARGE_BODY_BYTES_MAX,
    Http,
    no_content,
    private,
    read_as,
    read_json,
    services,
    tool_id,
    tool_ids,
    tool_slug,
    write_as,
)
from votes.http.identity import require_user
from votes.http.limiting import Limited
from votes.http.parameters import Cursor, Limit, MinPosition, Only, Query
from votes.wiring import now

_annotations = msgspec.json.Decoder(Annotations)


@get(
    "/v1/me/bookmarks",
    operation_id="listBookmarks",
    summary="My bookmarks, a page at a time",
    tags=["bookmarks"],
    opt=Operation(responses={200: BookmarksPage}, who="user", limited=Limited("reads", "q")).opt,
)
async def list_bookmarks(
    request: Http,
    sort: bookmarks.Sort = "new",
    q: Query = None,
    tag: Only = None,
    collection: Only = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
    min_position: MinPosition = 0,
) -> ASGIResponse:
    """`q` looks into tool, note and tags. Read from the log itself: always complete."""
    user = await require_user(request)
    if min_position:
        await services(request).reader.models(min_position)
    parts = services(request)
    models = parts.reader.latest
    found = await read_as(
        request,
        user,
        lambda person: bookmarks.bookmarks(
            parts.store, models, person, sort, q, tag, collection, cursor, limit
        ),
    )
    page = found or bookmarks.none(sort, cursor, limit)
    return private(BookmarksPage(page.items, page.next_cursor, page.total))


@put(
    "/v1/me/bookmarks/{slug:str}",
    operation_id="putBookmark",
    summary="Bookmark a tool, or revise the bookmark",
    tags=["bookmarks"],
    status_code=200,
    request_max_body_size=LARGE_BODY_BYTES_MAX,
    opt=Operation(
        body=Annotations,
        body_optional=True,
        responses={200: BookmarkView, 201: BookmarkView},
        write=True,
        who="user",
        limited=Limited("writes"),
    ).opt,
)
async def put_bookmark(request: Http, slug: str) -> ASGIResponse:
    """201 for a new bookmark, 200 for one that was there. What the body leaves out is empty;
    without a body, what is written beside the bookmark stays as it is."""
    user = await require_user(request)
    tool = await tool_id(request, slug)
    annotations: Annotations | None = None
    if await request.body():
        annotations = await read_json(request, _annotations)
    at = now()
    outcome, person = await write_as(
        request,
        user,
        bookmark.decider,
        lambda person: bookmarks.keep(person, tool, annotations, at),
    )
    sealed, added_at = outcome.after.annotations, outcome.after.added_at
    after = bookmarks.unseal(person.cipher, bookmark.stream(person.id, tool), sealed)
    assert added_at is not None  # it is there now
    view = BookmarkView(slug, after.note, after.tags, after.collection, added_at, outcome.position)
    return private(view, status=200 if outcome.before.added_at else 201)


@delete(
    "/v1/me/bookmarks/{slug:str}",
    operation_id="removeBookmark",
    summary="Remove a bookmark",
    tags=["bookmarks"],
    status_code=200,  # the answer itself says 204
    opt=Operation(write=True, who="user", limited=Limited("writes")).opt,
)
async def remove_bookmark(request: Http, slug: str) -> ASGIResponse:
    """Without a bookmark this changes nothing."""
    user = await require_user(request)
    tool = (await tool_ids(request, [tool_slug(request, slug)])).get(slug)
    if tool is None:
        return no_content(0)
    outcome, _ = await write_as(
        request, user, bookmark.decider, lambda person: bookmark.RemoveBookmark(person.id, tool)
    )
    return no_content(outcome.position)


ROUTES = [list_bookmarks, put_bookmark, remove_bookmark]
