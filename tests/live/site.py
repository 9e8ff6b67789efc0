"""What the tests of streams share: models that change, a hub on them, and clients."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from tests.domain.histories import START
from votes.domain.terms import ToolId
from votes.domain.tool import Entry, SlugTaken, ToolListed, slug_stream
from votes.domain.vote_events import VoteCast
from votes.engine.log import Recorded, Stream
from votes.engine.read_models import ReadModels
from votes.engine.reading.replica import Replica
from votes.live.hub import Hub, Listener
from votes.live.stream import Streams
from votes.projections import PROJECTIONS


class Site:
    """Live models in which tools are listed, renamed and voted on, each event at the next position.

    The id of a tool is its first slug.
    """

    def __init__(self, *tools: str, streams_max: int = 1_000, per_network_max: int = 2) -> None:
        self.replica = Replica()
        self.models = ReadModels(PROJECTIONS, "e")
        self.hub = Hub(self.replica, streams_max, per_network_max)
        self.streams = Streams(self.hub)
        self.replica.changed(self.models, None)
        for tool in tools:
            self.list(tool)

    def tell(self, *events: tuple[str, Any], tool: str = "a") -> None:
        """Events in these streams, about the tool."""
        position = self.models.position
        recorded = [
            Recorded(number, Stream(stream), 1, event, START, tool)
            for number, (stream, event) in enumerate(events, position + 1)
        ]
        self.replica.changed(self.models, self.models.fold(recorded))

    def list(self, tool: str) -> None:
        taken = (slug_stream(tool), SlugTaken(ToolId(tool)))
        self.tell(taken, (f"tool:{tool}", ToolListed(tool, Entry(tool, "c"))), tool=tool)

    def vote(self, tool: str = "a") -> None:
        self.tell(("vote", VoteCast("ship")), tool=tool)

    def listener(self, *tools: str, network: str | None = None) -> Listener:
        """One that has seen everything so far, and has joined."""
        world, position = self.models.world, self.models.position
        listener = Listener(tools or ("a",), network, world, position)
        self.hub.join(listener)
        return listener


class Client:
    """What ASGI gives to a stream. Each message is sent at once, unless the client is `stuck`.

    `sent` are the messages, `at` the times at which they were sent.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.sent: list[dict[str, Any]] = []
        self.at: list[float] = []
        self._now = now
        self._free, self._gone = asyncio.Event(), asyncio.Event()
        self._free.set()

    async def receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        await self._free.wait()
        self.sent.append(message)
        self.at.append(self._now())

    def stick(self) -> None:
        self._free.clear()

    def take(self) -> None:
        self._free.set()

    def go(self) -> None:
        self._gone.set()

    def times_of(self, body: bytes) -> list[float]:
        """When this was sent."""
        sent = zip(self.at, self.sent, strict=True)
        return [at for at, message in sent if message.get("body") == body]

    @property
    def bodies(self) -> list[bytes]:
        return [message["body"] for message in self.sent if "body" in message]


def said(piece: bytes) -> list[tuple[str, str, dict[str, Any]]]:
    """The frames of a piece: the id, the event, and what it says."""
    frames = []
    for frame in piece.split(b"\n\n")[:-1]:
        fields = dict(line.split(b": ", 1) for line in frame.split(b"\n"))
        event = fields[b"event"].decode(), msgspec.json.decode(fields[b"data"])
        frames.append((fields[b"id"].decode(), *event))
    return frames
