"""The scan: what it finds in planted campaigns, how often it is wrong, and how fast it is.

Times are of the processor, not of the clock.
"""

import time
from random import Random
from statistics import median

from tests.benchmarks.measuring.rounds import Result, Settings
from tests.scan.planting import made_votes, shuffled
from tests.scan.trials import planted, scanned, summed, tried
from votes.scan.lockstep import Lockstep
from votes.scan.newness import Newness
from votes.scan.state import SEGMENT

VOTES = 1_200_000
NEW_VOTES = 2_000


def run(settings: Settings) -> list[Result]:
    trials = []
    for seed in range(settings.rounds):
        random = Random(1_000 + seed)
        trials.append(tried(planted(random, _honest(random), campaigns=20, offices=3)))
    false = sum(
        len(scanned(shuffled(Random(seed), _honest(Random(seed))))[1])
        for seed in range(settings.rounds)
    )
    notes = [
        f"{len(trials)} trials of 20 campaigns and 3 offices in 60,000 votes: {summed(trials)}",
        f"{settings.rounds} shuffled logs of 60,000 votes: {false} groups found",
        *_speed(),
    ]
    rates = {"votes added": [trial.votes / trial.adding_s for trial in trials]}
    return [Result("fraud", "votes/s, one process", rates, [], notes)]


def _honest(random: Random):
    return made_votes(random, votes=60_000, voters=8_000, tools=300, days=90)


def _speed() -> list[str]:
    """A million votes as a process meets them that is far behind, then single new ones."""
    random = Random(1)
    votes = made_votes(random, votes=VOTES, voters=200_000, tools=3_000, days=90)
    parts = [
        planted(random, votes[start : start + SEGMENT], campaigns=3, offices=0)
        for start in range(0, len(votes), SEGMENT)
    ]
    newness, lockstep, read = Newness(), Lockstep(), 0
    begun = time.process_time()
    for part in parts:
        for position, vote in enumerate(part, read):
            newness.add(vote.voter, vote.tool, vote.ship, vote.at_s, position)
        lockstep, _ = scanned(part)
        read += len(part)
    whole_s = time.process_time() - begun
    single = []
    for number in range(NEW_VOTES):
        vote = random.choice(votes)
        begun = time.process_time()
        lockstep.add(f"new{number}", vote.tool, vote.ship, votes[-1].at_s + number, number)
        single.append(time.process_time() - begun)
    begun = time.process_time()
    list(lockstep.groups())
    looked_s = time.process_time() - begun
    rare = sorted(single)[-len(single) // 500]
    return [
        f"{read:,} votes and their groups: {whole_s:.1f} s of one processor",
        f"one new vote: median {median(single) * 1e6:.0f} us, one in 500 above {rare * 1e6:.0f} us",
        f"a look for groups in {lockstep.casts.size:,} votes: {looked_s:.2f} s, in a thread",
    ]
