"""Those who look: every number that they are shown goes into the record."""

import asyncio
import json
from collections import deque
from collections.abc import Iterator
from time import monotonic
from typing import Any

from tests.faults.soak.record import Counts, Record
from tests.faults.soak.wire import Answer, Broken, Connection
from tests.integration.live.sse import Event, Refused, connect, events

PAUSE_S = 0.3
STREAM_TOOLS_MAX = 4
RECONNECT_S = 0.5
HEARD_MAX = 8


def tallies_in(value: Any) -> Iterator[dict[str, Any]]:
    """The tallies anywhere in an answer."""
    if isinstance(value, dict):
        if "ship" in value and "as_of" in value:
            yield value
        else:
            yield from (tally for part in value.values() for tally in tallies_in(part))
    elif isinstance(value, list):
        yield from (tally for part in value for tally in tallies_in(part))


class Reader:
    """Asks for one thing after another."""

    def __init__(self, record: Record, port: int, number: int) -> None:
        self.record = record
        self.mind = record.mind(f"reader {number}")
        self.connection = Connection(port)
        self.kept: dict[str, tuple[str, Any]] = {}
        self.kinds = [self._tally, self._tally, self._at_position, self._tallies, self._many]
        self.kinds += [self._past, self._page, self._ready, self._again]

    async def run(self) -> None:
        while not self.record.over.is_set():
            try:
                await self.mind.choice(self.kinds)()
            except Broken:
                self.record.done["reads broken"] += 1
            await self.record.pause(self.mind.uniform(0, 2 * PAUSE_S))
        self.connection.close()

    async def _ask(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        answer = await self.connection.ask("GET", path, headers=headers)
        self.record.answered(f"GET {path}", answer)
        return answer

    async def _read(self, path: str, *, now: bool = True) -> list[dict[str, Any]]:
        """The tallies of the answer, noted; none where the answer is a problem."""
        asked = monotonic()
        answer = await self._ask(path)
        if answer.status != 200:
            return []
        value = json.loads(answer.body)
        tallies = list(tallies_in(value))
        for tally in tallies:
            self.record.saw(path, tally, asked, now=now)
        if now and "etag" in answer.headers:
            self.kept[path] = answer.headers["etag"], tallies
        return tallies

    async def _tally(self) -> None:
        await self._read(f"/v1/tools/{self._tool()}/tally")

    async def _at_position(self) -> None:
        """An answer at a position counts what was acknowledged at it, except while Redis itself
        tells another position than it has."""
        tool = self._tool()
        position = self.record.last_acknowledged(tool)
        path = f"/v1/tools/{tool}/tally?min_position={position}"
        asked = monotonic()
        for tally in await self._read(path):
            if tally["position"] < position and not self.record.away("the pointer", asked):
                self.record.complain("a read before its min_position", f"{path}: {tally}")

    async def _tallies(self) -> None:
        tools = self.mind.sample(self.record.tools, self.mind.randint(1, len(self.record.tools)))
        await self._read(f"/v1/tallies?tools={','.join(tools)}")

    async def _many(self) -> None:
        sort = self.mind.choice(("top", "trending", "new", "controversial"))
        one, other = self._tool(), self._tool()
        await self._read(
            self.mind.choice(
                (
                    f"/v1/tools?limit={self.mind.randint(1, 100)}&sort={sort}",
                    f"/v1/tools/{one}",
                    f"/v1/compare/{one}/{other}",
                )
            )
        )

    async def _past(self) -> None:
        tool = self._tool()
        at = self.mind.randint(0, self.record.last_acknowledged(tool) + 1)
        await self._read(f"/v1/tools/{tool}/tally?at={at}", now=False)

    async def _page(self) -> None:
        one, other = self._tool(), self._tool()
        pages = ("/", f"/tools/{one}", f"/compare/{one}/{other}", f"/v1/tools/{one}/reviews")
        more = (f"/v1/tools/{one}/trend", "/status", "/feed.xml", f"/og/{one}-vs-{other}.png")
        path = self.mind.choice(pages + more)
        answer = await self._ask(path)
        self.record.done[f"pages {answer.status}"] += 1

    async def _ready(self) -> None:
        """What is told to be ok is as fresh as a number that is."""
        asked = monotonic()
        told = json.loads((await self._ask("/health/ready")).body)
        if told.get("status") == "ok":
            positions, at = self.record.all_positions, told["position"]
            self.record.fresh("/health/ready", positions, at, asked, "the read models")

    async def _again(self) -> None:
        """Not modified means that what one has is fresh."""
        if not self.kept:
            return
        path = self.mind.choice(sorted(self.kept))
        etag, tallies = self.kept.pop(path)
        asked = monotonic()
        answer = await self._ask(path, {"If-None-Match": etag})
        if answer.status == 304:
            self.record.done["not modified"] += 1
            for tally in tallies:
                self.record.saw(f"304 of {path}", tally, asked)

    def _tool(self) -> str:
        return self.mind.choice(self.record.tools)


class Stream:
    """A page with an EventSource: `current` is what stands on it, by tool, `heard` what came last,
    of whichever tool."""

    def __init__(self, record: Record, port: int, number: int) -> None:
        self.record, self.port = record, port
        self.mind = record.mind(f"stream {number}")
        self.tools = self.mind.sample(record.tools, self.mind.randint(1, STREAM_TOOLS_MAX))
        self.current: dict[str, tuple[int, Counts]] = {}
        self.heard: deque[str] = deque(maxlen=HEARD_MAX)
        self.seen: str | None = None

    async def run(self) -> None:
        """Until it is cancelled; comes back as a browser does."""
        while True:
            writer = None
            try:
                reader, writer = await connect(self.port, ",".join(self.tools), self.seen)
                self.record.done["streams opened"] += 1
                async for event in events(reader):
                    self._take(event)
            except Refused as refused:
                self.record.done[f"streams refused {refused.status}"] += 1
                if refused.status != 404:
                    self.record.complain("a stream was refused", str(refused))
            except (OSError, ValueError, EOFError):
                self.record.done["streams broken"] += 1
            finally:
                if writer is not None:
                    writer.transport.abort()
            await self._poll_reconnect()

    async def _poll_reconnect(self) -> None:
        until = monotonic() + self.mind.uniform(0, 2 * RECONNECT_S)
        while (left := until - monotonic()) > 0:
            await asyncio.sleep(left)

    def _take(self, event: Event) -> None:
        self.seen = event.id
        self.record.done[f"stream events {event.kind}"] += 1
        told = event.data.get("tool") or event.data.get("slug")
        self.heard.append(f"{event.id} {event.kind} {told}")
        if event.kind != "tally":
            return
        tally = event.data
        before = self.current.get(tally["tool"], (0, (0, 0)))
        if tally["position"] < before[0]:
            self.record.complain("a stream went back", f"{tally} after {before}")
        self.current[tally["tool"]] = tally["position"], (tally["ship"], tally["skip"])
        self.record.saw("/v1/live", tally, monotonic(), now=False)
