"""A user's bookmarks: list, keep, remove."""

import msgspec
from litestar import delete, get, put
from litestar.response.base import ASGIResponse

from votes.api.operation import Operation
from votes.app.bookmarks import collecting
from votes.app.bookmarks import lists as bookmarks
from votes.app.bookmarks.responses import (
    BookmarkLabels,
    BookmarksPage,
    BookmarkView,
    RemovedBookmarks,
)
from votes.app.catalogue import tools as catalogue
from votes.app.catalogue.paging import LIMIT_DEFAULT
from votes.domain.bookmarks import bookmark
from votes.domain.bookmarks.bookmark import Annotations, RemoveBookmark
from votes.http.actions.bookmarking import shelf_of, status_of, view_of
from votes.http.checks.identity import require_user
from votes.http.checks.limiting import Limited
from votes.http.conditions import if_match
from votes.http.exchange import (
    LARGE_BODY_BYTES_MAX,
    Http,
    no_content,
    private,
    read_json,
    services,
    tool_id,
    tool_ids,
    tool_slug,
    write_as,
)
from votes.http.parameters import Cursor, Limit, MinPosition, Only, Query, Unsorted
from votes.resources import now

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
    sort: bookmarks.Sort = "added",
    q: Query = None,
    tag: Only = None,
    collection: Only = None,
    unsorted: Unsorted = False,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
    min_position: MinPosition = 0,
) -> ASGIResponse:
    """`q` looks into the tool's names, note and tags. Always with your last write."""
    user = await require_user(request)
    parts = services(request)
    if min_position:
        await parts.reader.models(min_position)
    shelf = await shelf_of(request, user)
    if shelf is None:
        page = bookmarks.none(sort, cursor, limit)
    else:
        wanted = bookmarks.Wanted(q, tag, collection, unsorted)
        page = await bookmarks.bookmarks(
            parts.store, parts.reader.latest, shelf, sort, wanted, cursor, limit
        )
    return private(BookmarksPage(page.items, page.next_cursor, page.total))


@get(
    "/v1/me/bookmarks:labels",
    operation_id="listBookmarkLabels",
    summary="The tags and collections of my bookmarks",
    tags=["bookmarks"],
    opt=Operation(responses={200: BookmarkLabels}, who="user", limited=Limited("reads")).opt,
)
async def list_labels(request: Http) -> ASGIResponse:
    """Each with the number of its bookmarks."""
    return private(bookmarks.labels(await shelf_of(request, await require_user(request))))


@get(
    "/v1/me/bookmarks:removed",
    operation_id="listRemovedBookmarks",
    summary="The bookmarks and collections that I removed in the last 30 days",
    tags=["bookmarks"],
    opt=Operation(responses={200: RemovedBookmarks}, who="user", limited=Limited("reads")).opt,
)
async def list_removed(
    request: Http, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> ASGIResponse:
    """Each can be undone."""
    parts = services(request)
    shelf = await shelf_of(request, await require_user(request))
    page = bookmarks.removed(shelf, now(), cursor, limit)
    tools = [one.kept.tool for one in page.items]
    slugs = await catalogue.slugs(parts.store, parts.reader.latest, tools)
    views = list(bookmarks.removed_views(page.items, slugs))
    collections = collecting.removed(shelf, now())
    return private(RemovedBookmarks(views, collections, page.next_cursor, page.total))


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
        conditional=True,
        who="user",
        limited=Limited("writes"),
    ).opt,
)
async def put_bookmark(request: Http, slug: str) -> ASGIResponse:
    """201 for a new bookmark, 200 for one that was there. What the body leaves out is empty;
    without a body, what is written beside the bookmark stays as it is."""
    user = await require_user(request)
    tool, tags = await tool_id(request, slug), if_match(request)
    annotations: Annotations | None = None
    if await request.body():
        annotations = await read_json(request, _annotations)
    at = now()
    outcome, person = await write_as(
        request,
        user,
        bookmark.decider,
        lambda person: bookmarks.keep(person, tool, annotations, at, tags),
    )
    view = view_of(person, tool, slug, outcome)
    etag = (b"etag", f'"{view.etag}"'.encode())
    return private(view, status=status_of(outcome), headers=(etag,))


@delete(
    "/v1/me/bookmarks/{slug:str}",
    operation_id="removeBookmark",
    summary="Remove a bookmark",
    tags=["bookmarks"],
    status_code=200,  # the answer itself says 204
    opt=Operation(write=True, conditional=True, who="user", limited=Limited("writes")).opt,
)
async def remove_bookmark(request: Http, slug: str) -> ASGIResponse:
    """Without a bookmark this changes nothing. For 30 days it can be undone."""
    user, tags = await require_user(request), if_match(request)
    ids = await tool_ids(request, [tool_slug(request, slug)])
    tool = ids.get(slug, bookmark.of_no_tool(slug))
    outcome, _ = await write_as(
        request, user, bookmark.decider, lambda person: RemoveBookmark(person.id, tool, tags)
    )
    return no_content(outcome.position)


ROUTES = [list_bookmarks, list_labels, list_removed, put_bookmark, remove_bookmark]
