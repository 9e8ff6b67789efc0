"""Reads that compute take turns, so that votes and tallies go on beside any number of them. What
takes long, as a page, takes another turn for each of its pieces."""

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import Any

from votes.http.exchange import Asgi

_READS = ("GET", "HEAD")


class Turns:
    """Lets one of those who wait go on in every second round of the event loop.

    In the round between, whatever arrived meanwhile is served: so it waits for one of them and not
    for all.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._going = False

    def next(self) -> Awaitable[None]:
        """Done when it is the caller's turn."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        if not self._going:
            self._going = True
            loop.call_soon(self._give)
        return turn

    def _give(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                asyncio.get_running_loop().call_soon(self._pause)
                return
        self._going = False

    def _pause(self) -> None:
        asyncio.get_running_loop().call_soon(self._give)


def with_turns(turns: Turns, app: Asgi) -> Asgi:
    """Reads of the application take turns with all that share these."""

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["method"] in _READS:
            await turns.next()
        await app(scope, receive, send)

    return dispatch
