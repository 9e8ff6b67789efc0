"""A person is erased once, and for good."""

from tests.domain.names import ANN
from tests.domain.specification import given
from votes.domain import person
from votes.domain.person import EraseSubject, SubjectErased

ERASE = EraseSubject(ANN)


def test_it_is_stored_once():
    given(person.decider).when(ERASE).then(SubjectErased())
    given(person.decider, SubjectErased()).when(ERASE).then_nothing()


def test_it_is_in_a_stream_of_the_person_alone():
    assert person.decider.streams(ERASE) == ("person:ann",) == (person.stream(ANN),)
    assert person.decider.subject(ERASE) == "ann"
