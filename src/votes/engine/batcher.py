"""Stores commands in batches, one batch at a time: while one is stored, the next one gathers.

There is no timer. A single command is stored at once. Under load a batch holds the commands that
were queued while the previous batch was stored, so a longer queue makes each command cheaper.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from votes.engine.decider import Rejected
from votes.engine.handle import Request, Result
from votes.engine.ports import Unavailable

BATCH_COMMANDS_MAX = 512
QUEUE_COMMANDS_MAX = 8 * BATCH_COMMANDS_MAX
ATTEMPTS_MAX = 20
assert QUEUE_COMMANDS_MAX >= BATCH_COMMANDS_MAX

CONTENDED = Rejected("contended", "Others kept changing the same thing. Try again.")
OVERLOADED = Rejected("overloaded", "Too many commands are waiting. Try again shortly.")

Handle = Callable[[Sequence[Request]], Awaitable[list[Result | None]]]


class _Waiting:
    __slots__ = ("attempts", "request", "result")

    def __init__(self, request: Request, result: asyncio.Future[Result]) -> None:
        self.request = request
        self.result = result
        self.attempts = 0


class Batcher:
    """Gathers the commands of one process; each gets its own result.

    `handle` decides and stores a batch. Where it returns None, the command lost a race and is tried
    again, at most `ATTEMPTS_MAX` times.
    """

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._queue: deque[_Waiting] = deque()
        self._runner: asyncio.Task[None] | None = None

    async def submit(self, request: Request) -> Result:
        """Wait for the command's result. Its events are then durable.

        Raises `Unavailable` when the store does not respond: the outcome is unknown. A command
        whose caller is cancelled before its batch begins is not stored.
        """
        if len(self._queue) >= QUEUE_COMMANDS_MAX:
            return OVERLOADED
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(request, result))
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        return await result

    async def close(self) -> None:
        """Wait until every submitted command has its result."""
        if self._runner is not None:
            await self._runner

    async def _run(self) -> None:
        try:
            while self._queue:
                await asyncio.sleep(0)  # commands that have arrived already come with it
                count = min(len(self._queue), BATCH_COMMANDS_MAX)
                batch = [self._queue.popleft() for _ in range(count)]
                again = await self._store(
                    [waiting for waiting in batch if not waiting.result.done()]
                )
                self._queue.extendleft(reversed(again))
        finally:
            self._runner = None

    async def _store(self, batch: list[_Waiting]) -> list[_Waiting]:
        """Store the batch, set the results, and return the commands to try again, in order."""
        try:
            results = await self._handle([waiting.request for waiting in batch])
        except Unavailable as error:
            for waiting in batch:
                _fail(waiting, error)
            return []
        except Exception as error:  # noqa: BLE001 - one bad command must fail alone
            return await self._store_each(batch, error)
        return _settle(batch, results)

    async def _store_each(self, batch: list[_Waiting], error: Exception) -> list[_Waiting]:
        if len(batch) == 1:
            _fail(batch[0], error)
            return []
        return [again for waiting in batch for again in await self._store([waiting])]


def _settle(batch: list[_Waiting], results: Sequence[Result | None]) -> list[_Waiting]:
    again = []
    for waiting, result in zip(batch, results, strict=True):
        waiting.attempts += 1
        if result is None and waiting.attempts < ATTEMPTS_MAX:
            again.append(waiting)
        elif not waiting.result.done():
            waiting.result.set_result(CONTENDED if result is None else result)
    return again


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.result.done():
        waiting.result.set_exception(error)
