"""In which networks visitors voted last: a sign for the scan, as keyed hashes for two days at most.

A vote waits for nothing: a process remembers, and writes all that is new in one call a second. What
it cannot write is lost.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from redis.exceptions import ResponseError

from votes.domain.terms import VisitorId
from votes.views import keys
from votes.views.commands import send
from votes.views.keys import Namespace
from votes.views.read_model_store import translated

HOUR_S = 3_600
LASTS_H = 48
HOUR_MAX = 20_000
"""Votes of which one process remembers the network in an hour, so that no crowd fills the memory:
48 hours of these take 69 MB of Redis."""


class Networks:
    """What one process saw and has not written yet, and what all have written. `time_s` is the time
    since 1970."""

    def __init__(self, space: Namespace, time_s: Callable[[], float]) -> None:
        self._redis = space.redis
        self._prefix = space.prefix
        self._time_s = time_s
        self._waiting: dict[str, str] = {}
        self._counted_h = self._counted = 0

    def saw(self, visitor: str, network: str) -> None:
        """The visitor votes from the network, which is a hash."""
        if (hour := self._hour()) != self._counted_h:
            self._counted_h, self._counted = hour, 0
        if self._counted < HOUR_MAX:
            self._counted += 1
            self._waiting[visitor] = network

    async def write(self) -> None:
        """Raises `Unavailable`, and `ResponseError` where Redis refuses it."""
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        hour = self._hour()
        key = keys.networks(self._prefix, hour)
        fields = [part for pair in waiting.items() for part in pair]
        expires = ("EXPIREAT", key, (hour + LASTS_H) * HOUR_S)
        for reply in await self._sent([("HSET", key, *fields), expires]):
            if isinstance(reply, ResponseError):
                raise reply

    async def of(self, visitors: Collection[VisitorId]) -> Sequence[bytes | None]:
        """The network of each, None where it is not known; an hour that cannot be read tells
        nothing. Raises `Unavailable`."""
        if not visitors:
            return []
        hour, nothing = self._hour(), [None] * len(visitors)
        replies = await self._sent(
            ("HMGET", keys.networks(self._prefix, hour - ago), *visitors) for ago in range(LASTS_H)
        )
        newest_first = [nothing if isinstance(one, ResponseError) else one for one in replies]
        return [
            next((network for network in of_one if network is not None), None)
            for of_one in zip(*newest_first, strict=True)
        ]

    def _hour(self) -> int:
        return int(self._time_s()) // HOUR_S

    async def _sent(self, commands: Iterable[Sequence[Any]]) -> list[Any]:
        async with translated():
            return await send(self._redis, commands)
