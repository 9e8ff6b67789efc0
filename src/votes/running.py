"""Parts of a process that run beside each other, and what happens when one of them ends."""

import asyncio
import ctypes
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from votes.engine.ports import Unavailable
from votes.views.read_model_store import raise_swallowed_cancellation

logger = structlog.get_logger("votes")


def ends_the_process(task: "asyncio.Task[None]") -> None:
    """End the process with a task that must run as long as it does.

    Without the replica or the streams it must not go on serving. Its supervisor restarts it.
    """
    if not task.cancelled():
        error = task.exception()
        reason = "it has returned" if error is None else repr(error)
        logger.error("a part has ended", part=task.get_name(), error=reason)
        signal.raise_signal(signal.SIGTERM)


async def beside(part: str, pause_s: float, work: Callable[[], Awaitable[Any]]) -> None:
    """Do the work again and again, with a pause, until cancelled.

    Whatever it raises ends nothing else: it is logged, once until the work succeeds or raises
    something else. That a store is away is not: everything else notices it too.
    """
    logged = ""
    while True:
        try:
            await work()
            logged = ""
        except Unavailable:
            pass
        except Exception as error:
            if logged != (logged := repr(error)):
                logger.exception("a part fails and is tried again", part=part, error=logged)
        raise_swallowed_cancellation()
        await asyncio.sleep(pause_s)


def give_back_memory() -> None:
    """Give freed memory back to the system, where the C library keeps it and can (glibc): after all
    read models were loaded that is a tenth of the process."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


async def first_of(*tasks: "asyncio.Task[Any]") -> None:
    """Wait for the first task to end, cancel the others, and raise its error.

    A `TaskGroup` would wait for all, and raise an `ExceptionGroup` instead of the error itself.
    """
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
