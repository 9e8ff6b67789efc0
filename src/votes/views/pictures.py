"""A cache in Redis of the pictures that API processes draw: shared by them, and kept over restarts.

A picture has one place, given by its key, and replaces the picture there. So there are never more
than `PLACES` pictures of about 20 kB, and nothing has to be counted or removed.
"""

import asyncio

from votes.views import keys
from votes.views.keys import Namespace
from votes.views.read_model_store import translated

PLACES = 1_024
EXPIRE_S = 24 * 3_600
WAIT_S = 0.25
"""Drawing a picture takes less than this."""


class RedisPictures:
    """A picture's key is a hash of all that it shows, so a stored picture is never out of date."""

    def __init__(self, space: Namespace) -> None:
        self._space = space

    async def get(self, key: str) -> bytes | None:
        """The picture, None where it is not stored. Raises `Unavailable`."""
        async with translated(), asyncio.timeout(WAIT_S):
            stored = await self._space.redis.get(self._place(key))
        prefix = key.encode()
        return stored[len(prefix) :] if stored and stored.startswith(prefix) else None

    async def put(self, key: str, picture: bytes) -> None:
        """Store the picture. Raises `Unavailable`."""
        async with translated(), asyncio.timeout(WAIT_S):
            await self._space.redis.set(self._place(key), key.encode() + picture, ex=EXPIRE_S)

    def _place(self, key: str) -> str:
        return keys.picture(self._space.prefix, int(key[:8], 16) % PLACES)
