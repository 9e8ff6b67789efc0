"""Waiting until something is so. Other loops that sleep are a part of what a test does."""

import asyncio
import inspect
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg

LIMIT_S = 90.0
"""Far more than anything takes that a test waits for."""
POLLS_S = (0.02, 0.1)
"""The pause between two looks, at first and at most: a look at a server has its price."""


def wait_for(condition: Callable[[], Any], what: str, limit_s: float = LIMIT_S) -> Any:
    """What the condition answers, once that is true. Raises `TimeoutError`."""
    deadline, pauses = time.monotonic() + limit_s, _pauses()
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {limit_s:g} s for {what}")
        time.sleep(next(pauses))
    return found


def remove(folder: Path) -> None:
    """A folder into which servers that end may still write."""

    def removed() -> bool:
        shutil.rmtree(folder, ignore_errors=True)
        return not folder.exists()

    wait_for(removed, "servers that still write")


async def until(condition: Callable[[], Any], what: str, limit_s: float = LIMIT_S) -> Any:
    """As `wait_for`, while others go on; the condition may be a coroutine function."""
    deadline, pauses = time.monotonic() + limit_s, _pauses()
    while not (found := await _asked(condition)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {limit_s:g} s for {what}")
        await asyncio.sleep(next(pauses))
    return found


def _pauses() -> Iterator[float]:
    pause_s, most_s = POLLS_S
    while True:
        yield pause_s
        pause_s = min(1.1 * pause_s, most_s)


async def _asked(condition: Callable[[], Any]) -> Any:
    found = condition()
    return await found if inspect.isawaitable(found) else found


async def until_told(connection: asyncpg.Connection, query: str, *arguments: Any) -> Any:
    """The first answer of the query that is not false or nothing."""
    return await until(lambda: connection.fetchval(query, *arguments), query)
