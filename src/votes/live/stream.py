"""One stream: the loop that sends what is newer, and what ends it.

Raw ASGI. While a send waits for a slow reader nothing is gathered for it; the keeper of all streams
ends those that make no progress, sends the heartbeats and ends old age.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from votes.app.memory import Memory
from votes.domain.terms import Position
from votes.live.frames import BEFORE_ALL, HEARTBEAT
from votes.live.hub import SLICE, Hub, Listener

NO_PROGRESS_S = 10.0
HEARTBEAT_S = 15.0
LIFE_S = 3_600.0
LIFE_JITTER = 0.2
RETRY_MIN_MS = 1_000
RETRY_MAX_MS = 4_000
KEEP_S = 1.0
RESUME_WAIT_S = 2.0
assert KEEP_S < NO_PROGRESS_S < HEARTBEAT_S < LIFE_S

Send = Callable[[Any], Awaitable[None]]
Receive = Callable[[], Awaitable[Any]]
Headers = Iterable[tuple[bytes, bytes]]

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
]


class Stream:
    """A listener with its connection."""

    __slots__ = ("ends_at", "epoch", "listener", "send_began_at", "sending", "task")

    def __init__(self, listener: Listener, epoch: str, now: float) -> None:
        self.listener = listener
        self.epoch = epoch
        self.sending = False
        self.send_began_at = now
        self.ends_at = now + LIFE_S * (1 + random.uniform(-LIFE_JITTER, LIFE_JITTER))  # noqa: S311
        self.task: asyncio.Task[Any] | None = None


class Streams:
    """All streams of a process, on its hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._streams: set[Stream] = set()

    async def keep(self) -> None:
        """Look after the streams until cancelled: after each every `KEEP_S`, some at a time."""
        clock = asyncio.get_running_loop().time
        while True:
            streams = list(self._streams)
            turns = max(1, -(-len(streams) // SLICE))
            for turn in range(turns):
                for stream in streams[turn * SLICE : (turn + 1) * SLICE]:
                    self._look_after(stream, clock())
                await asyncio.sleep(KEEP_S / turns)

    def _look_after(self, stream: Stream, now: float) -> None:
        if stream.sending:
            if now - stream.send_began_at > NO_PROGRESS_S and stream.task is not None:
                stream.task.cancel()
        elif now > stream.ends_at:
            stream.listener.close()
        elif now - stream.send_began_at > HEARTBEAT_S:
            stream.listener.wake()

    async def serve(
        self, listener: Listener, epoch: str, receive: Receive, send: Send, headers: Headers = ()
    ) -> None:
        """Send until the reader goes, is too slow, or the stream has lived its time.

        Raises `TooMany` before anything is sent.
        """
        self._hub.join(listener)
        stream = Stream(listener, epoch, asyncio.get_running_loop().time())
        stream.task = asyncio.current_task()
        self._streams.add(stream)
        leaving = asyncio.ensure_future(_leave(listener, receive))
        try:
            start = {"type": "http.response.start", "status": 200, "headers": [*HEADERS, *headers]}
            await send(start)
            await self._send_all(stream, send)
        except asyncio.CancelledError:
            if not stream.sending:
                raise
        finally:
            leaving.cancel()
            self._streams.discard(stream)
            self._hub.leave(listener)

    async def _send_all(self, stream: Stream, send: Send) -> None:
        listener = stream.listener
        clock = asyncio.get_running_loop().time
        body = b"retry: %d\n\n" % random.randint(RETRY_MIN_MS, RETRY_MAX_MS)  # noqa: S311
        while not listener.closed:
            stream.sending, stream.send_began_at = True, clock()
            await send({"type": "http.response.body", "body": body, "more_body": True})
            stream.sending = False
            while not (body := self._due(stream, clock)) and not listener.closed:
                await listener.woken()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _due(self, stream: Stream, clock: Callable[[], float]) -> bytes:
        """What to send now: news, a heartbeat after a silence, or nothing."""
        listener, models = stream.listener, self._hub.memory.models
        if models is not None:
            if models.epoch != stream.epoch:
                stream.epoch, listener.position = models.epoch, BEFORE_ALL
            news, listener.position = self._hub.frames.since(
                models, listener.tools, listener.position
            )
            if news:
                return news
        return HEARTBEAT if clock() - stream.send_began_at > HEARTBEAT_S else b""


async def _leave(listener: Listener, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    listener.close()


async def resumed(memory: Memory, last_event_id: str | None, epoch: str) -> Position:
    """Where a stream goes on: after the id that the reader has seen, if it is one of this log.

    An id that this process has not reached is waited for a little while; then all is sent.
    """
    found, _, position = (last_event_id or "").partition("-")
    if found != epoch or not position.isascii() or not position.isdigit() or len(position) > 19:
        return BEFORE_ALL
    seen = int(position)
    try:
        async with asyncio.timeout(RESUME_WAIT_S):
            await memory.reached(seen)
    except TimeoutError:
        return BEFORE_ALL
    return seen or BEFORE_ALL  # at 0 stands what was never listed, of which there may be more
