"""Values that the replica does not hold: read by key from the store of the read models."""

import asyncio
from collections.abc import Sequence
from typing import Any

from votes.engine.ports import Unavailable
from votes.engine.read_model_store import ReadModelStore, ValueKey
from votes.engine.reading.reader import Reader, ReadSource

TRIES_MAX = 20
RETRY_S = 0.05
"""The pause before the next try when a rebuild has just removed the values."""


class StoredValues:
    """Reads values of any projection, all of one partition at once."""

    def __init__(self, reader: Reader, read_model_store: ReadModelStore) -> None:
        self._reader = reader
        self._read_model_store = read_model_store

    async def read(self, source: ReadSource, keys: Sequence[ValueKey]) -> list[Any]:
        """The values under the keys at one moment, at or after the position of the source.

        Raises `Unavailable`, also while the store is away and this process has folded the log on
        from its replica, which lacks these values.
        """
        for _ in range(TRIES_MAX):
            if source.stale and source.models.generation:
                raise Unavailable("the read models are away")
            if source.stale:
                return [source.models.get(projection, key) for projection, key in keys]
            values = await self._read_model_store.values(source.models.generation, keys)
            if values is not None:
                return values
            await asyncio.sleep(RETRY_S)
            source = await self._reader.models(source.models.position)
        raise Unavailable("the read models are being replaced")
