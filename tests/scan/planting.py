"""Campaigns planted into votes, an office, and honest votes that are made up or shuffled."""

import csv
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import NamedTuple

HOUR_S, DAY_S = 3_600, 86_400


class Vote(NamedTuple):
    """A vote at whole seconds since 1970; an honest voter's `group` is the empty text."""

    at_s: int
    tool: str
    voter: str
    ship: bool
    group: str = ""


class Noise(NamedTuple):
    """How a campaign hides: the share of its tools that a bot skips, of votes that come up to five
    days late, of votes with the choice of an honest voter, and how many other votes a bot casts."""

    skipped: float
    late: float
    honest: float
    others: int


LEVELS = (Noise(0.0, 0.0, 0.0, 0), Noise(0.25, 0.1, 0.05, 3), Noise(0.4, 0.2, 0.15, 8))


class Honest:
    """Honest votes, which are counted once, however much is planted among them."""

    def __init__(self, votes: Sequence[Vote]) -> None:
        self.votes = votes
        self.seen = Counter(vote.tool for vote in votes)
        self.ships = Counter(vote.tool for vote in votes if vote.ship)
        self.tools = sorted(self.seen)
        self.weights = list(accumulate(self.seen[tool] ** 0.5 for tool in self.tools))

    def ships_on(self, random: Random, tool: str) -> bool:
        """The choice of an honest voter."""
        return random.random() < self.ships[tool] / self.seen[tool]


def real_votes(folder: Path) -> list[Vote]:
    """The votes of the bitcoin-otc web of trust; see the README beside them."""
    with (folder / "bitcoin-otc-votes.csv").open(newline="") as file:
        return [
            Vote(
                int(datetime.fromisoformat(row["at"]).timestamp()),
                row["tool"],
                row["voter"],
                row["choice"] == "ship",
            )
            for row in csv.DictReader(file)
        ]


def made_votes(random: Random, votes: int, voters: int, tools: int, days: int) -> list[Vote]:
    """Honest votes: popular tools and busy voters, hours of the day, a share of ship each tool."""
    shares = [random.betavariate(4, 2) for _ in range(tools)]
    who = random.choices(range(voters), [1 / (n + 5) ** 0.8 for n in range(voters)], k=votes)
    what = random.choices(range(tools), [1 / (n + 3) for n in range(tools)], k=votes)
    made: dict[tuple[int, int], Vote] = {}
    for voter, tool in zip(who, what, strict=True):
        at_s = START_S + random.randrange(days) * DAY_S + int(random.triangular(0, DAY_S, 54_000))
        ship = random.random() < shares[tool]
        made.setdefault((voter, tool), Vote(at_s, f"t{tool}", f"h{voter}", ship))
    return sorted(made.values())


START_S = 1_760_000_000 // DAY_S * DAY_S


def shuffled(random: Random, votes: Sequence[Vote]) -> list[Vote]:
    """The same votes with their times dealt out anew: whoever was in lockstep is no more."""
    times = [vote.at_s for vote in votes]
    random.shuffle(times)
    return sorted(vote._replace(at_s=at_s) for vote, at_s in zip(votes, times, strict=True))


def campaign(
    random: Random,
    honest: Honest,
    name: str,
    bots: int,
    tools: int,
    noise: Noise,
    width_s: int,
    how: str,
) -> list[Vote]:
    """A campaign among honest votes. Each tool has its own window of this width within three weeks
    (`how` is "apart"), or all have the same ("together"), or each bot votes on all of its tools
    within minutes ("sessions")."""
    names = honest.tools
    targets: list[str] = []
    while len(targets) < min(tools, len(names)):
        (tool,) = random.choices(names, cum_weights=honest.weights)
        if tool not in targets:
            targets.append(tool)
    base = random.choice(honest.votes).at_s
    spread = random.choice((1, 7, 21)) * DAY_S if how == "apart" else 0
    starts = {tool: base + random.randint(0, spread) for tool in targets}
    sides = {tool: random.random() < 0.7 for tool in targets}
    made = []
    for bot in range(bots):
        voter, session_s = f"{name}-{bot}", int(random.random() * width_s)
        for tool in targets:
            if random.random() < noise.skipped:
                continue
            at_s = starts[tool]
            at_s += session_s if how == "sessions" else int(random.random() * width_s)
            if random.random() < noise.late:
                at_s += int(random.random() * 5 * DAY_S)
            ship = sides[tool]
            if random.random() < noise.honest:
                ship = honest.ships_on(random, tool)
            made.append(Vote(at_s, tool, voter, ship, name))
        number = random.randint(0, noise.others)
        for tool in sorted({random.choice(names) for _ in range(number)} - set(targets)):
            at_s = base + random.randint(-10 * DAY_S, 10 * DAY_S)
            made.append(Vote(at_s, tool, voter, honest.ships_on(random, tool), name))
    return made


def office(random: Random, honest: Honest, name: str, people: int = 200) -> list[Vote]:
    """Honest people who vote on the same day, on some of the same tools, as they like. The tools
    are popular ones, any, or new ones."""
    seen, ships = honest.seen, honest.ships
    number = random.choice((1, 5, 12, 40))
    known = random.choice(
        (
            [tool for tool, _ in seen.most_common(number)],
            random.sample(honest.tools, number),
            [f"{name}-tool-{n}" for n in range(number)],
        )
    )
    share = ships.total() / seen.total()
    shares = {tool: (ships[tool] + 2 * share) / (seen[tool] + 2) for tool in known}
    day_s = random.choice(honest.votes).at_s // DAY_S * DAY_S
    hours, liked_max = random.choice((0.1, 1, 4, 9)), random.choice((2, 5, 12))
    made = []
    for person in range(people):
        liked = random.sample(known, min(len(known), random.randint(1, liked_max)))
        begun_s = day_s + 8 * HOUR_S + int(random.random() * hours * HOUR_S)
        for place, tool in enumerate(liked):
            ship = random.random() < shares[tool]
            made.append(Vote(begun_s + 20 * place, tool, f"{name}-{person}", ship, name))
    return made
