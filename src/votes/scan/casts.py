"""The votes that the scan knows: the last of the log, by tool and by voter."""

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from votes.engine.log import Position

DAY_S = 24 * 3600


class Cast(NamedTuple):
    """A vote cast. `at_s` is its time in whole seconds since 1970, `voter` a number that means
    nothing outside; votes compare by time, and at the same time by position."""

    at_s: int
    position: Position
    voter: int
    ship: bool
    tool: str


class Casts:
    """Votes by tool in the order of their times, and who voted on which day."""

    def __init__(self) -> None:
        self.by_tool: dict[str, list[Cast]] = {}
        self.by_voter: list[list[Cast]] = []
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._by_day: defaultdict[int, Counter[int]] = defaultdict(Counter)
        self.size = self._ships = 0

    @property
    def voters(self) -> int:
        return len(self._names)

    def name(self, voter: int) -> str:
        """The voter as the log has it."""
        return self._names[voter]

    @property
    def ship_share(self) -> float:
        return (self._ships + 1) / (self.size + 2)

    def add(self, voter: str, tool: str, ship: bool, at_s: int, position: Position) -> Cast:
        number = self._numbers.get(voter)
        if number is None:
            number = self._numbers[voter] = len(self._names)
            self._names.append(voter)
            self.by_voter.append([])
        cast = Cast(at_s, position, number, ship, tool)
        on_tool = self.by_tool.setdefault(tool, [])
        if on_tool and cast < on_tool[-1]:
            insort(on_tool, cast)
        else:
            on_tool.append(cast)
        self.by_voter[number].append(cast)
        self._by_day[at_s // DAY_S][number] += 1
        self.size += 1
        self._ships += ship
        return cast

    def between(self, tool: str, start_s: int, end_s: int) -> Sequence[Cast]:
        """The votes on the tool from `start_s` on and before `end_s`, in order."""
        on_tool = self.by_tool.get(tool, [])
        first = bisect_left(on_tool, (start_s,))
        return on_tool[first : bisect_left(on_tool, (end_s,), first)]

    def on_days(self, start_s: int, end_s: int) -> tuple[int, int]:
        """How many voters voted on these days, and how many votes they cast."""
        first, last = start_s // DAY_S, (end_s - 1) // DAY_S
        days: Iterable[int] = range(first, last + 1)
        if last - first > len(self._by_day):
            days = (day for day in self._by_day if first <= day <= last)
        votes: Counter[int] = Counter()
        for day in days:
            votes.update(self._by_day.get(day, {}))
        return len(votes), votes.total()

    def votes_of(self, voter: int, start_s: int, end_s: int) -> tuple[int, int]:
        """How many votes the voter cast on these days, and in all."""
        first, last = start_s // DAY_S, (end_s - 1) // DAY_S
        casts = self.by_voter[voter]
        return sum(first <= cast.at_s // DAY_S <= last for cast in casts), len(casts)

    def after(self, position: Position) -> Iterator[tuple[str, str, bool, int, Position]]:
        """What to add to others, to have the votes after the position, in the log's order."""
        newer = (cast for casts in self.by_voter for cast in casts if cast.position > position)
        for cast in sorted(newer, key=lambda cast: cast.position):
            yield self._names[cast.voter], cast.tool, cast.ship, cast.at_s, cast.position
