"""The announcements: the last changes of the read models, as a stream in Redis.

Each names the one before it. So a reader who has one takes up those after it, whenever they come,
and sees where one is missing: it is no longer kept, or Redis has lost some.
"""

import asyncio
from collections.abc import Mapping

from msgspec import Struct
from redis.asyncio import Redis

from votes.engine.ports import Unavailable
from votes.views.commands import one

ANNOUNCEMENTS_MAX = 1_000
ANNOUNCED_BYTES_MAX = 8 * 1024 * 1024
"""So much is kept for who comes late. In an import it is some 250 changes of 500 events."""
READ_AT_ONCE = 32
LATE_S = 0.25
"""How late Redis may say that nothing came."""

NONE_YET = "0-0"
"""Stands for the announcement before the first one."""


class Announcement(Struct, frozen=True, gc=False):
    """A message, and the ids of its announcement and of the one before."""

    id: str
    before: str
    message: bytes


class Announcements:
    """Reads the stream under this key. Raises the client's errors, and `Unavailable`."""

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis = redis
        self._key = key

    async def last(self) -> str:
        """The id of the last announcement."""
        found = await self._redis.xrevrange(self._key, count=1)
        return str(found[0][0].decode()) if found else NONE_YET

    async def after(self, last: str, wait_s: float) -> list[Announcement]:
        """The first announcements after that one; none where none came in so long."""
        try:
            async with asyncio.timeout(wait_s + LATE_S):
                wait_ms = max(round(wait_s * 1000), 1)
                how = "COUNT", READ_AT_ONCE, "BLOCK", wait_ms, "STREAMS", self._key, last
                found = await one(self._redis, "XREAD", *how)
        except TimeoutError as error:
            raise Unavailable("Redis: it does not respond") from error
        return [
            _announcement(name, dict(zip(fields[::2], fields[1::2], strict=True)))
            for _, entries in found or ()
            for name, fields in entries
        ]

    async def are_lost(self, last: str) -> bool:
        """Whether that announcement is unknown here, and those to come may have lower ids."""
        return _order(await self.last()) < _order(last)


def _announcement(name: bytes, fields: Mapping[bytes, bytes]) -> Announcement:
    before, message = fields.get(b"before", b""), fields.get(b"message", b"")
    return Announcement(name.decode(), before.decode(), message)


def _order(name: str) -> tuple[int, ...]:
    """Ids are a time in milliseconds and a number."""
    return tuple(map(int, name.split("-")))
