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
assert max(WRITES.longest_s, READS.longest_s) < min(WRITE_S, READ_S)  # Postgres gives up first


def _no_answer() -> Exception:
    return Unavailable("no answer in time")


class within:  # noqa: N801 - a context manager reads as a word
    """Cancel the body of the context after so long, and raise what `late` returns instead.

    As `asyncio.timeout`, for a task that waits once or twice: in less than half of its time.
    """

    __slots__ = ("_cancelling", "_handle", "_late", "_over", "_seconds", "_task")

    def __init__(self, seconds: float, late: Callable[[], Exception] = _no_answer) -> None:
        self._seconds = seconds
        self._late = late
        self._over = False

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._task, self._cancelling = task, task.cancelling()
        self._handle = loop.call_later(self._seconds, self._cancel)

    def _cancel(self) -> None:
        self._over = True
        self._task.cancel()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        self._handle.cancel()
        alone = self._over and self._task.uncancel() <= self._cancelling
        if alone and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise self._late() from error
