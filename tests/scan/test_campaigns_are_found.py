"""Campaigns planted into votes, real ones and made-up ones, are found; honest voters are not."""

from random import Random

import pytest

from tests.running.lengths import length
from tests.scan.planting import LEVELS, Honest, campaign, made_votes, office, real_votes, shuffled
from tests.scan.trials import planted, scanned, summed, tried

TRIALS = length(short=2, long=20)
HONEST = length(short=3, long=40)
PRECISION_MIN, FOUND_MIN = 0.95, 0.9


def honest_votes(random):
    return made_votes(random, votes=20_000, voters=4_000, tools=200, days=60)


def aims_are_met(trials, measured, votes):
    summary = summed(trials)
    measured(f"{len(trials)} trials in {votes}: {summary}")
    assert summary.precision >= PRECISION_MIN
    assert min(summary.found.values()) >= FOUND_MIN
    assert min(summary.recall.values()) >= FOUND_MIN
    assert summary.offices == 0
    return summary


def test_in_made_up_votes(measured):
    trials = []
    for seed in range(TRIALS):
        random = Random(seed)
        votes = made_votes(random, votes=60_000, voters=8_000, tools=300, days=90)
        trials.append(tried(planted(random, votes, campaigns=20, offices=3)))
    assert aims_are_met(trials, measured, "made-up votes").honest == 0


def test_in_real_votes(test_data, measured):
    """There is a real campaign in these: in August 2013 some thirty voters, hardly seen before or
    after, voted on the same thirty tools within hours."""
    votes = real_votes(test_data)
    trials = [
        tried(planted(Random(seed), votes, campaigns=20, offices=3)) for seed in range(TRIALS)
    ]
    assert aims_are_met(trials, measured, "real votes").honest <= 2 * len(trials)


def test_nothing_is_found_among_honest_voters(test_data, measured):
    groups = []
    for seed in range(HONEST):
        random = Random(seed)
        for votes in (shuffled(random, real_votes(test_data)), honest_votes(random)):
            honest = Honest(votes)
            offices = [vote for n in range(4) for vote in office(random, honest, f"o{n}")]
            groups += scanned(sorted([*votes, *offices]))[1]
    measured(f"{2 * HONEST} honest logs with {8 * HONEST} offices: {len(groups)} groups found")
    assert groups == []


@pytest.mark.parametrize("choices", ["as they like", "one"])
def test_a_crowd_with_the_same_tools_at_the_same_times_needs_one_choice_too(choices):
    random = Random(1)
    votes = honest_votes(random)
    crowd = campaign(random, Honest(votes), "crowd", 100, 8, LEVELS[0], 600, "together")
    if choices == "as they like":
        crowd = [vote._replace(ship=random.random() < 0.5) for vote in crowd]
    _, groups = scanned(sorted(votes + crowd))
    assert [len(group.voters) for group in groups] == ([] if choices == "as they like" else [100])


def test_a_pair_of_tools_is_no_campaign():
    """Whoever compares two tools votes on both, at the same time."""
    random = Random(1)
    votes = honest_votes(random)
    crowd = campaign(random, Honest(votes), "crowd", 300, 3, LEVELS[0], 600, "together")
    assert scanned(sorted(votes + crowd))[1] == []


def test_a_group_is_all_votes_of_its_voters_on_its_tools():
    random = Random(2)
    votes = honest_votes(random)
    bots = campaign(random, Honest(votes), "campaign", 80, 8, LEVELS[2], 3_600, "apart")
    everything = sorted(votes + bots)
    _, (group,) = scanned(everything)
    tools = {window.tool for window in group.windows}
    voters = {everything[cast.position - 1].voter for cast in group.casts}
    of_them = [
        position
        for position, vote in enumerate(everything, 1)
        if vote.voter in voters and vote.tool in tools
    ]
    assert sorted(cast.position for cast in group.casts) == of_them
    assert all(voter.startswith("campaign-") for voter in voters)
