"""A loop in which to wait takes no time: where all wait, its clock is put on to what is next."""

import asyncio
import selectors
from typing import Any


class _Putting(selectors.DefaultSelector):
    """Where nothing has come in, it puts the clock on and does not wait."""

    def __init__(self, clock: "NoTimeLoop") -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[Any]:
        found = super().select(0)
        if not found and timeout is None:
            raise RuntimeError("all wait, and nothing will wake anybody")
        if not found and timeout:
            self._clock.now += timeout
        return found


class NoTimeLoop(asyncio.SelectorEventLoop):
    """For tests without sockets and threads. Where all would wait for ever the test fails."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Putting(self))

    def time(self) -> float:
        return self.now


NO_TIME = {"no time": NoTimeLoop}
"""A test module says `loop_factories = NO_TIME`."""


async def elapse(seconds: float) -> None:
    """Return when so much of the loop's time has passed."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    loop.call_later(seconds, over.set_result, None)
    await over
