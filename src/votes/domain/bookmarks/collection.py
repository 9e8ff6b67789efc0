"""Collections: what a user sorts bookmarks into, in an order, one inside another but no deeper.

A collection's id is chosen by the client, so it is what a person writes, as the name is: events
have both only encrypted, and the stream is named after a keyed hash of the id. The subject of the
events is the user, as that of bookmarks.

A bookmark or a collection names the one that it is in by id, and nothing checks in the log that it
is there. So a move writes one event, and so does a removal, whose undoing brings everything back.
"""

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, assert_never

from msgspec import Struct

from votes.domain.bookmarks.bookmark import Sealed, tag_of
from votes.domain.bookmarks.ranks import default_rank
from votes.domain.conditions import CHANGED, AnyOf, matches
from votes.domain.person import Person
from votes.domain.terms import CollectionId, Label, PersonId, PublicId, Rank
from votes.engine.decider import Decider, ForStream, Rejected
from votes.engine.heads import Head
from votes.engine.log import Stream

PREFIX = "collection:"
HASH_BYTES = 12
COLLECTIONS_MAX = 1_000
"""Of one user: they are all listed at once."""

MISPLACED = Rejected(
    "collection_misplaced",
    "A collection may be inside another one that is at the top, if there is none inside it.",
)
FULL = Rejected("collections_full", f"There are {COLLECTIONS_MAX:,} collections already.")


class Named(Struct, frozen=True, forbid_unknown_fields=True):
    """What a user writes of a collection. Without a `rank` its place is by when it was added."""

    id: CollectionId
    name: Label
    parent: CollectionId | None = None
    rank: Rank | None = None


Parents = Mapping[CollectionId, CollectionId | None]
"""The parent that each of a user's collections names."""


def parent_in(parents: Parents, collection: CollectionId) -> CollectionId | None:
    """The collection that this one is in: the parent that it names, if that is at the top.

    Otherwise it is at the top itself: as after the removal of the parent, and where two requests at
    once have put one into the other.
    """
    parent = parents.get(collection)
    if parent is None or parent not in parents or parents[parent] in parents:
        return None
    return parent


def misplaced(
    parents: Parents, collection: CollectionId, parent: CollectionId | None
) -> Rejected | None:
    """Why the collection cannot be inside the parent, None where it can be."""
    if parent is None:
        return None
    if parent not in parents:
        return Rejected("collection_unknown", "There is no such collection to be inside of.")
    holds = any(parent_in(parents, other) == collection for other in parents)
    at_top = parents[parent] not in parents
    return None if at_top and not holds and parent != collection else MISPLACED


def stream(person: Person, collection: CollectionId) -> Stream:
    """The hash keeps the id from whoever reads the log without the person's key."""
    digest = hmac.digest(person.key, f"{PREFIX}{collection}".encode(), "sha256")
    return Stream(f"{PREFIX}{person.id}:{digest[:HASH_BYTES].hex()}")


def shared_stream(public: PublicId) -> Stream:
    """Of an address at which a collection is, or was, for everybody."""
    return Stream(f"shared:{public}")


class CollectionSaved(Struct, frozen=True):
    """`public` is the address at which everybody may read it, None where nobody else may."""

    named: Sealed
    public: PublicId | None
    added_at: datetime
    changed_at: datetime


class CollectionRemoved(Struct, frozen=True):
    """`named` is as it was: it says which one."""

    named: Sealed


class CollectionShared(Struct, frozen=True):
    """On the stream of an address: whose collection, in which stream, is or was at it."""

    person: PersonId
    collection: Stream


CollectionEvent = CollectionSaved | CollectionRemoved | CollectionShared
COLLECTION_EVENTS = (CollectionSaved, CollectionRemoved)


class Saved(Struct, frozen=True):
    """A collection that is there."""

    named: Sealed
    public: PublicId | None
    added_at: datetime
    changed_at: datetime

    @property
    def tag(self) -> str:
        """As `bookmark.Standing.tag`."""
        return tag_of(self.added_at, self.changed_at, self.named, (self.public or "").encode())


def saved(event: CollectionSaved | CollectionRemoved) -> Saved | None:
    """The collection after the event, None where there is none."""
    match event:
        case CollectionSaved(named, public, added_at, changed_at):
            return Saved(named, public, added_at, changed_at)
        case CollectionRemoved():
            return None
    assert_never(event)


def rank_of(named: Named, added_at: datetime) -> Rank:
    """The collection's place among those beside it."""
    return named.rank or default_rank(added_at, named.id)


class Collection(Struct, frozen=True):
    """`saved` is None where there is none; `addressed`: the command's address is known already."""

    saved: Saved | None = None
    addressed: bool = False


class SaveCollection(Struct, frozen=True):
    """Make the collection, or revise it; `at` is the time of the command.

    `address` is for a collection that is to be public and is not yet. None: it is to be private.
    """

    stream: Stream
    person: PersonId
    named: Sealed
    address: PublicId | None
    at: datetime
    if_match: AnyOf = None


class RemoveCollection(Struct, frozen=True):
    stream: Stream
    person: PersonId
    if_match: AnyOf = None


CollectionCommand = SaveCollection | RemoveCollection


def evolve(state: Collection, event: CollectionEvent) -> Collection:
    match event:
        case CollectionSaved() | CollectionRemoved():
            return Collection(saved(event), state.addressed)
        case CollectionShared():
            return Collection(state.saved, True)
    assert_never(event)


def decide(
    command: CollectionCommand, state: Collection
) -> Sequence[CollectionEvent | ForStream] | Rejected:
    before = state.saved
    if not matches(command.if_match, None if before is None else before.tag):
        return CHANGED
    match command:
        case SaveCollection(named=named, address=address, at=at):
            public = before.public if before is not None and address and before.public else address
            if before is not None and (named, public) == (before.named, before.public):
                return []
            added_at = at if before is None else before.added_at
            save = CollectionSaved(named, public, added_at, changed_at=at)
            if public is None or public != address or state.addressed:
                return [save]
            shared = CollectionShared(command.person, command.stream)
            return [ForStream(shared_stream(public), shared), save]
        case RemoveCollection():
            return [] if before is None else [CollectionRemoved(before.named)]
    assert_never(command)


def _streams(command: CollectionCommand) -> tuple[Stream, ...]:
    match command:
        case SaveCollection(address=str(address)):
            return command.stream, shared_stream(address)
        case _:
            return (command.stream,)


def _state(command: CollectionCommand, heads: Mapping[Stream, Head]) -> Collection:
    state = Collection()
    for stream in _streams(command):
        if heads[stream].version:
            state = evolve(state, heads[stream].event)
    return state


def _as_sent(command: CollectionCommand) -> Any:
    match command:
        case SaveCollection(stream, _, named, address, if_match=if_match):
            return stream, named, address is not None, if_match
        case RemoveCollection():
            return command
    assert_never(command)


decider: Decider[CollectionCommand, Collection] = Decider(
    initial=Collection(),
    streams=_streams,
    subject=lambda command: command.person,
    evolve=evolve,
    decide=decide,
    as_sent=_as_sent,
    owned=True,
    state_of=_state,
)
