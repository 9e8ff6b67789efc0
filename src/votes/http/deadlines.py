"""The deadlines of requests."""

import asyncio
from collections.abc import Callable
from types import TracebackType

from votes.engine.ports import Unavailable
from votes.store.connections import READS, WRITES

WRITE_S = 5.0
READ_S = 5.0
"""For reads of the log."""
OPTIONAL_S = 1.0
"""For all optional parts of a page together."""
STATUS_S = 0.8
"""So that a health check has a response within a second."""
TICK_S = 0.05
"""What ends within the same tick has one timer."""
assert max(WRITES.longest_s, READS.longest_s) < min(WRITE_S, READ_S)  # Postgres gives up first


def _no_answer() -> Exception:
    return Unavailable("no answer in time")


class within:  # noqa: N801 - a context manager reads as a word
    """Cancel the body of the context after so long, and raise what `late` returns instead.

    As `asyncio.timeout`, for a task that waits once or twice: in less than half of its time, and at
    most `TICK_S` later.
    """

    __slots__ = ("_cancelling", "_late", "_others", "_over", "_seconds", "_task")

    def __init__(self, seconds: float, late: Callable[[], Exception] = _no_answer) -> None:
        self._seconds = seconds
        self._late = late
        self._over = False

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._task, self._cancelling = task, task.cancelling()
        tick = int((loop.time() + self._seconds) / TICK_S) + 1
        others = _ending.get((loop, tick))
        if others is None:
            others = _ending[loop, tick] = set()
            loop.call_at(tick * TICK_S, _end, loop, tick)
        others.add(self)
        self._others = others

    def cancel(self) -> None:
        """It is over."""
        self._over = True
        self._task.cancel()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        self._others.discard(self)
        alone = self._over and self._task.uncancel() <= self._cancelling
        if alone and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise self._late() from error


_ending: dict[tuple[asyncio.AbstractEventLoop, int], set[within]] = {}
"""What ends at a tick of a loop's time."""


def _end(loop: asyncio.AbstractEventLoop, tick: int) -> None:
    for each in _ending.pop((loop, tick)):
        each.cancel()
