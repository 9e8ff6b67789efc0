"""Persons: the users of this site, as the log knows them: by a random id and nothing else.

A person can be erased. What the person did stays, and nothing leads from it to anybody any more.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from msgspec import Struct

from votes.domain.terms import PersonId, VoterId, user
from votes.engine.decider import Decider
from votes.engine.log import Stream

PREFIX = "person:"
"""Of the streams of all persons, and of no other. Only an erased person has events there."""


def stream(person: PersonId) -> Stream:
    return Stream(f"{PREFIX}{person}")


class Person(Struct, frozen=True):
    """A user who has written something, for the first time at `since`. `key` is the person's own,
    of 64 bytes: it encrypts what the person writes for themselves."""

    id: PersonId
    key: bytes
    since: datetime

    @property
    def voter(self) -> VoterId:
        """The person as a voter, and as the one who did something."""
        return user(self.id)

    @property
    def stream(self) -> Stream:
        return stream(self.id)

    @property
    def cipher(self) -> AESSIV:
        """AES-SIV with the person's key (RFC 5297). The same text in the same place is the same
        when it is encrypted, so to write it again changes nothing."""
        return AESSIV(self.key)


class SubjectErased(Struct, frozen=True):
    """Nothing is written as this person from now on; the key, and what leads to the id, go."""


PersonEvent = SubjectErased


class Erasure(Struct, frozen=True):
    erased: bool = False


class EraseSubject(Struct, frozen=True):
    person: PersonId


def evolve(_: Erasure, event: PersonEvent) -> Erasure:
    match event:
        case SubjectErased():
            return Erasure(True)
    assert_never(event)


def decide(_: EraseSubject, state: Erasure) -> Sequence[PersonEvent]:
    return [] if state.erased else [SubjectErased()]


decider: Decider[EraseSubject, Erasure] = Decider(
    initial=Erasure(),
    streams=lambda command: (stream(command.person),),
    subject=lambda command: command.person,
    evolve=evolve,
    decide=decide,
    owned=True,
)
