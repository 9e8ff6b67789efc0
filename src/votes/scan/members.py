"""Who belongs to a group, and whether chance explains it.

On each tool of the group a voter voted in its window, at another time, or never. A member does so
with the chances of the members. Any other voter chooses tools by how popular they were at these
times among all others, as many as that voter voted on then: so those who vote on everything are no
members for that. Expectation and maximization, from the core of the group on, finds the chances and
who is likely a member.
"""

from collections.abc import Mapping, Sequence
from math import exp, log

from msgspec import Struct

from votes.scan.bursts import Window
from votes.scan.casts import Casts
from votes.scan.sides import log_choose

ROUNDS = 6
CHANCE_MIN = 0.75
PRIOR_VOTES = 20.0
LOG_USUAL_MAX = log(0.49)
NEVER_MIN = 0.01


class Habit(Struct, frozen=True):
    """The tools a voter voted on, each with 0 for in time or 1 for another time; how many votes the
    voter cast on the days of the group, and in all, and the logs of both."""

    hits: Sequence[tuple[int, int]]
    then: int
    ever: int
    logs: tuple[float, float]


class Mixture:
    """Members and others among those who voted in a window at least once."""

    def __init__(self, casts: Casts, core: Sequence[int], windows: Sequence[Window]) -> None:
        self._casts, self._windows = casts, windows
        start_s = min(window.start_s for window in windows)
        end_s = max(window.end_s for window in windows)
        self._active, self._votes_then = casts.on_days(start_s, end_s)
        self._habits = self._habits_of(start_s, end_s)
        inside = set(core)
        self.chances = {voter: float(voter in inside) for voter in self._habits}
        for _ in range(ROUNDS):
            ratios = self._log_ratios()
            members = sum(self.chances.values())
            prior = log((members + 1) / (max(self._active - members, 0.0) + 1))
            self.chances = {voter: _chance(prior + ratio) for voter, ratio in ratios.items()}

    def members(self) -> list[int]:
        """The voters, in order, whose chance to belong to the group is `CHANCE_MIN` at least."""
        return [voter for voter, chance in self.chances.items() if chance >= CHANCE_MIN]

    def log_excess(self, members: Sequence[int]) -> float:
        """How much likelier the members' habits are among members than by chance, less all the ways
        to choose so many of the active voters, so many tools, and a window of each."""
        ratios = self._log_ratios()
        ways = log_choose(max(self._active, len(members)), len(members))
        ways += log_choose(len(self._casts.by_tool), len(self._windows))
        ways += sum(2 * log(len(self._casts.by_tool[each.tool])) for each in self._windows)
        return sum(ratios[voter] for voter in members) - ways

    def _habits_of(self, start_s: int, end_s: int) -> Mapping[int, Habit]:
        in_time = [
            {cast.voter for cast in self._casts.between(each.tool, each.start_s, each.end_s)}
            for each in self._windows
        ]
        places = {window.tool: place for place, window in enumerate(self._windows)}
        habits = {}
        for voter in sorted(set().union(*in_time)):
            tools = places.keys() & {cast.tool for cast in self._casts.by_voter[voter]}
            hits = [
                (tool, 0 if voter in in_time[tool] else 1)
                for tool in sorted(places[tool] for tool in tools)
            ]
            then, ever = self._casts.votes_of(voter, start_s, end_s)
            habits[voter] = Habit(hits, then, ever, (log(then), log(ever)))
        return habits

    def _log_ratios(self) -> dict[int, float]:
        """Of each candidate the log of how much likelier the habit is for a member."""
        inside = sum(self.chances.values())
        hits, others = self._counted()
        then = ever = 0.0
        for voter, habit in self._habits.items():
            then += self.chances[voter] * habit.then
            ever += self.chances[voter] * habit.ever
        outside, outside_ever = max(self._votes_then - then, 0.0), max(self._casts.size - ever, 0.0)
        never = usual_then = usual_ever = 0.0
        hit = []
        for (early, late), (other_early, other_late) in zip(hits, others, strict=True):
            popular = (other_early + other_late + 0.5) / (outside_ever + 1)
            popular_then = (other_early + PRIOR_VOTES * popular) / (outside + PRIOR_VOTES)
            share, share_late = (early + 1) / (inside + 3), (late + 0.25) / (inside + 3)
            on_none = log(max(1 - share - share_late, NEVER_MIN))
            never, usual_then = never + on_none, usual_then + popular_then
            usual_ever += popular
            hit.append(
                (
                    (log(popular_then), log(share) - on_none),
                    (log(popular), log(share_late) - on_none),
                )
            )
        ratios = {}
        for voter, habit in self._habits.items():
            ratio = never + habit.then * usual_then + (habit.ever - habit.then) * usual_ever
            for tool, when in habit.hits:
                log_popular, log_share = hit[tool][when]
                ratio += log_share - min(LOG_USUAL_MAX, habit.logs[when] + log_popular)
            ratios[voter] = ratio
        return ratios

    def _counted(self) -> tuple[list[list[float]], list[list[float]]]:
        """The votes of members and of others on each tool, in time and at another time."""
        hits = [[0.0, 0.0] for _ in self._windows]
        votes = [[0.0, 0.0] for _ in self._windows]
        for voter, habit in self._habits.items():
            chance = self.chances[voter]
            for tool, when in habit.hits:
                hits[tool][when] += chance
                votes[tool][when] += 1
        others = []
        for window, (early, late), (all_early, _) in zip(self._windows, hits, votes, strict=True):
            everyone = len(self._casts.by_tool[window.tool])
            others.append([all_early - early, max(everyone - all_early - late, 0.0)])
        return hits, others


def _chance(log_odds: float) -> float:
    return 1 / (1 + exp(-log_odds)) if log_odds > -700 else 0.0
