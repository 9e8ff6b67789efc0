"""Who the persons in the log are: the only place where the subject of a login leads to an id.

The database never gets the subject itself, only a keyed hash of it. The key of that hash is the
log's own, so it outlives each of `VOTES_SECRET_KEYS`.
"""

import hmac
import secrets
from collections.abc import AsyncIterator, Collection
from typing import Any

from cachetools import LRUCache

from votes.domain.person import Person
from votes.domain.terms import PersonId, Subject
from votes.engine.log import Recorded
from votes.engine.ports import Unavailable
from votes.store.postgres import PostgresEventStore
from votes.store.queries import QUERIES

ID_BYTES = 8
KEY_BYTES = 64
REMEMBERED_MAX = 20_000
"""About 10 MB."""
TRIES_MAX = 20


class People:
    """The persons of a log, those used last from memory. All methods raise `Unavailable`."""

    def __init__(self, reads: PostgresEventStore, writes: PostgresEventStore) -> None:
        self._reads = reads
        self._writes = writes
        self._remembered: LRUCache[Subject, Person] = LRUCache(REMEMBERED_MAX)
        self._secret: bytes | None = None

    async def find(self, subject: Subject) -> Person | None:
        """The person; None for a user who has written nothing yet."""
        person = self._remembered.get(subject)
        return person or (await self.find_all([subject])).get(subject)

    async def person(self, subject: Subject) -> Person:
        """The person, made now if this is the user's first write."""
        person = self._remembered.get(subject)
        return person or (await self.persons([subject]))[subject]

    async def find_all(self, subjects: Collection[Subject]) -> dict[Subject, Person]:
        """Those of the users who have written something."""
        found = {s: self._remembered[s] for s in subjects if s in self._remembered}
        missing = {await self._hash(s): s for s in subjects if s not in found}
        if missing:
            async with self._reads.connection() as connection:
                rows = await connection.fetch(QUERIES["people"], list(missing))
            for row in rows:
                subject = missing[row["subject_hash"]]
                found[subject] = Person(PersonId(row["id"]), row["key"], row["since"])
                self._remembered[subject] = found[subject]
        return found

    async def persons(self, subjects: Collection[Subject]) -> dict[Subject, Person]:
        """The persons, those made now whose first write this is.

        Of several processes that make one at the same time all get the same.
        """
        for _ in range(TRIES_MAX):
            found = await self.find_all(subjects)
            new = [subject for subject in dict.fromkeys(subjects) if subject not in found]
            if not new:
                return found
            hashes = [await self._hash(subject) for subject in new]
            ids = [secrets.token_urlsafe(ID_BYTES) for _ in new]
            keys = [secrets.token_bytes(KEY_BYTES) for _ in new]
            async with self._writes.connection() as connection:
                await connection.execute(QUERIES["add_people"], hashes, ids, keys)
        raise Unavailable("others erase these persons all the time")

    async def by_id(self, ids: Collection[PersonId]) -> dict[PersonId, Person]:
        """Those of the persons that exist."""
        async with self._reads.connection() as connection:
            rows = await connection.fetch(QUERIES["people_by_id"], list(ids))
        return {row["id"]: Person(row["id"], row["key"], row["since"]) for row in rows}

    async def rows(self, limit: int) -> AsyncIterator[dict[str, Any]]:
        """All that is held of who each person is, with the key of the hashes: what a log that is
        restored elsewhere needs, and what nobody else may get. Reads `limit` rows at a time."""
        after = ""
        while True:
            async with self._reads.connection() as connection:
                found = await connection.fetch(QUERIES["people_after"], after, limit)
            for row in found:
                yield dict(row)
            if len(found) < limit:
                return
            after = found[-1]["id"]

    async def acts_of(self, person: Person) -> list[Recorded]:
        """What the person did as an admin, a moderator or a panelist, in order."""
        async with self._reads.connection() as connection:
            rows = await connection.fetch(QUERIES["acts"], person.voter)
        return [self._reads.recorded(row) for row in rows]

    def forget(self, subject: Subject) -> None:
        """Look the user up again the next time."""
        self._remembered.pop(subject, None)

    async def destroy(self, subject: Subject, person: Person) -> None:
        """Destroy the key of a person who is erased, and what leads to the id.

        A person who is not erased keeps them. The user's next write makes another person.
        """
        async with self._writes.connection() as connection:
            await connection.execute(QUERIES["erase_people"], [person.id])
        self.forget(subject)

    async def finish_erasures(self) -> int:
        """Do what processes left that died after an erasure was stored; return for how many."""
        async with self._writes.connection() as connection:
            return int(await connection.fetchval(QUERIES["finish_erasures"]))

    def clear(self) -> None:
        """Forget everybody, for example when the log may have been restored."""
        self._remembered.clear()
        self._secret = None

    async def _hash(self, subject: Subject) -> bytes:
        """What the database has of a subject."""
        if self._secret is None:
            async with self._reads.connection() as connection:
                self._secret = await connection.fetchval(QUERIES["subject_secret"])
        return hmac.digest(self._secret, b"votes.people:" + subject.encode(), "sha256")
