"""Persons: the users of this site, as the log knows them: by a random id and nothing else."""

from datetime import datetime

from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from msgspec import Struct

from votes.domain.terms import PersonId, VoterId, user


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
    def cipher(self) -> AESSIV:
        """AES-SIV with the person's key (RFC 5297). The same text in the same place is the same
        when it is encrypted, so to write it again changes nothing."""
        return AESSIV(self.key)
