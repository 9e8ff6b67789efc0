"""What the clients of a soak saw, and what is wrong with it as far as they can tell at once."""

import asyncio
import random
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from time import monotonic
from typing import Any, NamedTuple

from tests.faults.soak.wire import Answer

FRESH_S = 5.0
"""A vote acknowledged so long before a question is in every number that is shown as fresh."""
KEPT_OF_A_KIND_MAX = 3
CLOCK_S = 0.1
LATE_S = 0.4

Counts = tuple[int, int]


class Outage(NamedTuple):
    """A part was away from `start` until `end`, in seconds of the monotonic clock."""

    part: str
    start: float
    end: float


class Acknowledged(NamedTuple):
    """A vote that changed something, by its answer."""

    stream: str
    choice: str | None
    position: int


class Positions:
    """Acknowledged positions of one tool, as a maximum that grows in time."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.positions: list[int] = []

    def add(self, position: int) -> None:
        if not self.positions or position > self.positions[-1]:
            self.times.append(monotonic())
            self.positions.append(position)

    def known_before(self, time: float) -> int:
        """The furthest position that was acknowledged by then, 0 before the first."""
        number = bisect_right(self.times, time)
        return self.positions[number - 1] if number else 0

    def missing_for(self, position: int, time: float) -> float:
        """Seconds for which a state at the position has lacked an acknowledged vote by then."""
        number = bisect_right(self.positions, position)
        return max(0.0, time - self.times[number]) if number < len(self.times) else 0.0


class Record:
    """One for all clients. `over` is set when nothing new is to begin."""

    def __init__(self, seed: int, tools: list[str], shaky: list[str]) -> None:
        self.seed = seed
        self.tools = tools
        """What honest voters vote on; `shaky` is the part that an admin delists now and then."""
        self.shaky = frozenset(shaky)
        self.over = asyncio.Event()
        self.done: Counter[str] = Counter()
        self.acknowledged: list[Acknowledged] = []
        self.choices: dict[str, str | None] = {}
        self.votes: list[tuple[float, float]] = []
        self.outages: list[Outage] = []
        self.shown: dict[tuple[str, int], Counts] = {}
        self.worst_s = 0.0
        self._positions: dict[str, Positions] = defaultdict(Positions)
        self.all_positions = Positions()
        self.complaints: dict[str, list[str]] = defaultdict(list)
        self.complained: Counter[str] = Counter()

    def mind(self, name: str) -> random.Random:
        """The chance of one client: the same for the same seed."""
        return random.Random(f"{self.seed}:{name}")

    def away(self, part: str, time: float) -> bool:
        """Whether the part was away then."""
        return any(out.part == part and out.start <= time <= out.end for out in self.outages)

    async def pause(self, seconds: float) -> None:
        """Let others go on; ends early when the soak is over."""
        try:
            async with asyncio.timeout(seconds):
                await self.over.wait()
        except TimeoutError:
            pass

    def complain(self, kind: str, text: str) -> None:
        self.complained[kind] += 1
        if len(self.complaints[kind]) < KEPT_OF_A_KIND_MAX:
            self.complaints[kind].append(text[:600])

    def answered(self, what: str, answer: Answer, *, hostile: bool = False) -> None:
        """No answer is a 5xx but 503, which says when to come again. To what is not HTTP as we
        speak it the server itself may answer that it does not."""
        self.done["answers"] += 1
        if answer.status < 500:
            return
        if answer.status == 503:
            self.done["answers 503"] += 1
            problem = "problem" in answer.headers.get("content-type", "")
            if problem and "retry-after" not in answer.headers:
                self.complain("503 without Retry-After", f"{what[:200]}: {answer.body[:200]!r}")
        elif not (hostile and answer.status in (501, 505)):
            who = "hostile" if hostile else "honest"
            self.complain(f"{answer.status} to the {who}", f"{what[:200]}: {answer.body[:200]!r}")

    def acknowledge(self, tool: str, position: int) -> None:
        """From now on each fresh number of the tool counts the event at this position."""
        self._positions[tool].add(position)
        self.all_positions.add(position)

    def last_acknowledged(self, tool: str) -> int:
        return self._positions[tool].known_before(monotonic())

    def saw(self, where: str, tally: dict[str, Any], asked: float, *, now: bool = True) -> None:
        """A tally, asked for at that time; not `now` when it is of the past, as asked."""
        tool, position = tally["tool"], tally["position"]
        counts = tally["ship"], tally["skip"]
        self.done["tallies seen"] += 1
        if tool not in self.tools:
            return
        known = self.shown.setdefault((tool, position), counts)
        if known != counts:
            self.complain("two numbers of one position", f"{where}: was {known}, now {tally}")
        if now and not tally["stale"]:
            self.done["tallies seen fresh"] += 1
            self.fresh(where, self._positions[tool], position, asked, tool)

    def fresh(
        self, where: str, positions: Positions, position: int, asked: float, what: str
    ) -> None:
        """What was shown as fresh is at this position: is it as far as it must be?"""
        self.worst_s = max(self.worst_s, positions.missing_for(position, asked))
        must = positions.known_before(asked - FRESH_S)
        if position < must:
            number = bisect_left(positions.positions, must)
            late = asked - positions.times[bisect_right(positions.positions, position)]
            self.complain(
                "old numbers shown as fresh",
                f"{where}: {what} at {position}, though {positions.positions[number]} was "
                f"acknowledged over {FRESH_S:g} s before; late by {late:.1f} s",
            )


class Clock:
    """Notes the pauses of the machine, or of this process, in which nothing can be measured."""

    def __init__(self, record: Record) -> None:
        self.record = record

    async def run(self) -> None:
        while not self.record.over.is_set():
            began = monotonic()
            await self.record.pause(CLOCK_S)
            if monotonic() - began > CLOCK_S + LATE_S:
                self.record.outages.append(Outage("the machine", began, monotonic()))
