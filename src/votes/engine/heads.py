"""What a process remembers of streams: their heads, so that a command need not read them again.

Memory may be stale, since other processes append. Nothing rests on it alone: what is decided on it
and appends something names the streams that it relied on, and the log refuses it where one moved;
what appends nothing is decided on streams that were just read.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from votes.engine.log import Position, Stream

HEADS_MAX = 20_000
"""Some 10 MB."""


class Head(Struct, frozen=True, gc=False):
    """The last event of a stream; version 0 where there is none."""

    event: Any = None
    version: int = 0
    position: Position = 0


NOTHING = Head()


class Heads:
    """The heads of the streams that were used last, at most `heads_max`.

    An ordered dict of ours: the engine imports nothing but msgspec, and `cachetools.LRUCache` took
    three times as long for each stream.
    """

    def __init__(self, heads_max: int = HEADS_MAX) -> None:
        self._heads_max = heads_max
        self._heads: OrderedDict[Stream, Head] = OrderedDict()

    def known(self, streams: Iterable[Stream]) -> dict[Stream, Head]:
        """The heads of these streams, as far as they are remembered."""
        return {stream: self._heads[stream] for stream in streams if stream in self._heads}

    def remember(self, heads: Mapping[Stream, Head]) -> None:
        """Those that were just used; what was not used for longest goes."""
        for stream, head in heads.items():
            self._heads[stream] = head
            self._heads.move_to_end(stream)
        for _ in range(len(self._heads) - self._heads_max):
            self._heads.popitem(last=False)

    def forget(self, streams: Iterable[Stream]) -> None:
        for stream in streams:
            self._heads.pop(stream, None)

    def clear(self) -> None:
        """Forget everything, as when the log may be another one."""
        self._heads.clear()
