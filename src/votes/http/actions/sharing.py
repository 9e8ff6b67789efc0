"""Collections that their users have made public, for everybody who has the address."""

import msgspec

from votes.app.bookmarks.shelves import KeptCollection, Shelf
from votes.domain.bookmarks.collection import CollectionShared, shared_stream
from votes.domain.terms import PublicId
from votes.http.deadlines import READ_S, within
from votes.http.errors import Refused
from votes.http.exchange import Http, services


async def shared(request: Http, public: str) -> tuple[Shelf, KeptCollection]:
    """The collection at the address, and the shelf that it is on. Raises `Refused`: 404 for what
    never was one, 410 for one that is private again, or removed, or whose user is erased; and
    `Unavailable`."""
    parts = services(request)
    try:
        stream = shared_stream(msgspec.convert(public, PublicId))
    except msgspec.ValidationError as error:
        raise _unknown() from error
    with within(READ_S):
        last = (await parts.store.last_events([stream])).get(stream)
        if last is None or not isinstance(last.event, CollectionShared):
            raise _unknown()
        owner = last.event.person
        person = (await parts.people.by_id([owner])).get(owner)
        shelf = await parts.shelves.of(person) if person is not None else None
    if shelf is not None:
        for kept in shelf.collections.values():
            if kept.saved.public == public:
                return shelf, kept
    raise Refused("collection_gone", "This collection is not public any more.")


def _unknown() -> Refused:
    return Refused("collection_unknown", "There has never been a collection at this address.")
