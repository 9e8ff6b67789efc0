"""A user makes collections, one inside another but no deeper, and shows some to everybody."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.names import BOB
from votes.domain.bookmarks import collection
from votes.domain.bookmarks.collection import (
    Collection,
    CollectionRemoved,
    CollectionSaved,
    CollectionShared,
    RemoveCollection,
    SaveCollection,
    Saved,
    misplaced,
    parent_in,
    shared_stream,
)
from votes.domain.conditions import CHANGED
from votes.domain.person import Person
from votes.domain.terms import CollectionId, PersonId, PublicId
from votes.engine.decider import ForStream

THEN = datetime(2026, 5, 1, tzinfo=UTC)
LATER = THEN + timedelta(days=1)
ANN = Person(PersonId("ann"), bytes(range(64)), THEN)
READING = CollectionId("reading")
OWN = collection.stream(ANN, READING)
ADDRESS, NEW = PublicId("address"), PublicId("new")
PRIVATE = Saved(b"name", None, THEN, THEN)
PUBLIC = Saved(b"name", ADDRESS, THEN, THEN)


def save(named=b"name", address=None, if_match=None):
    return SaveCollection(OWN, ANN.id, named, address, LATER, if_match)


def decide(command, saved=None, *, addressed=False):
    return collection.decide(command, Collection(saved, addressed))


def test_it_is_made_and_revised_and_the_same_again_changes_nothing():
    assert decide(save()) == [CollectionSaved(b"name", None, LATER, LATER)]
    assert decide(save(), PRIVATE) == []
    assert decide(save(b"other"), PRIVATE) == [CollectionSaved(b"other", None, THEN, LATER)]


def test_it_is_removed_once_and_the_event_says_what_it_was():
    remove = RemoveCollection(OWN, ANN.id)
    assert decide(remove, PRIVATE) == [CollectionRemoved(b"name")]
    assert decide(remove) == []


def test_its_address_is_known_from_when_it_is_public():
    shared = ForStream(shared_stream(NEW), CollectionShared(ANN.id, OWN))
    public = save(address=NEW)
    assert collection.decider.streams(public) == (OWN, "shared:new")
    assert collection.decider.streams(save()) == (OWN,)
    assert decide(public) == [shared, CollectionSaved(b"name", NEW, LATER, LATER)]
    assert decide(public, PRIVATE) == [shared, CollectionSaved(b"name", NEW, THEN, LATER)]


def test_while_it_is_public_it_keeps_its_address():
    assert decide(save(address=NEW), PUBLIC) == []
    renamed = CollectionSaved(b"other", ADDRESS, THEN, LATER)
    assert decide(save(b"other", address="new"), PUBLIC) == [renamed]


def test_private_again_it_has_none_and_an_undone_one_has_its_own():
    assert decide(save(), PUBLIC) == [CollectionSaved(b"name", None, THEN, LATER)]
    again = CollectionSaved(b"name", ADDRESS, THEN, LATER)
    assert decide(save(address="address"), PRIVATE, addressed=True) == [again]


def test_a_lost_update_is_refused():
    for command in (save(b"other", None, ("x",)), RemoveCollection(OWN, ANN.id, ("x",))):
        assert decide(command, PRIVATE) == CHANGED
    assert decide(save(b"other", None, (PRIVATE.tag,)), PRIVATE) != CHANGED
    assert decide(save(b"other", None, ()), PRIVATE) == CHANGED
    assert PRIVATE.tag != PUBLIC.tag


def test_a_command_is_the_same_whenever_it_comes_and_whatever_address_was_made_for_it():
    as_sent = collection.decider.as_sent
    later = SaveCollection(OWN, ANN.id, b"name", PublicId("other"), THEN)
    assert as_sent(save(address="one")) == as_sent(later)
    others = [save(), save(b"other"), save(address="one"), save(if_match=("x",))]
    assert len({as_sent(one) for one in others}) == len(others)


def test_the_name_of_its_stream_does_not_tell_its_id():
    assert "reading" not in OWN
    assert OWN.startswith("collection:ann:")
    bob = Person(BOB, os.urandom(64), THEN)
    same_key = Person(BOB, ANN.key, THEN)
    streams = {OWN, collection.stream(ANN, CollectionId("x"))}
    streams |= {collection.stream(other, READING) for other in (bob, same_key)}
    assert len(streams) == 4


ids = st.sampled_from([CollectionId(name) for name in "abcd"])
trees = st.dictionaries(ids, st.none() | ids)


@given(trees, ids)
def test_whatever_is_stored_nothing_is_deeper_than_inside_one_at_the_top(parents, one):
    parent = parent_in(parents, one)
    assert parent is None or parent_in(parents, parent) is None
    assert parent != one


@given(st.lists(st.tuples(ids, st.none() | ids, st.booleans()), max_size=20))
def test_what_is_saved_where_it_may_be_is_shown_there(steps):
    parents: dict[CollectionId, CollectionId | None] = {}
    for one, parent, removed in steps:
        if removed:
            parents.pop(one, None)
        elif misplaced(parents, one, parent) is None:
            parents[one] = parent
            assert parent_in(parents, one) == parent


@pytest.mark.parametrize(
    ("parents", "one", "parent", "code"),
    [
        ({"a": None}, "a", "a", "collection_misplaced"),
        ({"a": None, "b": "a"}, "c", "b", "collection_misplaced"),
        ({"a": None, "b": "a"}, "a", "b", "collection_misplaced"),
        ({"a": None, "b": "a", "c": None}, "a", "c", "collection_misplaced"),
        ({"a": None}, "b", "x", "collection_unknown"),
        ({}, "a", "a", "collection_unknown"),
    ],
)
def test_a_second_level_a_cycle_and_an_unknown_parent_are_refused(parents, one, parent, code):
    found = misplaced(parents, one, parent)
    assert found is not None
    assert found.code == code


def test_what_was_inside_a_removed_one_is_at_the_top_and_may_hold_others():
    b, c, gone = map(CollectionId, ("b", "c", "gone"))
    assert parent_in({b: gone}, b) is None
    assert misplaced({b: gone}, c, b) is None
