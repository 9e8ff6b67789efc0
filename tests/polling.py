"""Waiting until something is so. Other loops that sleep are a part of what a test does."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

import asyncpg

LIMIT_S = 90.0
"""Far more than anything takes that a test waits for."""
POLL_S = 0.02


def wait_for(condition: Callable[[], Any], what: str, limit_s: float = LIMIT_S) -> Any:
    """What the condition answers, once that is true. Raises `TimeoutError`."""
    deadline = time.monotonic() + limit_s
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {limit_s:g} s for {what}")
        time.sleep(POLL_S)
    return found


async def until(condition: Callable[[], Any], what: str, limit_s: float = LIMIT_S) -> Any:
    """As `wait_for`, while others go on; the condition may be a coroutine function."""
    deadline = time.monotonic() + limit_s
    while not (found := await _asked(condition)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {limit_s:g} s for {what}")
        await asyncio.sleep(POLL_S)
    return found


async def _asked(condition: Callable[[], Any]) -> Any:
    found = condition()
    return await found if inspect.isawaitable(found) else found


async def until_told(connection: asyncpg.Connection, query: str, *arguments: Any) -> Any:
    """The first answer of the query that is not false or nothing."""
    return await until(lambda: connection.fetchval(query, *arguments), query)
