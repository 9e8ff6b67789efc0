"""What a user does to collections."""

import secrets

import msgspec

from votes.app.bookmarks import collecting
from votes.domain.bookmarks import collection
from votes.domain.bookmarks.collection import Collection, Named
from votes.domain.conditions import AnyOf
from votes.domain.person import Person
from votes.domain.terms import CollectionId, PublicId
from votes.engine.handle import Outcome
from votes.http.actions.bookmarking import shelf_of
from votes.http.errors import Refused
from votes.http.exchange import Http, refused, write_as
from votes.http.logins.tokens import User
from votes.resources import now


def checked_id(written: str) -> CollectionId:
    """The id of a path. Raises `Refused` for what cannot be one."""
    try:
        return msgspec.convert(written, CollectionId)
    except msgspec.ValidationError as error:
        raise Refused(
            "invalid_parameter", "collection_id: 1 to 64 of A-Z, a-z, 0-9, - and _."
        ) from error


async def save(
    request: Http, user: User, named: Named, if_match: AnyOf, *, public: bool
) -> tuple[Outcome[Collection], Person]:
    """Make the collection or revise it. Raises `Refused` and `Unavailable`."""
    refusal = collecting.refusal(await shelf_of(request, user), named)
    if refusal is not None:
        raise refused(refusal)
    address, at = _address() if public else None, now()
    return await write_as(
        request,
        user,
        collection.decider,
        lambda person: collecting.save(person, named, address, at, if_match),
    )


def _address() -> PublicId:
    """A random one, of 128 bits."""
    return PublicId(secrets.token_urlsafe(16))


async def remove(
    request: Http, user: User, collection_id: CollectionId, if_match: AnyOf
) -> Outcome[Collection]:
    """Remove the collection alone. Raises `Refused` and `Unavailable`."""
    outcome, _ = await write_as(
        request,
        user,
        collection.decider,
        lambda person: collecting.remove(person, collection_id, if_match),
    )
    return outcome
