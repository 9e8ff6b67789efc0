"""One stream: the loop that sends newer states, and what ends it.

Raw ASGI. A stream is accepted even when there are no read models yet. While a send waits for a slow
reader, nothing is gathered for it. One task for all streams sends the heartbeats, and ends streams
without progress and streams that are too old.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from votes.engine.log import Position
from votes.live.frames import BEFORE_ALL, HEARTBEAT, PIECE_BYTES
from votes.live.hub import SLICE, Hub, Listener

NO_PROGRESS_S = 10.0
HEARTBEAT_S = 15.0
LIFE_S = 3_600.0
LIFE_JITTER = 0.2
RETRY_MIN_MS = 1_000
RETRY_MAX_MS = 4_000
KEEP_S = 1.0
BEHIND_S = 2.0
"""A reader may have seen a position that this process has not reached yet, or whose read models are
built anew. After so long, that position no longer exists, and the stream starts anew."""
DIGITS_MAX = 19
assert KEEP_S < NO_PROGRESS_S < HEARTBEAT_S < LIFE_S

Headers = Sequence[tuple[bytes, bytes]]
Send = Callable[[Any], Awaitable[None]]
Receive = Callable[[], Awaitable[Any]]

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
]


class Stream:
    """A listener with its connection; it has `begun` when states were sent."""

    __slots__ = ("_send", "begun", "ends_at", "listener", "send_began_at", "sending", "task")

    def __init__(self, listener: Listener, send: Send, now: float) -> None:
        self.listener = listener
        self._send = send
        self.begun = self.sending = False
        self.send_began_at = now
        self.ends_at = now + LIFE_S * (1 + random.uniform(-LIFE_JITTER, LIFE_JITTER))  # noqa: S311
        self.task: asyncio.Task[Any] | None = None

    async def send(self, message: Any) -> None:
        self.sending, self.send_began_at = True, asyncio.get_running_loop().time()
        await self._send(message)
        self.sending = False


class Streams:
    """All streams of a process."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._streams: set[Stream] = set()
        self._turns = asyncio.Lock()

    async def turn(self) -> None:
        """Wait for the turn to open a stream, or to send the next piece of a long one.

        One stream has its turn at a time; in between, the loop serves other tasks.
        """
        async with self._turns:
            await asyncio.sleep(0)

    async def supervise(self) -> None:
        """Check every stream every `KEEP_S` until cancelled, `SLICE` at a time."""
        clock = asyncio.get_running_loop().time
        while True:
            streams = list(self._streams)
            turns = max(1, -(-len(streams) // SLICE))
            for turn in range(turns):
                for stream in streams[turn * SLICE : (turn + 1) * SLICE]:
                    self._check(stream, clock())
                await asyncio.sleep(KEEP_S / turns)

    def _check(self, stream: Stream, now: float) -> None:
        if stream.sending:
            if now - stream.send_began_at > NO_PROGRESS_S and stream.task is not None:
                stream.task.cancel()
        elif now > stream.ends_at:
            stream.listener.close()
        elif now - stream.send_began_at > HEARTBEAT_S or self._hub.is_behind(stream.listener):
            stream.listener.wake()

    async def serve(
        self, listener: Listener, receive: Receive, send: Send, headers: Headers = ()
    ) -> None:
        """Send until the reader leaves, is too slow, or the stream is too old.

        `headers` are sent beside its own. Raises `TooMany` before anything is sent.
        """
        self._hub.join(listener)
        stream = Stream(listener, send, asyncio.get_running_loop().time())
        stream.task = asyncio.current_task()
        self._streams.add(stream)
        leaving = asyncio.ensure_future(_leave(listener, receive))
        try:
            start = {"type": "http.response.start", "status": 200, "headers": [*HEADERS, *headers]}
            await stream.send(start)
            await self._send_all(stream)
        except asyncio.CancelledError:
            if not stream.sending:
                raise
        finally:
            leaving.cancel()
            self._streams.discard(stream)
            self._hub.leave(listener)

    async def _send_all(self, stream: Stream) -> None:
        listener = stream.listener
        clock = asyncio.get_running_loop().time
        retry_ms = random.randint(RETRY_MIN_MS, RETRY_MAX_MS)  # noqa: S311
        body, long = b"retry: %d\n: the states follow\n\n" % retry_ms, True
        while not listener.closed:
            await stream.send({"type": "http.response.body", "body": body, "more_body": True})
            if long:
                await self.turn()
            while not (body := self._due(stream, clock())) and not listener.closed:
                await listener.woken()
            long = len(body) >= PIECE_BYTES
        await stream.send({"type": "http.response.body", "body": b"", "more_body": False})

    def _due(self, stream: Stream, now: float) -> bytes:
        """What to send now: news, a heartbeat after a silence, or nothing."""
        listener, silence_s = stream.listener, now - stream.send_began_at
        if self._hub.is_behind(listener):  # in another world a snapshot would show what was before
            if silence_s > BEHIND_S:
                listener.position = BEFORE_ALL
            elif not stream.begun:
                return b""
        piece = self._hub.next_piece(listener)
        stream.begun = stream.begun or piece != b""
        return piece or (HEARTBEAT if silence_s > HEARTBEAT_S else b"")


async def _leave(listener: Listener, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    listener.close()


def place_of(last_event_id: str | None) -> tuple[str, Position]:
    """The world and the position in the last id that a reader has seen."""
    world, _, position = (last_event_id or "").partition("-")
    if not position.isascii() or not position.isdigit() or len(position) > DIGITS_MAX:
        return "", BEFORE_ALL
    return world, int(position) or BEFORE_ALL  # 0 is of tools never listed: there may be more
