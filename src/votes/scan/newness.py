"""Newness: when the share of new voters among the votes on a tool rises.

A vote is new where its voter's first vote that the scan knows was cast less than an hour before, or
is this one. On each tool the votes are a stream of 0 and 1. A Shiryaev-Roberts e-detector (Shin,
Ramdas, Rinaldo, "E-detectors: a nonparametric framework for sequential change detection",
arXiv 2203.03532) watches it: for each of some bets `b`,

    M = (1 + M) * (1 + b * (new - m) / m),

an alarm where the mean of the M reaches 1/ALPHA. As long as a vote is new with a chance of at most
`m`, given all before, a false alarm comes after 1/ALPHA votes on the tool or more, on average. `m`
lies half-way between the share of new voters on all other tools, of late, and 1. So a site on which
everybody is new has no alarms. A crowd that comes for a tool in the news has one, rightly: an alarm
says that others vote than before, not that they are dishonest.

Each vote is a step of its own. A step for each bucket of time would take the votes of a crowd in
one minute for a single one: with m = 0.57 and all votes new an alarm takes 24 steps."""

from math import inf

from msgspec import Struct

ALPHA = 1e-5
BETS = (0.25, 0.5, 0.9)
NEW_S = 3_600
MEMORY_VOTES = 2_000
"""The shares of other tools are those of about so many votes, with weights that fall evenly."""
QUIET_S = 24 * 3_600
"""A tool has no second alarm within a day of the first."""


class Burst(Struct, frozen=True):
    """An alarm on a tool: since `start_s` so many votes, of which so many are `new`, and so many
    for ship. On other tools the share `usual` was new. `end_s` is the time of the alarm."""

    tool: str
    position: int
    start_s: int
    end_s: int
    votes: int
    new: int
    ship: int
    usual: float


class _Shares(Struct):
    """New votes and all votes, of late; `step` is when they were right."""

    new: float = 0.0
    all: float = 0.0
    step: int = 0

    def at(self, step: int) -> "_Shares":
        faded = (1 - 1 / MEMORY_VOTES) ** (step - self.step)
        self.new, self.all, self.step = self.new * faded, self.all * faded, step
        return self


class _Detector(Struct):
    shares: _Shares
    evidence: list[float]
    growth: float = 0.0
    start_s: int = 0
    votes: int = 0
    new: int = 0
    ship: int = 0
    quiet_until_s: float = -inf


class Newness:
    """The detectors of all tools, for votes in the order of the log."""

    def __init__(self) -> None:
        self._first_s: dict[str, int] = {}
        self._tools: dict[str, _Detector] = {}
        self._site = _Shares()
        self._step = 0

    def add(self, voter: str, tool: str, ship: bool, at_s: int, position: int) -> Burst | None:
        """The alarm that the vote leads to, if it does."""
        new = at_s - self._first_s.setdefault(voter, at_s) < NEW_S
        self._step += 1
        site = self._site.at(self._step)
        detector = self._tools.get(tool)
        if detector is None:
            detector = self._tools[tool] = _Detector(_Shares(), [0.0] * len(BETS))
        own = detector.shares.at(self._step)
        usual = max(site.new - own.new + 1, 0.0) / max(site.all - own.all + 1, 1.0)
        for shares in (site, own):
            shares.new += new
            shares.all += 1
        if at_s < detector.quiet_until_s:
            return None
        return self._alarm(detector, new, ship, min(usual, 1.0), tool, at_s, position)

    def _alarm(
        self,
        detector: _Detector,
        new: bool,
        ship: bool,
        usual: float,
        tool: str,
        at_s: int,
        position: int,
    ) -> Burst | None:
        limit = (1 + usual) / 2
        step = (new - limit) / limit
        detector.evidence = [
            (1 + evidence) * (1 + bet * step)
            for bet, evidence in zip(BETS, detector.evidence, strict=True)
        ]
        if detector.growth <= 1:  # CUSUM says since when: nothing before speaks for a change
            detector.growth = 1.0
            detector.start_s, detector.votes, detector.new, detector.ship = at_s, 0, 0, 0
        detector.growth *= 1 + BETS[1] * step
        detector.votes += 1
        detector.new += new
        detector.ship += ship
        if sum(detector.evidence) < len(BETS) / ALPHA:
            return None
        measured = (detector.start_s, at_s, detector.votes, detector.new, detector.ship)
        detector.evidence, detector.growth = [0.0] * len(BETS), 0.0
        detector.quiet_until_s = at_s + QUIET_S
        return Burst(tool, position, *measured, round(usual, 6))
