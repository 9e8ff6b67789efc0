"""One batch at a time for all who wait: while one is stored, the next one gathers.

There is no timer. A lone command goes at once; under load a batch is what queued while the
commit before it ran, so the fuller the queue the cheaper each command.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from votes.engine.decider import Rejected
from votes.engine.handle import Answer, Request
from votes.engine.ports import Unavailable

BATCH_COMMANDS_MAX = 512
QUEUE_COMMANDS_MAX = 8 * BATCH_COMMANDS_MAX
ATTEMPTS_MAX = 20
assert QUEUE_COMMANDS_MAX >= BATCH_COMMANDS_MAX

CONTENDED = Rejected("contended", "Others kept changing the same thing. Try again.")
OVERLOADED = Rejected("overloaded", "Too many commands are waiting. Try again shortly.")

Handle = Callable[[Sequence[Request]], Awaitable[list[Answer | None]]]


class _Waiting:
    __slots__ = ("answer", "attempts", "request")

    def __init__(self, request: Request, answer: asyncio.Future[Answer]) -> None:
        self.request = request
        self.answer = answer
        self.attempts = 0


class Batcher:
    """Gathers the commands of one process and answers each for itself.

    `handle` decides and stores a batch; None from it means that a command lost a race and is
    tried again, at most `ATTEMPTS_MAX` times.
    """

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._queue: deque[_Waiting] = deque()
        self._runner: asyncio.Task[None] | None = None

    async def submit(self, request: Request) -> Answer:
        """Wait for the command's answer. Its events are durable then.

        Raises `Unavailable` when the store does not answer: the outcome is unknown. A command
        whose asker has left before its batch began is not stored.
        """
        if len(self._queue) >= QUEUE_COMMANDS_MAX:
            return OVERLOADED
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(request, answer))
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        return await answer

    async def close(self) -> None:
        """Wait until all that was submitted is answered."""
        if self._runner is not None:
            await self._runner

    async def _run(self) -> None:
        try:
            while self._queue:
                count = min(len(self._queue), BATCH_COMMANDS_MAX)
                batch = [self._queue.popleft() for _ in range(count)]
                again = await self._store([one for one in batch if not one.answer.done()])
                self._queue.extendleft(reversed(again))
        finally:
            self._runner = None

    async def _store(self, batch: list[_Waiting]) -> list[_Waiting]:
        """Answer the batch; those that are to be tried again, in order."""
        try:
            answers = await self._handle([waiting.request for waiting in batch])
        except Unavailable as error:
            for waiting in batch:
                _fail(waiting, error)
            return []
        except Exception as error:  # noqa: BLE001 - one bad command must fail alone
            return await self._store_each(batch, error)
        return _settle(batch, answers)

    async def _store_each(self, batch: list[_Waiting], error: Exception) -> list[_Waiting]:
        if len(batch) == 1:
            _fail(batch[0], error)
            return []
        return [again for waiting in batch for again in await self._store([waiting])]


def _settle(batch: list[_Waiting], answers: Sequence[Answer | None]) -> list[_Waiting]:
    again = []
    for waiting, answer in zip(batch, answers, strict=True):
        waiting.attempts += 1
        if answer is None and waiting.attempts < ATTEMPTS_MAX:
            again.append(waiting)
        elif not waiting.answer.done():
            waiting.answer.set_result(CONTENDED if answer is None else answer)
    return again


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)
