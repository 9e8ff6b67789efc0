"""Lockstep: groups of voters that vote on the same tools at the same times, with the same choices.

After CopyCatch (Beutel, Xu, Guruswami, Palow, Faloutsos, WWW 2013), which grows a group of users
and pages from a seed. Here the seeds are bursts, the group is refused unless chance does not
explain it, and who belongs to it is decided voter by voter:

1. From the voters of a burst: the bursts that many of them share, then the voters that share many
   of these, until nothing changes.
2. The window of each tool is narrowed to where the group's votes are. Then a voter belongs to the
   group if what they did on its tools says so (`members`).
3. The group is kept if chance does not explain it: the log of how much likelier the votes of its
   members are if they belong together than if each chose on their own, less the log of how many
   groups, tools and windows might have been chosen, is at least log(1/ALPHA). By the union bound
   chance alone leads to a group with a probability of about ALPHA at a look (a scan statistic,
   after Kulldorff 1997, "A spatial scan statistic").
4. The group is kept if its choices are those of one hand rather than honest ones (`sides`), at
   `EVIDENCE_MIN`. The steps before do not look at choices, so this is a second hurdle of its own.
   Where few others voted, choices say little: there lockstep may be enough (`_stands_alone`).

Only who, what and when goes in, so voters behind one address are linked by nothing else."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from math import log
from typing import Any

from msgspec import Struct

from votes.scan.bursts import SCALES, Bursts, Window
from votes.scan.casts import Cast, Casts
from votes.scan.members import Mixture
from votes.scan.sides import STRICT, Counts, log_evidence

ALPHA = 0.001
EVIDENCE_MIN = 20.0
LOCKSTEP_ALONE_MIN = 6.0
VOTERS_MIN = 12
TOOLS_MIN = 4
"""Who votes on a pair of tools, as pages that compare two ask for, is in lockstep with many."""
ITEM_SHARE_MIN, ITEM_VOTERS_MIN = 0.25, 8
VOTER_SHARE_MIN, VOTER_ITEMS_MIN = 0.34, 3
ROUNDS_MAX = 6
NARROWED_SHARE = 0.8


class Group(Struct, frozen=True):
    """Voters that vote in lockstep, and how sure that is: both numbers are natural logs.

    `lockstep` is that of step 3, at least log(1/ALPHA); `one_sided` that of step 4. `casts` are all
    votes of the voters on the tools, at whatever time. Each tool has one of the windows, and
    `others` are the votes on it of those who are in no group, at other times.
    """

    voters: Sequence[int]
    windows: Sequence[Window]
    casts: Sequence[Cast]
    lockstep: float
    one_sided: float
    others: Sequence[Counts]


class Lockstep:
    """The groups in votes that are added one by one."""

    def __init__(self) -> None:
        self.casts = Casts()
        self._bursts = Bursts()

    def add(self, voter: str, tool: str, ship: bool, at_s: int, position: int) -> None:
        cast = self.casts.add(voter, tool, ship, at_s, position)
        self._bursts.add(cast)

    def groups(self) -> Iterator[Group | None]:
        """All groups, the surest first, in the same order for the same votes.

        A group that is mostly part of a surer one is left out. None comes in between, so that a
        caller may let others work.
        """
        candidates: list[_Candidate] = []
        for scale in range(SCALES):
            windows = list(self._bursts.windows(scale))
            for candidate in _Search(self.casts, windows).candidates():
                yield None
                if candidate is not None:
                    candidates.append(candidate)
        candidates.sort(key=lambda each: (-each.lockstep, each.windows))
        accepted, taken = [], set[int]()
        for candidate in candidates:
            if _is_mixed(candidate, candidates):
                continue
            if 2 * len(taken.intersection(candidate.voters)) < len(candidate.voters):
                taken.update(candidate.voters)
                accepted.append(candidate)
        for candidate in accepted:
            group = self._judged(candidate, taken)
            if group is not None:
                yield group

    def _judged(self, candidate: "_Candidate", suspects: set[int]) -> Group | None:
        """Step 4: the choices of the voters in the windows, beside those of all who are in no group
        and voted at other times."""
        inside, sides = set(candidate.voters), []
        for window in candidate.windows:
            in_time = {
                cast.position: cast
                for cast in self.casts.between(window.tool, window.start_s, window.end_s)
            }
            group = Counter(cast.ship for cast in in_time.values() if cast.voter in inside)
            others = Counter(
                cast.ship
                for cast in self.casts.by_tool[window.tool]
                if cast.voter not in suspects and cast.position not in in_time
            )
            sides.append(((group[True], group[False]), (others[True], others[False])))
        one_sided = log_evidence(sides, self.casts.ship_share)
        if one_sided < log(EVIDENCE_MIN) and not self._stands_alone(candidate, sides):
            return None
        tools = {window.tool for window in candidate.windows}
        casts = sorted(
            cast
            for voter in candidate.voters
            for cast in self.casts.by_voter[voter]
            if cast.tool in tools
        )
        found = candidate.voters, candidate.windows, casts, candidate.lockstep, one_sided
        return Group(*found, [others for _, others in sides])

    def _stands_alone(
        self, candidate: "_Candidate", sides: Sequence[tuple[Counts, Counts]]
    ) -> bool:
        """Whether lockstep alone is enough: where few others voted, choices say little. They must
        not speak for honest voters, and the group must be most of the votes on its tools."""
        strict = log_evidence(sides, self.casts.ship_share, STRICT)
        lockstep = candidate.lockstep / len(candidate.voters)
        dominated = sum(sum(group) > sum(others) for group, others in sides)
        return (
            strict >= -log(EVIDENCE_MIN)
            and lockstep >= LOCKSTEP_ALONE_MIN
            and dominated >= TOOLS_MIN
            and 2 * dominated > len(sides)
        )


class _Candidate(Struct, frozen=True):
    """A group after step 3: one window for each of its tools."""

    voters: Sequence[int]
    windows: Sequence[Window]
    lockstep: float


def _is_mixed(whole: _Candidate, found: Sequence[_Candidate]) -> bool:
    """Whether it is two groups with different voters and tools, as wide windows may find them."""
    voters = set(whole.voters)
    parts = [
        (set(part.voters), {window.tool for window in part.windows})
        for part in found
        if part is not whole and 2 * len(voters.intersection(part.voters)) > len(part.voters)
    ]
    return any(
        _are_apart(one[0], other[0]) and _are_apart(one[1], other[1])
        for one, other in combinations(parts, 2)
    )


def _are_apart(one: set[Any], other: set[Any]) -> bool:
    return 2 * len(one & other) < min(len(one), len(other))


class _Search:
    """For the groups among the bursts of one scale, the items."""

    def __init__(self, casts: Casts, windows: Sequence[Window]) -> None:
        self._casts, self._windows = casts, windows
        self._voters = [
            dict.fromkeys(cast.voter for cast in casts.between(each.tool, each.start_s, each.end_s))
            for each in windows
        ]
        self._items: dict[int, list[int]] = {}
        for item, voters in enumerate(self._voters):
            for voter in voters:
                self._items.setdefault(voter, []).append(item)

    def candidates(self) -> Iterator[_Candidate | None]:
        seeds = sorted(range(len(self._windows)), key=lambda item: (-len(self._voters[item]), item))
        visited: set[int] = set()
        for seed in seeds:
            if seed in visited:
                continue
            yield None
            voters, items = self._grown(seed)
            if seed in items:
                visited.update(items)
            candidate = self._checked(voters, items)
            if candidate is not None:
                visited.update(items)
                yield candidate

    def _grown(self, seed: int) -> tuple[list[int], list[int]]:
        """Step 1: voters and items that belong together, none where they do not."""
        voters, items = sorted(self._voters[seed]), [seed]
        for _ in range(ROUNDS_MAX):
            counted = Counter(item for voter in voters for item in self._items[voter])
            needed = max(ITEM_VOTERS_MIN, ITEM_SHARE_MIN * len(voters))
            grown = sorted(item for item, count in counted.items() if count >= needed)
            if len(grown) < TOOLS_MIN:
                return [], []
            if grown == items:
                break
            items = grown
            needed = max(VOTER_ITEMS_MIN, VOTER_SHARE_MIN * len(items))
            shared = Counter(voter for item in items for voter in self._voters[item])
            voters = sorted(voter for voter, count in shared.items() if count >= needed)
        return voters, items

    def _checked(self, core: Sequence[int], items: Sequence[int]) -> _Candidate | None:
        """Steps 2 and 3."""
        tools = {self._windows[item].tool for item in items}
        if len(core) < VOTERS_MIN or len(tools) < TOOLS_MIN:
            return None
        windows = self._narrowed(set(core), items)
        mixture = Mixture(self._casts, core, windows)
        voters = mixture.members()
        if len(voters) < VOTERS_MIN:
            return None
        lockstep = mixture.log_excess(voters)
        return _Candidate(voters, windows, lockstep) if lockstep >= -log(ALPHA) else None

    def _narrowed(self, inside: set[int], items: Sequence[int]) -> list[Window]:
        """Of each tool the shortest time with four fifths of the group's votes in its bursts, and
        half as much around it."""
        times: dict[str, list[int]] = {}
        for item in items:
            window = self._windows[item]
            times.setdefault(window.tool, []).extend(
                cast.at_s
                for cast in self._casts.between(window.tool, window.start_s, window.end_s)
                if cast.voter in inside
            )
        return [Window(tool, *_shortest(sorted(set(times[tool])))) for tool in sorted(times)]


def _shortest(times: Sequence[int]) -> tuple[int, int]:
    """The narrowed window of votes at these times, in order."""
    step = max(int(NARROWED_SHARE * len(times)), 1)
    length, start = min(
        (times[first + step - 1] - times[first], times[first])
        for first in range(len(times) - step + 1)
    )
    around = length // 4 + 60
    return start - around, start + length + around + 1
