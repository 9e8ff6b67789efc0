"""Those who vote, and those who look: what they are told goes into the record."""

import asyncio
import contextlib
import json
from collections.abc import Collection, Sequence
from functools import partial
from time import monotonic
from typing import Any, NamedTuple

from tests.faults.soak.honest import CHOICES, Voter
from tests.faults.soak.judge import Log
from tests.faults.soak.readers import Reader, Stream
from tests.faults.soak.record import Record
from tests.faults.soak.wire import Answer, Broken, Connection
from tests.faults.upgrades.house import House, Running, ask
from tests.integration.live.sse import Event
from tests.polling import until
from tests.running.lengths import length
from votes.domain import vote
from votes.domain.terms import ToolId, visitor
from votes.live.frames import STALE

VOTES_PER_S = length(80, 600)
VOTERS = 60
READERS = 8
PAGES = 6
EACH_S = VOTERS / VOTES_PER_S
COUNTED_EACH_S = 0.1

Visitor = tuple[str, str]
"""A visitor's id and token."""


class Counts(NamedTuple):
    """What a release with a new read model showed of it: each subject's number and position, and
    the position of all the models."""

    release: str
    position: int
    numbers: dict[str, tuple[int, int]]


class Routed(Connection):
    """Opens to a process that is asked now, and stays with it for as long as it is open."""

    def __init__(self, house: House, number: int) -> None:
        super().__init__(0)
        self._house, self._number = house, number

    async def send(self, request: bytes, method: str = "GET") -> Answer:
        if self._streams is None:
            self._port = self._house.port_for(self._number)
        return await super().send(request, method)


class Regular(Voter):
    """Votes by the clock, each time otherwise than before, and then looks for that vote."""

    def __init__(
        self, record: Record, house: House, number: int, who: Visitor, tools: Sequence[str]
    ) -> None:
        super().__init__(record, 0, number, {"Authorization": f"Visitor {who[1]}"})
        self.who = visitor(who[0])
        self.tools = tools
        self.name = self.who
        self.connection = Routed(house, number)

    async def run(self) -> None:
        due = monotonic() + self.mind.uniform(0, EACH_S)
        while not self.record.over.is_set():
            await self.record.pause(due - monotonic())
            due += EACH_S
            tool = self.mind.choice(self.tools)
            before = self.record.choices.get(vote.stream(self.who, ToolId(tool)))
            await self._vote(tool, self.mind.choice([one for one in CHOICES if one != before]))
            await self._look(tool)

    async def _look(self, tool: str) -> None:
        position = self.record.last_acknowledged(tool)
        path, asked = f"/v1/tools/{tool}/tally?min_position={position}", monotonic()
        try:
            answer = await self.connection.ask("GET", path)
        except Broken:
            return
        self.record.answered(path, answer)
        if answer.status == 200:
            tally = json.loads(answer.body)
            self.record.saw(path, tally, asked)
            if tally["position"] < position:
                self.record.complain("a read before its min_position", f"{path}: {tally}")


class Page(Stream):
    """A live stream. `world` is that of what it was sent last."""

    def __init__(self, record: Record, house: House, number: int, seen: str | None) -> None:
        super().__init__(record, house.port_for(number), number)
        self._house, self._number = house, number
        self.seen = seen
        self.world = ""

    async def _poll_reconnect(self) -> None:
        await super()._poll_reconnect()
        self.port = self._house.port_for(self._number)

    def _take(self, event: Event) -> None:
        super()._take(event)
        self.world = event.id.partition("-")[0]

    def is_live(self, gone: Collection[str]) -> bool:
        """Whether what it shows is live, and of a world that is still there."""
        return bool(self.world) and not self.world.endswith(STALE) and self.world not in gone


class Counting:
    """Asks a process of a release with a new read model what it holds, again and again."""

    def __init__(self, record: Record, release: str, port: int) -> None:
        self.record, self.release = record, release
        self.connection = Connection(port)
        self.seen: list[Counts] = []

    async def run(self) -> None:
        while not self.record.over.is_set():
            with contextlib.suppress(Broken):
                await self._ask()
            await self.record.pause(COUNTED_EACH_S)

    async def _ask(self) -> None:
        asked = monotonic()
        answer = await self.connection.ask("GET", "/v1/counts")
        self.record.answered("/v1/counts", answer)
        if answer.status == 200:
            self.take(json.loads(answer.body), asked)

    def take(self, told: dict[str, Any], asked: float) -> None:
        if not told["stale"]:
            self.record.done["counts seen fresh"] += 1
            positions, what = self.record.all_positions, "the counts"
            self.record.fresh("/v1/counts", positions, told["position"], asked, what)
        numbers = {
            tool: (kept["number"], kept["position"]) for tool, kept in told["counts"].items()
        }
        self.seen.append(Counts(self.release, told["position"], numbers))


class People:
    """Everybody. `pages` are the live streams, `log` what the log was at the end."""

    def __init__(self, record: Record, house: House) -> None:
        self.record, self.house = record, house
        self.pages: list[Page] = []
        self.log = Log()
        self.votes_per_s = 0.0
        self._began = monotonic()
        self._counting: list[Counting] = []
        self._clients: list[Any] = []
        self._busy: list[asyncio.Task[None]] = []
        self._open: list[asyncio.Task[None]] = []

    def vote(self, visitors: Sequence[Visitor], tools: Sequence[str]) -> None:
        voters = [Regular(self.record, self.house, *one, tools) for one in enumerate(visitors)]
        self._begin(voters)

    def look(self, seen: Sequence[str | None] = (None,) * PAGES) -> None:
        """Readers and streams, which go on after what they have seen, on what is asked now."""
        readers = [Reader(self.record, 0, number) for number in range(READERS)]
        for number, reader in enumerate(readers):
            reader.connection = Routed(self.house, number)
            reader.kinds.remove(reader._page)
        self._begin(readers)
        pages = [Page(self.record, self.house, *one) for one in enumerate(seen)]
        self._open += [asyncio.create_task(page.run()) for page in pages]
        self.pages += pages

    def count(self, release: Running) -> None:
        """Ask that release what its new read model holds, all the time."""
        counting = [Counting(self.record, release.name, port) for port in release.ports]
        self._begin(counting)
        self._counting += counting

    def _begin(self, clients: Sequence[Any]) -> None:
        self._clients += clients
        self._busy += [asyncio.create_task(client.run()) for client in clients]

    async def settle(self) -> None:
        """Nobody begins anything new; what was begun is answered. Streams stay open."""
        self.record.over.set()
        self.votes_per_s = self.record.done["votes acknowledged"] / (monotonic() - self._began)
        await asyncio.gather(*self._busy)

    def counted(self) -> list[Counts]:
        """All that was shown of new read models."""
        return [counts for counting in self._counting for counts in counting.seen]

    async def leave(self) -> None:
        for task in (*self._busy, *self._open):
            task.cancel()
        await asyncio.gather(*self._busy, *self._open, return_exceptions=True)
        for client in self._clients:
            client.connection.close()

    async def poll_flowing(self) -> None:
        """Until there are as many more votes as are wanted in a second."""
        enough = self.record.done["votes acknowledged"] + VOTES_PER_S
        await until(lambda: self.record.done["votes acknowledged"] >= enough, "votes")

    def worlds(self) -> set[str]:
        """Those of what the streams were sent last."""
        return {page.world for page in self.pages}

    async def poll_right(self, gone: Collection[str] = ()) -> float:
        """When all processes and streams first show what is live, and counts all that is
        acknowledged by now; no stream what is of a world that is gone."""
        path = f"/v1/tallies?tools={','.join(self.record.tools)}"
        path += f"&min_position={self.record.all_positions.known_before(monotonic())}"
        ports = [port for release in self.house.running for port in release.ports]
        shown: list[partial] = [partial(is_live, port, path) for port in ports]
        shown += [partial(page.is_live, gone) for page in self.pages]
        await asyncio.gather(*(until(one, f"live numbers: {one}") for one in shown))
        return monotonic()


async def is_live(port: int, path: str) -> bool:
    """Whether the process shows these tallies, and none as stale."""
    answer = await ask(port, path)
    return answer is not None and answer.status == 200 and b'"stale":true' not in answer.body
