"""The page of a user's bookmarks, and its forms: they need no script, and each has a way back."""

from collections.abc import Callable, Collection
from typing import Any, TypeVar

import msgspec
from litestar import get, post
from litestar.response.base import ASGIResponse
from msgspec import Struct

from votes.app.bookmarks import lists as bookmarks
from votes.app.bookmarks.lists import Sort
from votes.app.bookmarks.responses import BookmarksChanged, BookmarkView, RemovedBookmark
from votes.app.bookmarks.shelves import Shelf
from votes.app.catalogue import tools as catalogue
from votes.app.catalogue.paging import Page
from votes.app.catalogue.responses import SummaryView, summary
from votes.app.unlinking import POSITION_DIGITS_MAX
from votes.domain.bookmarks import bookmark
from votes.domain.bookmarks.bookmark import Annotations
from votes.domain.bookmarks.collection import Named
from votes.domain.terms import Tag, ToolId
from votes.engine.reading.reader import ReadSource
from votes.http.actions.bookmarking import remove, retag, rewrite, shelf_of, undo
from votes.http.checks.identity import identity, require_user
from votes.http.checks.limiting import Limited
from votes.http.errors import Refused
from votes.http.exchange import Http, services, tool_id, tool_ids, write_as
from votes.http.hosts import base
from votes.http.parameters import Cursor, Only, Query, Unsorted
from votes.languages import gettext, marked
from votes.resources import now
from votes.site import words
from votes.site.forms import local, read_fields, read_form
from votes.site.html import PRIVATE, as_text, redirect
from votes.site.reading import answer, read_at, reader
from votes.site.render import Head, query, titled

ROWS_MAX = 40
CHOSEN_MAX = 100
"""More than a page has."""
FIELDS_MAX = CHOSEN_MAX + 10
DONE = "done"
"""The cookie that says what was done last: words, a number, two positions."""
DONE_S = 600
SORTS: dict[Sort, str] = {
    "added": marked("Newest"),
    "old": marked("Oldest"),
    "changed": marked("Last changed"),
    "name": marked("Name"),
    "verdict": marked("Verdict"),
    "rank": marked("My order"),
}
DID = {
    "removed": marked("%(bookmarks)s removed."),
    "tagged": marked("%(bookmarks)s tagged."),
    "untagged": marked("%(bookmarks)s without the tag now."),
    "moved": marked("%(bookmarks)s moved."),
    "saved": marked("%(bookmarks)s saved."),
    "retagged": marked("The tag is changed on %(bookmarks)s."),
    "arranged": marked("Moved."),
    "made": marked("The collection is made."),
    "collected": marked("The collection is saved."),
    "discarded": marked("The collection is removed. What was in it is kept, in no collection."),
    "undone": marked("Undone."),
}


Written = TypeVar("Written", Annotations, Named)


class Row(Struct, frozen=True):
    """A bookmark, and its tool while that is listed."""

    kept: BookmarkView
    tool: SummaryView | None
    removed: RemovedBookmark | None = None

    @property
    def name(self) -> str:
        return self.tool.name if self.tool is not None else self.kept.tool


class Done(Struct, frozen=True):
    """What was done last: it can be undone."""

    did: str
    number: int
    after: int
    until: int


@get("/bookmarks", opt=Limited("reads", "q").opt)
async def my_bookmarks(
    request: Http,
    q: Query = None,
    tag: Only = None,
    collection: Only = None,
    unsorted: Unsorted = False,
    sort: Sort | None = None,
    cursor: Cursor = None,
) -> ASGIResponse:
    """A user's bookmarks; for anybody else, how to get some."""
    caller = await reader(request)
    if caller.user is None:
        ended = caller.login_ended
        return await _answer(request, listing=None, login_ended=ended)
    source, _ = await read_at(request)
    q, tag, collection = q or None, tag or None, collection or None
    usual: Sort = "rank" if collection else "added"
    used = sort or usual
    shelf = await shelf_of(request, caller.user)
    if shelf is None:
        found = bookmarks.none(used, cursor, ROWS_MAX)
    else:
        store, models = services(request).store, source.models
        wanted = bookmarks.Wanted(q, tag, collection, unsorted)
        found = await bookmarks.bookmarks(store, models, shelf, used, wanted, cursor, ROWS_MAX)
    labels = bookmarks.labels(shelf)
    chosen = {"q": q, "tag": tag, "collection": collection}
    chosen["unsorted"] = "true" if unsorted else None
    chosen["sort"] = None if used == usual else used
    current = next((one for one in labels.collections if one.id == collection), None)
    return await _answer(
        request,
        listing=Page([_row(source, kept) for kept in found.items], found.next_cursor, found.total),
        labels=labels,
        names={one.id: one.name for one in labels.collections},
        chosen=chosen,
        current=current,
        holds=any(one.inside == collection for one in labels.collections),
        movable=used == "rank" and not (q or tag or unsorted),
        sorts=SORTS,
        sort=used,
        usual=usual,
        cursor=cursor,
        here=f"/bookmarks{query(**chosen, cursor=cursor)}",
        done=_done(request),
    )


@get("/bookmarks/removed", opt=Limited("reads").opt)
async def removed_bookmarks(request: Http, cursor: Cursor = None) -> ASGIResponse:
    """What a user removed in the last 30 days, to be brought back."""
    caller = await reader(request)
    if caller.user is None:
        ended = caller.login_ended
        return await _answer(request, listing=None, login_ended=ended)
    source, _ = await read_at(request)
    shelf = await shelf_of(request, caller.user)
    page = bookmarks.removed(shelf, now(), cursor, ROWS_MAX)
    store, tools = services(request).store, [one.kept.tool for one in page.items]
    slugs = await catalogue.slugs(store, source.models, tools)
    rows = [_row(source, one.bookmark, one) for one in bookmarks.removed_views(page.items, slugs)]
    return await _answer(
        request,
        template="people/bookmarks_removed.html",
        listing=Page(rows, page.next_cursor, page.total),
        cursor=cursor,
        here=f"/bookmarks/removed{query(cursor=cursor)}",
        done=_done(request),
    )


async def _answer(
    request: Http, template: str = "people/bookmarks.html", **values: Any
) -> ASGIResponse:
    head = Head(
        titled(gettext("Bookmarks")),
        gettext("The tools that you keep."),
        "/bookmarks",
        base(request),
        section="bookmarks",
        indexed=False,
    )
    return await answer(request, template, head, private=True, **values)


def _row(source: ReadSource, kept: BookmarkView, removed: RemovedBookmark | None = None) -> Row:
    tool = catalogue.tool(source.models, kept.tool)
    return Row(kept, summary(source, tool) if tool is not None else None, removed)


def _done(request: Http) -> Done | None:
    """What the cookie says. It names nobody: positions of another user undo nothing."""
    did, *numbers = (identity(request).sent(request, DONE) or "").split(".")
    if did not in DID or len(numbers) != 3 or not all(map(_is_position, numbers)):
        return None
    number, after, until = (int(one) for one in numbers)
    said = gettext(DID[did], bookmarks=words.counted(number, "bookmark"))
    return Done(said, number, after, until)


def _is_position(text: str) -> bool:
    return text.isdecimal() and len(text) <= POSITION_DIGITS_MAX


def back(request: Http, fields: dict[str, str], did: str, done: BookmarksChanged) -> ASGIResponse:
    """Back to the page that the form was on, which says what was done."""
    number = done.bookmarks + done.collections
    value = f"{did}.{number}.{done.after}.{done.until}"
    cookie = identity(request).cookie(request, DONE, value, DONE_S)
    return redirect(local(fields, "/bookmarks"), 303, PRIVATE, as_text(cookie))


@post("/bookmarks/change", status_code=303, opt=Limited("writes").opt)
async def change_form(request: Http) -> ASGIResponse:
    """`do` is what to do with each `tool`: remove, tag, untag (both with a `tag`) or move (to the
    `collection`, out of any where that is empty). `only` is one to remove, whatever else is chosen.
    """
    user = await require_user(request)
    pairs = await read_fields(request, FIELDS_MAX)
    fields = {name: value for name, value in pairs if name != "tool"}
    only = fields.get("only")
    chosen = [only] if only else [value for name, value in pairs if name == "tool"]
    ids = set((await tool_ids(request, dict.fromkeys(chosen[:CHOSEN_MAX]))).values())
    do = "remove" if only else fields.get("do", "")
    if do == "remove":
        return back(request, fields, "removed", await remove(request, user, _those(ids)))
    did, change = _change(do, fields)
    return back(request, fields, did, await rewrite(request, user, _those(ids), change))


def _those(ids: Collection[ToolId]) -> Callable[[Shelf], list[Any]]:
    return lambda shelf: [shelf.kept[tool] for tool in ids if tool in shelf.kept]


def _change(do: str, fields: dict[str, str]) -> tuple[str, Callable[[Annotations], Annotations]]:
    """What it is called when done, and what it does. Raises `Refused`."""
    tag = fields.get("tag", "").strip()
    if do == "move":
        collection = checked(Annotations, collection=fields.get("collection") or None)
        to = collection.collection
        return "moved", lambda written: msgspec.structs.replace(written, collection=to)
    if do not in ("tag", "untag"):
        raise Refused("invalid_body", "do: remove, tag, untag or move.")
    if not tag:
        raise Refused("invalid_body", "tag: say which one.")
    checked(Annotations, tags=(tag,))
    if do == "untag":
        return "untagged", lambda written: written.retagged(tag, None)
    return "tagged", lambda written: checked(
        Annotations, **msgspec.structs.asdict(written) | {"tags": (*written.tags, tag)}
    )


def checked(kind: type[Written], **fields: Any) -> Written:
    """Raises `Refused` for what no request of the API could say either."""
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise Refused("invalid_body", f"{error}") from error


@post("/bookmarks/{slug:str}/edit", status_code=303, opt=Limited("writes").opt)
async def edit_form(request: Http, slug: str) -> ASGIResponse:
    """`note`, `tags` (separated by commas), `collection`, `rank` and `url`, of the bookmark as its
    `etag` has it: nothing is overwritten that its reader has not seen."""
    user = await require_user(request)
    tool, fields = await tool_id(request, slug), await read_form(request)
    written = checked(
        Annotations,
        note=fields.get("note", "").replace("\r\n", "\n"),
        tags=tuple(tag for tag in map(str.strip, fields.get("tags", "").split(",")) if tag),
        collection=fields.get("collection") or None,
        rank=fields.get("rank") or None,
        url=fields.get("url") or None,
    )
    at, tags = now(), (fields.get("etag", ""),)
    outcome, _ = await write_as(
        request,
        user,
        bookmark.decider,
        lambda person: bookmarks.keep(person, tool, written, at, tags),
    )
    changed = int(outcome.changed)
    done = BookmarksChanged(changed, 0, outcome.position - changed, outcome.position)
    return back(request, fields, "saved", done)


class _Retagged(Struct, frozen=True):
    tag: Tag
    to: Tag | None


@post("/bookmarks/retag", status_code=303, opt=Limited("writes").opt)
async def retag_form(request: Http) -> ASGIResponse:
    """`tag` becomes `to`, or is taken away where that is empty. Its page is empty then, so this
    leads to that of the other tag, or of all."""
    user, fields = await require_user(request), await read_form(request)
    try:
        asked = {"tag": fields.get("tag", ""), "to": fields.get("to", "").strip() or None}
        said = msgspec.convert(asked, _Retagged)
    except msgspec.ValidationError as error:
        raise Refused("invalid_body", f"{error}") from error
    done = await retag(request, user, said.tag, said.to)
    return back(request, {"next": f"/bookmarks{query(tag=said.to)}"}, "retagged", done)


@post("/bookmarks/undo", status_code=303, opt=Limited("writes").opt)
async def undo_form(request: Http) -> ASGIResponse:
    """What was done `after` a position, up to `until`."""
    user, fields = await require_user(request), await read_form(request)
    after, until = (fields.get(name, "") for name in ("after", "until"))
    if not all(map(_is_position, (after, until))):
        raise Refused("invalid_body", "after, until: positions.")
    done = await undo(request, user, int(after), int(until))
    return back(request, fields, "undone", done)


ROUTES = [
    my_bookmarks,
    removed_bookmarks,
    change_form,
    edit_form,
    retag_form,
    undo_form,
]
