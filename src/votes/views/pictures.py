"""Pictures that any API process has drawn, kept in Redis for all of them and for after a restart.

A picture has one place, found by its key, and takes it from whatever stood there: so there are
never more than `PLACES`, about 20 kB each, and nothing has to be counted or cleared away.
"""

import asyncio

from votes.views import keys
from votes.views.keys import Namespace
from votes.views.read_model_store import translated

PLACES = 1_024
KEPT_S = 24 * 3_600
WAIT_S = 0.25
"""A picture is drawn in less than this."""


class RedisPictures:
    """A key stands for all that its picture shows, so a picture is never out of date."""

    def __init__(self, space: Namespace) -> None:
        self._space = space

    async def kept(self, key: str) -> bytes | None:
        """The picture, if it is there. Raises `Unavailable`."""
        async with translated(), asyncio.timeout(WAIT_S):
            found = await self._space.redis.get(self._place(key))
        head = key.encode()
        return found[len(head) :] if found and found.startswith(head) else None

    async def keep(self, key: str, picture: bytes) -> None:
        """Raises `Unavailable`."""
        async with translated(), asyncio.timeout(WAIT_S):
            await self._space.redis.set(self._place(key), key.encode() + picture, ex=KEPT_S)

    def _place(self, key: str) -> str:
        return keys.picture(self._space.prefix, int(key[:8], 16) % PLACES)
