"""Counts what is asked, in one call to Redis for all who wait in this process.

There is no timer: while one call is away the next gathers, as in `votes.engine.batcher`. Where
Redis does not answer nothing is counted, nobody waits, and the answer says that it is not known.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from hashlib import sha1
from importlib.resources import files
from operator import itemgetter
from typing import Any

import structlog
from hiredis import pack_command
from msgspec import Struct
from redis.exceptions import NoScriptError

from votes.engine.ports import Unavailable
from votes.limits.policies import MICROSECONDS, Counted, Limit
from votes.views import keys
from votes.views.keys import Namespace
from votes.views.read_model_store import translated

CHECKS_MAX = 512
WAIT_S = 0.25
"""After this a call is given up, and Redis taken to be away."""
AWAY_S = 1.0
"""How often it is then looked whether it is back."""

_SCRIPT = (files("votes.limits") / "gcra.lua").read_text()
_DIGEST = sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()
"""By which Redis knows the script when it has run it once."""

Asked = Sequence[tuple[Limit, str]]
"""The limits that a request counts towards, each with who or what is counted there."""

_Waiting = tuple[Asked, asyncio.Future["Verdict"]]

logger = structlog.get_logger("votes")


class Verdict(Struct, frozen=True):
    """What came of a check: for each limit that was asked about, what `gcra.lua` answers.

    With `unknown` nothing was counted, as Redis does not answer.
    """

    asked: Asked = ()
    answers: Sequence[int] = ()
    unknown: bool = False

    @property
    def refused_by(self) -> Limit | None:
        """The limit that the request is beyond; of several, that which takes longest."""
        if not self.answers or min(self.answers) >= 0:
            return None
        answer, limit = min(self.hard(), key=itemgetter(0), default=(0, None))
        return limit if answer < 0 else None

    @property
    def retry_after_s(self) -> int:
        """In how many whole seconds the request would be within all its limits; 0 if it is."""
        return seconds(-min(0, *(answer for answer, _ in self.hard())))

    @property
    def beyond_soft(self) -> bool | None:
        """Whether it is beyond a limit that refuses nothing; None where that is not known."""
        if self.unknown:
            return None if any(limit.soft for limit, _ in self.asked) else False
        asked = zip(self.answers, self.asked, strict=True)
        return any(answer < 0 and limit.soft for answer, (limit, _) in asked)

    def hard(self) -> list[tuple[int, Limit]]:
        """The limits that refuse, with their answers; none where nothing was counted."""
        asked = zip(self.answers, self.asked, strict=True)
        return [(answer, limit) for answer, (limit, _) in asked if not limit.soft]


FREE = Verdict()


def seconds(us: int) -> int:
    """Whole ones, rounded up."""
    return -(-us // MICROSECONDS)


class Limiter:
    """Counts for one process; the script makes it right over any number of them."""

    def __init__(self, space: Namespace, limits: Mapping[Counted, tuple[Limit, ...]]) -> None:
        self.limits = limits
        self._redis = space.redis
        self._prefix = space.prefix
        self._queue: deque[_Waiting] = deque()
        self._runner: asyncio.Task[None] | None = None
        self._away: asyncio.Task[None] | None = None

    async def check(self, asked: Asked) -> Verdict:
        """Count a request towards its limits, if it is within all that refuse."""
        if not asked:
            return FREE
        if self._away is not None:
            return Verdict(asked, unknown=True)
        verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._queue.append((asked, verdict))
        if self._runner is None:
            self._runner = asyncio.create_task(self._run(), name="limits")
        return await verdict

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
                answers = await self._count([asked for asked, _ in batch])
                _settle(batch, answers)
        except Unavailable as error:
            logger.warning("limits are not counted", error=str(error))
            self._away = asyncio.create_task(self._look_again(), name="limits are away")
        finally:
            self._runner = None
            for asked, verdict in (*batch, *self._queue):
                if not verdict.done():
                    verdict.set_result(Verdict(asked, unknown=True))
            self._queue.clear()

    async def _count(self, checks: list[Asked]) -> list[int]:
        """What the script answers of all their limits in turn. Raises `Unavailable`."""
        numbers: dict[str, int] = {}
        rates: list[int] = []
        requests: list[int] = []
        for asked in checks:
            requests.append(len(asked))
            for limit, who in asked:
                key = keys.limit(self._prefix, limit.name, who)
                number = numbers.get(key)
                if number is None:
                    number = numbers[key] = len(numbers) + 1
                    rates += (limit.interval_us, limit.burst_us)
                requests.append(-number if limit.soft else number)
        arguments = (len(numbers), *numbers, *rates, *requests)
        async with translated(), asyncio.timeout(WAIT_S):
            try:
                answer = await self._call("EVALSHA", _DIGEST, *arguments)
            except NoScriptError:
                answer = await self._call("EVAL", _SCRIPT, *arguments)
        return answer[1:]

    async def _call(self, *command: Any) -> list[int]:
        """As the client does, but packed by hiredis: of a long command the client's own packing
        takes a third of the time of all."""
        pool = self._redis.connection_pool
        connection = await pool.get_connection()
        try:
            await connection.send_packed_command(pack_command(command))
            answer: list[int] = await connection.read_response()
        finally:
            await pool.release(connection)
        return answer

    async def _look_again(self) -> None:
        """Until Redis answers."""
        while True:
            await asyncio.sleep(AWAY_S)
            try:
                async with translated(), asyncio.timeout(WAIT_S):
                    await self._redis.ping()
            except Unavailable:
                continue
            break
        self._away = None
        logger.info("limits are counted again")


def _settle(batch: list[_Waiting], answers: list[int]) -> None:
    at = 0
    for asked, verdict in batch:
        end = at + len(asked)
        if not verdict.done():
            verdict.set_result(Verdict(asked, answers[at:end]))
        at = end
