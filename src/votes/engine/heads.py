"""A cache of the heads of streams, so that a command need not read them from the log.

A cached head may be stale, since other processes append. Nothing rests on the cache alone: an
append names the streams that it relied on, and the log refuses it where one has moved; a command
that appends nothing is decided on streams that were just read. So a stream that the cache does not
know may also be guessed to be empty, until the log says that it has moved.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from votes.engine.log import TIME_MIN, Position, Stream

HEADS_MAX = 20_000
"""About 10 MB."""


class Head(Struct, frozen=True, gc=False):
    """The last event of a stream; version 0 where there is none."""

    event: Any = None
    version: int = 0
    position: Position = 0
    at: datetime = TIME_MIN


NOTHING = Head()
_MOVED = Head(version=-1)
"""Stands for the head of a stream that has moved: it has to be read."""


class Heads:
    """The heads of the last used streams, at most `heads_max`.

    It is an `OrderedDict` because the engine imports nothing but msgspec, and because
    `cachetools.LRUCache` took three times as long for each stream.
    """

    def __init__(self, heads_max: int = HEADS_MAX) -> None:
        self._heads_max = heads_max
        self._heads: OrderedDict[Stream, Head] = OrderedDict()

    def cached(self, streams: Iterable[Stream]) -> dict[Stream, Head]:
        """The heads of those of the streams that are in the cache."""
        heads = self._heads
        return {
            stream: head for stream in streams if (head := heads.get(stream, _MOVED)) is not _MOVED
        }

    def guessed(self, streams: Collection[Stream]) -> dict[Stream, Head]:
        """An empty head for those of the streams of which nothing is known."""
        if not self._heads_max:
            return {}  # nothing would be known of a wrong guess
        return {stream: NOTHING for stream in streams if stream not in self._heads}

    def remember(self, heads: Mapping[Stream, Head]) -> None:
        """Cache the heads just used; remove the least recently used ones."""
        for stream, head in heads.items():
            self._heads[stream] = head
            self._heads.move_to_end(stream)
        for _ in range(len(self._heads) - self._heads_max):
            self._heads.popitem(last=False)

    def doubt(self, streams: Iterable[Stream]) -> None:
        """Read these streams the next time: one of them has moved."""
        self._heads.update(dict.fromkeys(streams, _MOVED))

    def clear(self) -> None:
        """Forget all heads, for example when the log may have been restored."""
        self._heads.clear()
