"""Counts requests: most in this process alone, the others in one call to Redis for all who wait.

A request is let through here while the process has let fewer than a 400th part of the limit through
since it last heard from Redis, and is refused here where Redis has said enough to know. So who
stays far below the limits costs no call, nor does who is beyond them. Small limits are always
counted in Redis.

There is no timer: while one call is away the next gathers, as in `votes.engine.batcher`. Where
Redis does not respond nobody waits, and the verdict says that it is not known.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import sha1
from importlib.resources import files
from operator import itemgetter
from typing import Any

import structlog
from msgspec import Struct
from redis.exceptions import NoScriptError

from votes.engine.ports import Unavailable
from votes.limits.policies import MICROSECONDS, Counted, Limit
from votes.views import keys
from votes.views.commands import one
from votes.views.keys import Namespace
from votes.views.read_model_store import translated

CHECKS_MAX = 512
COUNTS_MAX = 20_000
"""About 5 MB."""
WAIT_S = 0.25
"""After this a call is given up, and Redis taken to be away."""
AWAY_S = 1.0
"""How often it is then looked whether it is back."""

_SCRIPT = (files("votes.limits") / "gcra.lua").read_text()
_DIGEST = sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()
"""By which Redis knows the script when it has run it once."""

Charges = Sequence[tuple[Limit, str]]
"""The limits that a request counts towards, each with who or what is counted there."""

_Waiting = tuple[Charges, asyncio.Future["Verdict"]]

logger = structlog.get_logger("votes")


class Verdict(Struct, frozen=True):
    """What came of counting a request: for each of its limits the result that `gcra.lua` returns.

    With `unknown` nothing was counted, as Redis does not respond.
    """

    charges: Charges = ()
    results: Sequence[int] = ()
    unknown: bool = False

    @property
    def refused_by(self) -> Limit | None:
        """The limit that the request is beyond; of several, that which takes longest."""
        if not self.results or min(self.results) >= 0:
            return None
        result, limit = min(self.hard(), key=itemgetter(0), default=(0, None))
        return limit if result < 0 else None

    @property
    def retry_after_s(self) -> int:
        """In how many whole seconds the request would be within all its limits; 0 if it is."""
        return seconds(-min(0, *(result for result, _ in self.hard())))

    @property
    def beyond_soft(self) -> bool | None:
        """Whether it is beyond a limit that refuses nothing; None where that is not known."""
        if self.unknown:
            return None if any(limit.soft for limit, _ in self.charges) else False
        pairs = zip(self.results, self.charges, strict=True)
        return any(result < 0 and limit.soft for result, (limit, _) in pairs)

    def hard(self) -> list[tuple[int, Limit]]:
        """The limits that refuse, with their results; none where nothing was counted."""
        pairs = zip(self.results, self.charges, strict=True)
        return [(result, limit) for result, (limit, _) in pairs if not limit.soft]


FREE = Verdict()


def seconds(us: int) -> int:
    """Whole ones, rounded up."""
    return -(-us // MICROSECONDS)


def used_us(result: int, limit: Limit) -> int:
    """In how many µs all of the limit is back, by a result of `gcra.lua`."""
    return result if result >= 0 else limit.burst_us - limit.interval_us - result


class _Count(Struct, gc=False):
    """What this process knows of a limit of somebody.

    `back_us` is when all of it is back, by this process's clock. `through` is how many requests
    were let through that Redis has not heard of.
    """

    back_us: int = 0
    through: int = 0


class Counts:
    """What one process knows of all limits, by name and who is counted; the least recently used
    ones are forgotten."""

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, str], _Count] = OrderedDict()

    def of(self, limit: Limit, who: str) -> _Count:
        key = limit.name, who
        count = self._counts.get(key)
        if count is None:
            count = self._counts[key] = _Count()
            if len(self._counts) > COUNTS_MAX:
                self._counts.popitem(last=False)
        else:
            self._counts.move_to_end(key)
        return count

    def verdict(self, charges: Charges, now_us: int) -> Verdict | None:
        """Count a request, or refuse it; None where only Redis can say."""
        results, counts, refused, sure = [], [], False, True
        for limit, who in charges:
            count = self.of(limit, who)
            left_us = max(count.back_us - now_us, 0)
            over_us = left_us + limit.interval_us - limit.burst_us
            if over_us > 0:
                results.append(-over_us)
                refused = refused or not limit.soft
            else:
                results.append(left_us)
                counts.append((len(results) - 1, limit, count))
                sure = sure and count.through < limit.unheard_max
        if refused:
            return Verdict(charges, results)
        if not sure:
            return None
        for place, limit, count in counts:
            results[place] += limit.interval_us
            count.back_us = now_us + results[place]
            count.through += 1
        return Verdict(charges, results)

    def learn(self, charges: Charges, results: Sequence[int], now_us: int) -> None:
        """Remember what Redis returned of a request."""
        for (limit, who), result in zip(charges, results, strict=True):
            count = self.of(limit, who)
            unheard_us = count.through * limit.interval_us
            count.back_us = now_us + used_us(result, limit) + unheard_us


class Limiter:
    """Counts for one process; the script makes it right over any number of them."""

    def __init__(self, space: Namespace, limits: Mapping[Counted, tuple[Limit, ...]]) -> None:
        self.limits = limits
        self._counts = Counts()
        self._redis = space.redis
        self._prefix = space.prefix
        self._queue: deque[_Waiting] = deque()
        self._runner: asyncio.Task[None] | None = None
        self._away: asyncio.Task[None] | None = None

    async def check(self, charges: Charges) -> Verdict:
        """Count a request towards its limits, if it is within all that refuse."""
        if not charges:
            return FREE
        verdict = self._counts.verdict(charges, now_us())
        if verdict is not None:
            return verdict
        if self._away is not None:
            return Verdict(charges, unknown=True)
        pending: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._queue.append((charges, pending))
        if self._runner is None:
            self._runner = asyncio.create_task(self._run(), name="limits")
        return await pending

    async def close(self) -> None:
        tasks = [task for task in (self._runner, self._away) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        batch: list[_Waiting] = []
        try:
            while self._queue:
                count = min(len(self._queue), CHECKS_MAX)
                batch = [self._queue.popleft() for _ in range(count)]
                self._settle(batch, await self._count([charges for charges, _ in batch]))
        except Unavailable as error:
            logger.warning("limits are not counted", error=str(error))
            self._away = asyncio.create_task(self._look_again(), name="limits are away")
        finally:
            self._runner = None
            for charges, verdict in (*batch, *self._queue):
                if not verdict.done():
                    verdict.set_result(Verdict(charges, unknown=True))
            self._queue.clear()

    async def _count(self, requests: list[Charges]) -> list[int]:
        """The results of all their limits in turn. Raises `Unavailable`."""
        numbers: dict[str, int] = {}
        limits: list[int] = []
        counted: list[int] = []
        for charges in requests:
            counted.append(len(charges))
            for limit, who in charges:
                key = keys.limit(self._prefix, limit.name, who)
                number = numbers.get(key)
                if number is None:
                    number = numbers[key] = len(numbers) + 1
                    count = self._counts.of(limit, who)
                    limits += (limit.interval_us, limit.burst_us, count.through)
                    count.through = 0
                counted.append(-number if limit.soft else number)
        arguments = (len(numbers), *numbers, *limits, *counted)
        async with translated(), patience(WAIT_S):
            try:
                returned = await self._call("EVALSHA", _DIGEST, *arguments)
            except NoScriptError:
                returned = await self._call("EVAL", _SCRIPT, *arguments)
        return returned[1:]

    def _settle(self, batch: list[_Waiting], results: list[int]) -> None:
        at, now = 0, now_us()
        for charges, verdict in batch:
            end = at + len(charges)
            self._counts.learn(charges, results[at:end], now)
            if not verdict.done():
                verdict.set_result(Verdict(charges, results[at:end]))
            at = end

    async def _call(self, *command: Any) -> list[int]:
        results: list[int] = await one(self._redis, *command)
        return results

    async def _look_again(self) -> None:
        """Until Redis answers."""
        while True:
            await asyncio.sleep(AWAY_S)
            try:
                async with translated(), patience(WAIT_S):
                    await self._redis.ping()
            except Unavailable:
                continue
            break
        self._away = None
        logger.info("limits are counted again")


@asynccontextmanager
async def patience(seconds: float) -> AsyncIterator[None]:
    """As `asyncio.timeout`, but in two halves: a process that stood still itself has the second
    one to read what came meanwhile. So its own pause is not taken for an outage."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as timeout:
        half = loop.call_later(seconds / 2, lambda: timeout.reschedule(loop.time() + seconds / 2))
        try:
            yield
        finally:
            half.cancel()


def now_us() -> int:
    """By a clock that only goes on."""
    return time.monotonic_ns() // 1_000
