"""A user's collections: the commands about them, and what is shown of them."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from votes.app.bookmarks.responses import (
    CollectionView,
    CountedCollection,
    MyCollections,
    RemovedCollection,
)
from votes.app.bookmarks.sealing import seal_named
from votes.app.bookmarks.shelves import TRASH_KEPT, KeptCollection, Shelf
from votes.domain.bookmarks import collection
from votes.domain.bookmarks.collection import (
    COLLECTIONS_MAX,
    FULL,
    Named,
    RemoveCollection,
    SaveCollection,
    misplaced,
    parent_in,
)
from votes.domain.conditions import AnyOf
from votes.domain.person import Person
from votes.domain.terms import CollectionId, PublicId
from votes.engine.decider import Rejected


def save(
    person: Person,
    named: Named,
    address: PublicId | None,
    at: datetime,
    if_match: AnyOf = None,
) -> SaveCollection:
    """The command to make or revise the collection; it is public where there is an address."""
    stream = collection.stream(person, named.id)
    return SaveCollection(stream, person.id, seal_named(person, named), address, at, if_match)


def remove(person: Person, collection_id: CollectionId, if_match: AnyOf = None) -> RemoveCollection:
    """The command to remove the collection. What names it is in none from then on."""
    return RemoveCollection(collection.stream(person, collection_id), person.id, if_match)


def refusal(shelf: Shelf | None, named: Named) -> Rejected | None:
    """Why the collection cannot be saved beside those on the shelf, None where it can be.

    Two at once may pass both: then `parent_in` decides where they are.
    """
    parents = shelf.parents if shelf is not None else {}
    if named.id not in parents and len(parents) >= COLLECTIONS_MAX:
        return FULL
    return misplaced(parents, named.id, named.parent)


def view(kept: KeptCollection) -> CollectionView:
    return CollectionView(**_fields(kept))


def listed(shelf: Shelf | None) -> MyCollections:
    """The collections in their order, each followed by those inside it."""
    if shelf is None:
        return MyCollections([], 0)
    parents, found = shelf.parents, shelf.collections
    within = {each: parent_in(parents, each) for each in found}
    counts = Counter(one.written.collection for one in shelf.kept.values())

    def place(kept: KeptCollection) -> tuple[str, str, bool, str, str]:
        top = found[within[kept.named.id] or kept.named.id]
        nested = top is not kept
        return top.rank, top.named.id, nested, kept.rank, kept.named.id

    ordered = sorted(found.values(), key=place)
    collections = [
        CountedCollection(
            **_fields(one), inside=within[one.named.id], bookmarks=counts[one.named.id]
        )
        for one in ordered
    ]
    return MyCollections(collections, len(shelf.kept) - sum(one.bookmarks for one in collections))


def removed(shelf: Shelf | None, at: datetime) -> list[RemovedCollection]:
    """Those that were removed in the last 30 days, the last first."""
    all_removed = shelf.removed_collections.values() if shelf is not None else ()
    found = [one for one in all_removed if one.at >= at - TRASH_KEPT]
    return [RemovedCollection(view(one.kept), one.at, one.position) for one in reversed(found)]


def views(kept: Iterable[KeptCollection]) -> list[CollectionView]:
    return [view(one) for one in kept]


def _fields(kept: KeptCollection) -> dict[str, Any]:
    named, stands = kept.named, kept.saved
    return {
        "id": named.id,
        "name": named.name,
        "parent": named.parent,
        "rank": kept.rank,
        "public": stands.public,
        "added_at": stands.added_at,
        "changed_at": stands.changed_at,
        "etag": stands.tag,
        "position": kept.position,
    }
