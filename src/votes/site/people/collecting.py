"""Forms for collections and the own order on the page of bookmarks, which need no script and have a
way back each; and the page of a public collection."""

import secrets
from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import get, post
from litestar.response.base import ASGIResponse

from votes.app.bookmarks import lists as bookmarks
from votes.app.bookmarks import sharing
from votes.app.bookmarks.responses import BookmarksChanged
from votes.app.bookmarks.shelves import KeptCollection, Shelf
from votes.app.catalogue import tools as catalogue
from votes.app.catalogue.responses import summary
from votes.domain.bookmarks import bookmark
from votes.domain.bookmarks.collection import Named, parent_in
from votes.domain.bookmarks.ranks import NoRoom, moved
from votes.domain.terms import CollectionId, Rank
from votes.engine.handle import Outcome
from votes.http.actions.bookmarking import shelf_of
from votes.http.actions.collecting import checked_id, remove, save
from votes.http.actions.sharing import shared
from votes.http.checks.identity import require_user
from votes.http.checks.limiting import Limited
from votes.http.errors import Refused
from votes.http.exchange import Http, tool_id, write_as
from votes.http.hosts import base
from votes.http.parameters import Cursor
from votes.languages import gettext
from votes.resources import now
from votes.site import words
from votes.site.forms import local, read_form
from votes.site.people.bookmarking import ROWS_MAX, back, checked
from votes.site.reading import answer, read_at
from votes.site.render import Head, query, titled


def _done(outcome: Outcome[Any]) -> BookmarksChanged:
    changed = int(outcome.changed)
    return BookmarksChanged(0, changed, outcome.position - changed, outcome.position)


@post("/me/collections", status_code=303, opt=Limited("writes").opt)
async def make_form(request: Http) -> ASGIResponse:
    """`name`, and `parent` or nothing, of a new collection; leads to its page."""
    user, fields = await require_user(request), await read_form(request)
    made = secrets.token_urlsafe(9)
    named = _named(made, fields, rank=None)
    outcome, _ = await save(request, user, named, (), public=False)
    there = {"next": f"/bookmarks{query(collection=made)}"}
    return back(request, there, "made", _done(outcome))


@post("/me/collections/{collection_id:str}/edit", status_code=303, opt=Limited("writes").opt)
async def edit_form(request: Http, collection_id: str) -> ASGIResponse:
    """`name`, `parent` and `public` (on or nothing), of the collection as its `etag` has it."""
    user, fields = await require_user(request), await read_form(request)
    before = await _there(request, checked_id(collection_id))
    named = _named(collection_id, fields, before.named.rank)
    tags, public = (fields.get("etag", ""),), "public" in fields
    outcome, _ = await save(request, user, named, tags, public=public)
    return back(request, fields, "collected", _done(outcome))


@post("/me/collections/{collection_id:str}/move", status_code=303, opt=Limited("writes").opt)
async def move_form(request: Http, collection_id: str) -> ASGIResponse:
    """`to` is up or down, among those beside it."""
    user, fields = await require_user(request), await read_form(request)
    before = await _there(request, checked_id(collection_id))
    shelf = await shelf_of(request, user)
    beside = _beside(shelf, before) if shelf is not None else []
    rank = _moved([one.rank for one in beside], beside.index(before), fields)
    named = msgspec.structs.replace(before.named, rank=rank)
    public = before.saved.public is not None
    outcome, _ = await save(request, user, named, (before.saved.tag,), public=public)
    return back(request, fields, "arranged", _done(outcome))


@post("/me/collections/{collection_id:str}/remove", status_code=303, opt=Limited("writes").opt)
async def remove_form(request: Http, collection_id: str) -> ASGIResponse:
    """Its bookmarks stay, in no collection. Leads to the page of all bookmarks."""
    user = await require_user(request)
    outcome = await remove(request, user, checked_id(collection_id), None)
    return back(request, {}, "discarded", _done(outcome))


@post("/bookmarks/{slug:str}/move", status_code=303, opt=Limited("writes").opt)
async def move_bookmark_form(request: Http, slug: str) -> ASGIResponse:
    """`to` is up or down, among those in the `collection`, or among all."""
    user = await require_user(request)
    tool, fields = await tool_id(request, slug), await read_form(request)
    shelf = await shelf_of(request, user)
    if shelf is None or tool not in shelf.kept:
        raise Refused("not_found", "There is no such bookmark any more.")
    beside = bookmarks.in_own_order(shelf, fields.get("collection") or None)
    kept = shelf.kept[tool]
    if kept not in beside:
        raise Refused("invalid_body", "The bookmark is in another collection.")
    rank = _moved([one.rank for one in beside], beside.index(kept), fields)
    written, at = msgspec.structs.replace(kept.written, rank=rank), now()
    outcome, _ = await write_as(
        request,
        user,
        bookmark.decider,
        lambda person: bookmarks.keep(person, tool, written, at, (kept.standing.tag,)),
    )
    changed = int(outcome.changed)
    done = BookmarksChanged(changed, 0, outcome.position - changed, outcome.position)
    here = {"next": f"{local(fields, '/bookmarks')}#{fields.get('to')}-{slug}"}
    return back(request, here, "arranged", done)


def _named(collection_id: str, fields: dict[str, str], rank: Rank | None) -> Named:
    name, parent = fields.get("name", "").strip(), fields.get("parent") or None
    return checked(Named, id=collection_id, name=name, parent=parent, rank=rank)


async def _there(request: Http, collection_id: CollectionId) -> KeptCollection:
    """The user's collection. Raises `Refused`."""
    shelf = await shelf_of(request, await require_user(request))
    found = shelf.collections.get(collection_id) if shelf is not None else None
    if found is None:
        raise Refused("not_found", "There is no such collection any more.")
    return found


def _beside(shelf: Shelf, kept: KeptCollection) -> list[KeptCollection]:
    """Those in the same collection, or at the top, in their order."""
    parents = shelf.parents
    inside = parent_in(parents, kept.named.id)
    found = [one for key, one in shelf.collections.items() if parent_in(parents, key) == inside]
    return sorted(found, key=lambda one: (one.rank, one.named.id))


def _moved(ranks: Sequence[Rank], place: int, fields: dict[str, str]) -> Rank:
    """Raises `Refused`."""
    to = fields.get("to")
    if to not in ("up", "down"):
        raise Refused("invalid_body", "to: up or down.")
    try:
        return moved(ranks, place, up=to == "up")
    except NoRoom as error:
        raise Refused("invalid_body", "It has been moved to this place too often.") from error


@get("/collections/{public:str}", opt=Limited("reads").opt)
async def shared_page(request: Http, public: str, cursor: Cursor = None) -> ASGIResponse:
    """A public collection, for everybody who has the address. Search engines are asked to leave it
    out: who made it public chose to whom the address is given, and no more."""
    source, _ = await read_at(request)
    shelf, kept = await shared(request, public)
    found = sharing.view(source, shelf, kept, cursor, ROWS_MAX)
    path = f"/collections/{public}"
    said = gettext(
        "%(tools)s, in the order of whoever keeps them.", tools=words.counted(found.total, "tool")
    )
    head = Head(titled(found.name), said, path, base(request), indexed=False)
    summaries = [catalogue.tool(source.models, one.tool) for one in found.tools]
    rows = [summary(source, tool) for tool in summaries if tool is not None]
    return await answer(
        request,
        "people/collection.html",
        head,
        stale=source.stale,
        shared=found,
        category=None,
        rows=rows,
        lede=said,
        cursor=cursor,
        feed=f"/v1/collections/{public}",
    )


ROUTES = [shared_page, make_form, edit_form, move_form, remove_form, move_bookmark_form]
