"""A user makes collections, one inside another but no deeper, and shows some to everybody."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from votes.engine.decider import ForStream

THEN = datetime(2026, 5, 1, tzinfo=UTC)
LATER = THEN + timedelta(days=1)
ANN = Person("ann", bytes(range(64)), THEN)
OWN = collection.stream(ANN, "reading")
PRIVATE = Saved(b"name", None, THEN, THEN)
PUBLIC = Saved(b"name", "address", THEN, THEN)


def save(named=b"name", address=None, if_match=None):
    return SaveCollection(OWN, "ann", named, address, LATER, if_match)


def decide(command, saved=None, *, addressed=False):
    return collection.decide(command, Collection(saved, addressed))


def test_it_is_made_and_revised_and_the_same_again_changes_nothing():
    assert decide(save()) == [CollectionSaved(b"name", None, LATER, LATER)]
    assert decide(save(), PRIVATE) == []
    assert decide(save(b"other"), PRIVATE) == [CollectionSaved(b"other", None, THEN, LATER)]


def test_it_is_removed_once_and_the_event_says_what_it_was():
    remove = RemoveCollection(OWN, "ann")
    assert decide(remove, PRIVATE) == [CollectionRemoved(b"name")]
    assert decide(remove) == []


def test_its_address_is_known_from_when_it_is_public():
    shared = ForStream(shared_stream("new"), CollectionShared("ann", OWN))
    public = save(address="new")
    assert collection.decider.streams(public) == (OWN, "shared:new")
    assert collection.decider.streams(save()) == (OWN,)
    assert decide(public) == [shared, CollectionSaved(b"name", "new", LATER, LATER)]
    assert decide(public, PRIVATE) == [shared, CollectionSaved(b"name", "new", THEN, LATER)]


def test_while_it_is_public_it_keeps_its_address():
    assert decide(save(address="new"), PUBLIC) == []
    renamed = CollectionSaved(b"other", "address", THEN, LATER)
    assert decide(save(b"other", address="new"), PUBLIC) == [renamed]


def test_private_again_it_has_none_and_an_undone_one_has_its_own():
    assert decide(save(), PUBLIC) == [CollectionSaved(b"name", None, THEN, LATER)]
    again = CollectionSaved(b"name", "address", THEN, LATER)
    assert decide(save(address="address"), PRIVATE, addressed=True) == [again]


def test_a_lost_update_is_refused():
    for command in (save(b"other", None, ("x",)), RemoveCollection(OWN, "ann", ("x",))):
        assert decide(command, PRIVATE) == CHANGED
    assert decide(save(b"other", None, (PRIVATE.tag,)), PRIVATE) != CHANGED
    assert decide(save(b"other", None, ()), PRIVATE) == CHANGED
    assert PRIVATE.tag != PUBLIC.tag


def test_a_command_is_the_same_whenever_it_comes_and_whatever_address_was_made_for_it():
    as_sent = collection.decider.as_sent
    later = SaveCollection(OWN, "ann", b"name", "other", THEN)
    assert as_sent(save(address="one")) == as_sent(later)
    others = [save(), save(b"other"), save(address="one"), save(if_match=("x",))]
    assert len({as_sent(one) for one in others}) == len(others)


def test_the_name_of_its_stream_does_not_tell_its_id():
    assert "reading" not in OWN
    assert OWN.startswith("collection:ann:")
    bob = Person("bob", os.urandom(64), THEN)
    same_key = Person("bob", ANN.key, THEN)
    streams = {OWN, collection.stream(ANN, "x"), collection.stream(bob, "reading")}
    assert len(streams | {collection.stream(same_key, "reading")}) == 4


ids = st.sampled_from("abcd")
trees = st.dictionaries(ids, st.none() | ids)


@given(trees, ids)
def test_whatever_is_stored_nothing_is_deeper_than_inside_one_at_the_top(parents, one):
    parent = parent_in(parents, one)
    assert parent is None or parent_in(parents, parent) is None
    assert parent != one


@given(st.lists(st.tuples(ids, st.none() | ids, st.booleans()), max_size=20))
def test_what_is_saved_where_it_may_be_is_shown_there(steps):
    parents = {}
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
    orphan = {"b": "gone"}
    assert parent_in(orphan, "b") is None
    assert misplaced(orphan, "c", "b") is None
