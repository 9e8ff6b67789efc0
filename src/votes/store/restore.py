"""Puts a log back: the events of `votes export events`, into an empty log; then the persons of
`votes export people`."""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
from msgspec import Struct

from votes.store.connections import CONNECT_TIMEOUT_S, translated
from votes.store.queries import QUERIES

_COLUMNS = (
    *("position", "stream", "version", "subject", "type", "schema"),
    *("data", "meta", "at", "late"),
)


class NotRestored(Exception):
    """What is there is not what the file needs, or the file is not whole. Nothing is stored."""


class _Event(Struct, frozen=True, forbid_unknown_fields=True):
    position: int
    stream: str
    version: int
    subject: str
    type: str
    schema: int
    data: msgspec.Raw
    meta: msgspec.Raw
    at: datetime
    late: bool


_decode = msgspec.json.Decoder(_Event).decode


async def restore(url: str, lines: Iterable[bytes]) -> int:
    """Store the events, all or none, by the login of the migrations; how many.

    Raises `NotRestored` and `Unavailable`.
    """
    async with _opened(url) as connection:
        if await connection.fetchval(QUERIES["open_log"]):
            raise NotRestored("the log is not empty: events are restored into a new one")
        events = _Events(lines)
        await connection.copy_records_to_table("events", records=events, columns=_COLUMNS)
        return events.position


async def restore_people(url: str, lines: Iterable[bytes]) -> tuple[int, int]:
    """Store who the persons of a restored log are, all or none, by the login of the migrations; how
    many, and how many of them were not there. One who is erased, there or here, stays away.

    Raises `NotRestored` and `Unavailable`.
    """
    people = list(_people(lines))
    if not people:
        return 0, 0
    (secret, *others) = {one.subject_secret for one in people}
    async with _opened(url) as connection:
        mine = await connection.fetchval(QUERIES["subject_secret_of_others"])
        if others or mine not in (None, secret):
            raise NotRestored("the persons are of another log than those that are there")
        await connection.execute(QUERIES["set_subject_secret"], secret)
        columns = zip(
            *((one.id, one.subject_hash, one.key, one.since) for one in people), strict=True
        )
        added = await connection.fetch(QUERIES["restore_people"], *map(list, columns))
        return len(people), len(added)


class _Person(Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    subject_hash: bytes
    key: bytes
    since: datetime
    subject_secret: bytes


_decode_person = msgspec.json.Decoder(_Person).decode


def _people(lines: Iterable[bytes]) -> Iterator[_Person]:
    for number, line in enumerate(lines, 1):
        try:
            yield _decode_person(line)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise NotRestored(f"line {number}: {error}") from error


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A transaction by the login of the migrations. Raises `NotRestored` and `Unavailable`."""
    async with translated():
        connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S)
        try:
            async with connection.transaction():
                yield connection
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            raise NotRestored(str(error)) from error
        except asyncpg.InsufficientPrivilegeError as error:
            raise NotRestored("this needs the login of the migrations") from error
        finally:
            await connection.close()


class _Events:
    """The rows of the lines. Raises `NotRestored` for what is not the next event of a whole log."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = lines
        self.position = 0

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for number, line in enumerate(self._lines, 1):
            try:
                event = _decode(line)
            except (msgspec.MsgspecError, RecursionError) as error:
                raise NotRestored(f"line {number}: {error}") from error
            if event.position != number:
                raise NotRestored(f"line {number}: it has position {event.position}")
            self.position = number
            data, meta = bytes(event.data).decode(), bytes(event.meta).decode()
            head = event.position, event.stream, event.version, event.subject
            yield *head, event.type, event.schema, data, meta, event.at, event.late
