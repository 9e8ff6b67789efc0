"""A user's collections: list, save, remove."""

import msgspec
from litestar import delete, get, put
from litestar.response.base import ASGIResponse
from msgspec import Struct

from votes.api.operation import Operation
from votes.app.bookmarks import collecting
from votes.app.bookmarks.responses import CollectionView, MyCollections
from votes.app.bookmarks.shelves import KeptCollection
from votes.domain.bookmarks.collection import Named
from votes.domain.terms import CollectionId, Label, Rank
from votes.http.actions.bookmarking import shelf_of
from votes.http.actions.collecting import checked_id, remove, save
from votes.http.checks.identity import require_user
from votes.http.checks.limiting import Limited
from votes.http.conditions import if_match
from votes.http.exchange import Http, no_content, private, read_json


class CollectionBody(Struct, frozen=True, forbid_unknown_fields=True):
    """`parent` is a collection at the top. Without a `rank` the place of this one is by when it was
    added. A `public` one can be read by everybody who has its address, without its notes."""

    name: Label
    parent: CollectionId | None = None
    rank: Rank | None = None
    public: bool = False


_body = msgspec.json.Decoder(CollectionBody)


@get(
    "/v1/me/collections",
    operation_id="listCollections",
    summary="My collections",
    tags=["bookmarks"],
    opt=Operation(responses={200: MyCollections}, who="user", limited=Limited("reads")).opt,
)
async def list_collections(request: Http) -> ASGIResponse:
    """All of them, each with the number of its bookmarks. Always with your last write."""
    return private(collecting.listed(await shelf_of(request, await require_user(request))))


@put(
    "/v1/me/collections/{collection_id:str}",
    operation_id="putCollection",
    summary="Make a collection, or revise it",
    tags=["bookmarks"],
    status_code=200,
    opt=Operation(
        body=CollectionBody,
        responses={200: CollectionView, 201: CollectionView},
        write=True,
        conditional=True,
        who="user",
        limited=Limited("writes"),
    ).opt,
)
async def put_collection(request: Http, collection_id: str) -> ASGIResponse:
    """201 for a new collection, 200 for one that was there. The id is yours to choose, best at
    random; nobody else sees it. A bookmark is in the collection whose id it names, so to move the
    collection writes nothing else. Each time that it becomes public it gets another address."""
    user = await require_user(request)
    tags, known = if_match(request), checked_id(collection_id)
    body = await read_json(request, _body)
    named = Named(known, body.name, body.parent, body.rank)
    outcome, _ = await save(request, user, named, tags, public=body.public)
    stands = outcome.after.saved
    assert stands is not None
    view = collecting.view(KeptCollection(named, stands, outcome.position))
    etag = (b"etag", f'"{view.etag}"'.encode())
    status = 200 if outcome.before.saved is not None else 201
    return private(view, status=status, headers=(etag,))


@delete(
    "/v1/me/collections/{collection_id:str}",
    operation_id="removeCollection",
    summary="Remove a collection",
    tags=["bookmarks"],
    status_code=200,  # the answer itself says 204
    opt=Operation(write=True, conditional=True, who="user", limited=Limited("writes")).opt,
)
async def remove_collection(request: Http, collection_id: str) -> ASGIResponse:
    """Its bookmarks are in no collection from then on, and collections inside it are at the top.
    For 30 days it can be undone by its position, and then they are in it again. Without a
    collection this changes nothing."""
    user = await require_user(request)
    tags = if_match(request)
    outcome = await remove(request, user, checked_id(collection_id), tags)
    return no_content(outcome.position)


ROUTES = [list_collections, put_collection, remove_collection]
