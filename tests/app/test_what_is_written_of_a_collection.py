"""What a user writes of a collection is encrypted as what is written beside a bookmark is, and how
many there may be."""

import os
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from votes.app.bookmarks.collecting import refusal, save
from votes.app.bookmarks.sealing import seal_named, unseal_named
from votes.app.bookmarks.shelves import KeptCollection, Shelf
from votes.domain.bookmarks import collection
from votes.domain.bookmarks.collection import COLLECTIONS_MAX, FULL, Named, Saved
from votes.domain.person import Person
from votes.domain.terms import CollectionId, PersonId, PublicId

AT = datetime(2026, 1, 1, tzinfo=UTC)
ANN, BOB = (Person(PersonId(name), os.urandom(64), AT) for name in ("ann", "bob"))
ids = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)
names = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20)
written = st.builds(Named, ids, names, st.none() | ids, st.none() | st.just("V"))


@given(written)
def test_it_comes_back_as_it_was_and_nowhere_else(named):
    sealed, place = seal_named(ANN, named), collection.stream(ANN, named.id)
    assert unseal_named(ANN.cipher, place, sealed) == named
    assert unseal_named(BOB.cipher, place, sealed) is None
    assert unseal_named(ANN.cipher, collection.stream(ANN, named.id + "x"), sealed) is None


@given(st.binary(max_size=60))
def test_bytes_of_another_program_are_none(sealed):
    assert unseal_named(ANN.cipher, collection.stream(ANN, CollectionId("x")), sealed) is None


def test_neither_name_nor_id_is_in_the_command():
    named = Named(CollectionId("canary-id"), "canary name", CollectionId("canary-parent"))
    command = save(ANN, named, PublicId("address"), AT)
    assert "canary" not in repr(command)


def test_there_is_a_limit_of_how_many():
    shelf, kept = Shelf(ANN), Saved(b"", None, AT, AT)
    for number in range(COLLECTIONS_MAX):
        named = Named(CollectionId(f"c{number}"), "x")
        assert refusal(shelf, named) is None
        shelf.collections[named.id] = KeptCollection(named, kept, 1)
    assert refusal(shelf, Named(CollectionId("more"), "x")) == FULL
    assert refusal(shelf, Named(CollectionId("c0"), "renamed")) is None
