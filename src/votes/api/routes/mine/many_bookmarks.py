"""A user's bookmarks: many at once, with a way back, and all that changed in them."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import get, post
from litestar.response.base import ASGIResponse
from msgspec import Meta, Struct

from votes.api.operation import Operation
from votes.app.bookmarks import lists as bookmarks
from votes.app.bookmarks.changes import NOBODY, changes
from votes.app.bookmarks.responses import (
    BatchAnswer,
    BatchAnswers,
    BookmarkChanges,
    BookmarksChanged,
)
from votes.app.catalogue.paging import LIMIT_DEFAULT, LIMIT_MAX
from votes.domain.bookmarks import bookmark
from votes.domain.bookmarks.bookmark import Annotations, BookmarkCommand, RemoveBookmark
from votes.domain.person import Person
from votes.domain.terms import Tag, ToolId, ToolSlug
from votes.engine.decider import Rejected
from votes.engine.handle import Outcome, Result
from votes.engine.log import Position
from votes.http.actions.bookmarking import retag, status_of, submit_all_as, undo, view_of
from votes.http.checks.identity import require_user
from votes.http.checks.limiting import Limited
from votes.http.errors import REFUSALS
from votes.http.exchange import (
    LARGE_BODY_BYTES_MAX,
    Http,
    private,
    read_as,
    read_json,
    services,
    tool_ids,
)
from votes.http.parameters import Cursor, Limit
from votes.resources import now


class BatchOperation(Struct, frozen=True, forbid_unknown_fields=True):
    """`put` keeps the tool, with `annotations` as a request of its own would; `delete` removes the
    bookmark. With `if_match` only if the bookmark's `etag` still is this one."""

    op: Literal["put", "delete"]
    tool: ToolSlug
    annotations: Annotations | None = None
    if_match: str | None = None


class BatchBody(Struct, frozen=True, forbid_unknown_fields=True):
    operations: Annotated[list[BatchOperation], Meta(min_length=1, max_length=LIMIT_MAX)]


class RetagBody(Struct, frozen=True, forbid_unknown_fields=True):
    """`to` is the tag's new name, or another tag that takes it in; None takes it away."""

    tag: Tag
    to: Tag | None


class UndoBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The positions that a write told."""

    after: Position
    until: Position


_batch = msgspec.json.Decoder(BatchBody)
_retag = msgspec.json.Decoder(RetagBody)
_undo = msgspec.json.Decoder(UndoBody)


@get(
    "/v1/me/bookmarks/changes",
    operation_id="listBookmarkChanges",
    summary="What changed in my bookmarks and collections",
    tags=["bookmarks"],
    opt=Operation(responses={200: BookmarkChanges}, who="user", limited=Limited("reads")).opt,
)
async def list_changes(
    request: Http, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> ASGIResponse:
    """Every addition, revision and removal since the cursor, in order; without one since the
    beginning. A cursor holds for ever. Where the history that it is of is gone, as after an
    erasure, the changes begin anew and say so."""
    parts = services(request)
    changed = await read_as(
        request,
        await require_user(request),
        lambda person: changes(parts.store, parts.reader.latest, person, cursor, limit),
    )
    return private(changed or NOBODY)


@post(
    "/v1/me/bookmarks:batch",
    operation_id="batchBookmarks",
    summary="Keep and remove up to 100 bookmarks",
    tags=["bookmarks"],
    status_code=200,
    request_max_body_size=LARGE_BODY_BYTES_MAX,
    opt=Operation(
        body=BatchBody,
        responses={200: BatchAnswers},
        write=True,
        who="user",
        limited=Limited("writes"),
    ).opt,
)
async def batch_bookmarks(request: Http) -> ASGIResponse:
    """Each by itself, in order: what is refused leaves the others as they are."""
    user = await require_user(request)
    operations = (await read_json(request, _batch)).operations
    known = await tool_ids(request, {one.tool for one in operations})
    ids = [known.get(one.tool, bookmark.of_no_tool(one.tool)) for one in operations]
    asked, at = list(zip(ids, operations, strict=True)), now()

    def ask(person: Person) -> list[BookmarkCommand]:
        return [_command(person, tool, one, at) for tool, one in asked]

    results, person = await submit_all_as(request, user, bookmark.decider, ask)
    answers = [
        _answer(person, tool, one, result)
        for (tool, one), result in zip(asked, results, strict=True)
    ]
    positions = [one.position for one in results if isinstance(one, Outcome)]
    return private(BatchAnswers(answers, max(positions, default=0)))


def _command(person: Person, tool: ToolId, one: BatchOperation, at: datetime) -> BookmarkCommand:
    tags = None if one.if_match is None else (one.if_match,)
    if one.op == "delete":
        return RemoveBookmark(person.id, tool, tags)
    return bookmarks.keep(person, tool, one.annotations, at, tags)


def _answer(person: Person, tool: ToolId, one: BatchOperation, result: Result) -> BatchAnswer:
    if isinstance(result, Rejected):
        return BatchAnswer(one.tool, REFUSALS[result.code].status, result.code, None)
    if one.op == "delete":
        return BatchAnswer(one.tool, 204, None, None)
    bookmark = view_of(person, tool, one.tool, result)
    return BatchAnswer(one.tool, status_of(result), None, bookmark)


@post(
    "/v1/me/bookmarks:retag",
    operation_id="retagBookmarks",
    summary="Rename a tag, merge it into another one, or take it away",
    tags=["bookmarks"],
    status_code=200,
    opt=Operation(
        body=RetagBody, responses={200: BookmarksChanged}, who="user", limited=Limited("writes")
    ).opt,
)
async def retag_bookmarks(request: Http) -> ASGIResponse:
    """On all of my bookmarks. The same again changes nothing, so it takes no `Idempotency-Key`;
    it can be undone by the positions in the response."""
    user = await require_user(request)
    body = await read_json(request, _retag)
    return private(await retag(request, user, body.tag, body.to))


@post(
    "/v1/me/bookmarks:undo",
    operation_id="undoBookmarks",
    summary="Undo what was done to my bookmarks, collections and unmatched pages",
    tags=["bookmarks"],
    status_code=200,
    opt=Operation(
        body=UndoBody, responses={200: BookmarksChanged}, who="user", limited=Limited("writes")
    ).opt,
)
async def undo_bookmarks(request: Http) -> ASGIResponse:
    """Each of them that changed after the position `after`, up to `until`, is again what it was
    before; but for those that have changed since, and for changes of more than 30 days ago. To undo
    it, undo the positions in the response. The same again changes nothing, so it takes no
    `Idempotency-Key`."""
    user = await require_user(request)
    body = await read_json(request, _undo)
    return private(await undo(request, user, body.after, body.until))


ROUTES = [list_changes, batch_bookmarks, retag_bookmarks, undo_bookmarks]
