"""One trial: campaigns and offices planted into honest votes, scanned, and what was found."""

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from random import Random

from msgspec import Struct, field

from tests.scan.planting import DAY_S, HOUR_S, LEVELS, Honest, Vote, campaign, office
from votes.scan.lockstep import Group, Lockstep

BOTS = (30, 50, 80, 120, 200, 300)
TOOLS = (5, 8, 15, 30, 50)
WIDTHS_S = (600, HOUR_S, 6 * HOUR_S, DAY_S, 3 * DAY_S)
HOW = ("apart", "together", "sessions")
AIMED_BOTS_MIN = 50
FOUND_SHARE_MIN = 0.5


class Planted(Struct):
    """A campaign of so many bots with a vote at least, and the share of them that was found."""

    level: int
    bots: int
    recall: float = 0.0


class Trial(Struct):
    """`honest` are the found groups without any planted bot or office, `offices` those that hold
    anybody of an office; `wrong` of the `members` of the others are not of their campaign."""

    planted: list[Planted] = field(default_factory=list)
    honest: list[int] = field(default_factory=list)
    offices: int = 0
    members: int = 0
    wrong: int = 0
    votes: int = 0
    adding_s: float = 0.0
    grouping_s: float = 0.0


def scanned(votes: Sequence[Vote]) -> tuple[Lockstep, list[Group]]:
    lockstep = Lockstep()
    for position, vote in enumerate(votes, 1):
        lockstep.add(vote.voter, vote.tool, vote.ship, vote.at_s, position)
    return lockstep, [group for group in lockstep.groups() if group is not None]


def planted(random: Random, votes: Sequence[Vote], campaigns: int, offices: int) -> list[Vote]:
    """The votes in the order of their times, with campaigns of all kinds and levels in turn."""
    everything, honest = list(votes), Honest(votes)
    for number in range(campaigns):
        size = random.choice(BOTS), random.choice(TOOLS)
        level, width_s, how = number % len(LEVELS), random.choice(WIDTHS_S), random.choice(HOW)
        name = f"campaign{number}.{level}"
        everything += campaign(random, honest, name, *size, LEVELS[level], width_s, how)
    for number in range(offices):
        everything += office(random, honest, f"office{number}")
    return sorted(everything)


def tried(votes: Sequence[Vote]) -> Trial:
    """The trial on votes that name their groups."""
    begun = time.process_time()
    lockstep = Lockstep()
    for position, vote in enumerate(votes, 1):
        lockstep.add(vote.voter, vote.tool, vote.ship, vote.at_s, position)
    added = time.process_time()
    groups = [group for group in lockstep.groups() if group is not None]
    trial = Trial(votes=len(votes), adding_s=added - begun, grouping_s=time.process_time() - added)
    bots = defaultdict(set)
    for vote in votes:
        if vote.group.startswith("campaign"):
            bots[vote.group].add(vote.voter)
    found = _found(votes, groups, trial)
    for name, voters in sorted(bots.items()):
        recall = len(found[name] & voters) / len(voters)
        trial.planted.append(Planted(int(name.partition(".")[2]), len(voters), recall))
    return trial


def _found(votes: Sequence[Vote], groups: Sequence[Group], trial: Trial) -> dict[str, set[str]]:
    """Of each campaign the voters in the group that is mostly of it."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for group in groups:
        voters = {votes[cast.position - 1].voter for cast in group.casts}
        of = {
            votes[cast.position - 1].voter: votes[cast.position - 1].group for cast in group.casts
        }
        counts = Counter(of.values())
        trial.offices += any(name.startswith("office") for name in counts)
        ((name, number),) = counts.most_common(1)
        if name.startswith("campaign"):
            trial.members += len(voters)
            trial.wrong += len(voters) - number
            found[name] |= {voter for voter in voters if of[voter] == name}
        elif not name:
            trial.honest.append(len(voters))
    return found


class Summary(Struct):
    """Of several trials: found campaigns and found bots by level, of campaigns of `AIMED_BOTS_MIN`
    bots at least; the share of the voters in groups that belong there; groups of nobody planted."""

    found: dict[int, float]
    recall: dict[int, float]
    precision: float
    honest: int
    offices: int


def summed(trials: Sequence[Trial]) -> Summary:
    by_level: dict[int, list[Planted]] = defaultdict(list)
    for trial in trials:
        for each in trial.planted:
            if each.bots >= AIMED_BOTS_MIN:
                by_level[each.level].append(each)
    members = sum(trial.members for trial in trials)
    return Summary(
        found={
            level: sum(each.recall >= FOUND_SHARE_MIN for each in all_) / len(all_)
            for level, all_ in sorted(by_level.items())
        },
        recall={
            level: sum(each.recall * each.bots for each in all_) / sum(each.bots for each in all_)
            for level, all_ in sorted(by_level.items())
        },
        precision=1 - sum(trial.wrong for trial in trials) / members if members else 1.0,
        honest=sum(len(trial.honest) for trial in trials),
        offices=sum(trial.offices for trial in trials),
    )
