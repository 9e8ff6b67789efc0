"""An alarm where many new voters come to one tool, hardly ever by chance."""

from random import Random
from statistics import mean

import pytest

from tests.running.lengths import length
from votes.scan import newness
from votes.scan.newness import Newness

RUNS = length(short=40, long=1_000)


def vote(detectors, random, share, tool, position, ship=True):
    """A vote on the tool, with this chance of a new voter. An old voter voted days before."""
    at_s = 10 * newness.QUIET_S + position
    name = f"old{random.randrange(50)}"
    if random.random() < share:
        name = f"new{position}"
    return detectors.add(name, tool, ship, at_s, position)


def prepared(random, share):
    detectors = Newness()
    for number in range(50):
        detectors.add(f"old{number}", "first", True, 0, 0)
    for position in range(3_000):
        vote(detectors, random, share, f"other{position % 5}", position)
    return detectors


def run_length(random, share, of_tool, longest):
    detectors = prepared(random, share)
    for number in range(longest):
        vote(detectors, random, share, "other1", 3_000 + 2 * number)
        if vote(detectors, random, of_tool, "atlas", 3_001 + 2 * number) is not None:
            return number + 1
    return longest


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_false_alarm_is_as_rare_as_stated(share, monkeypatch, measured):
    """At the very edge of what is no change, with an ALPHA that is large enough to see alarms."""
    alpha = 0.02
    monkeypatch.setattr(newness, "ALPHA", alpha)
    edge = (1 + share) / 2
    lengths = [run_length(Random(seed), share, edge - 0.02, 1_000) for seed in range(RUNS)]
    measured(
        f"share {share}: an alarm each {mean(lengths):.0f} votes or more, stated {1 / alpha:.0f}"
    )
    assert mean(lengths) >= 1 / alpha


@pytest.mark.parametrize(("share", "votes_max"), [(0.1, 30), (0.5, 80)])
def test_a_crowd_of_new_voters_is_noticed(share, votes_max):
    assert run_length(Random(1), share, 1.0, 1_000) <= votes_max


def test_an_alarm_says_since_when_and_how_many():
    random = Random(1)
    detectors = prepared(random, 0.1)
    for position in range(3_000, 3_100):
        vote(detectors, random, 0.1, "atlas", position)
    found = [vote(detectors, random, 1.0, "atlas", n, n % 4 > 0) for n in range(4_000, 4_060)]
    (alarm,) = [burst for burst in found if burst is not None]
    assert alarm.tool == "atlas"
    assert alarm.new <= alarm.votes <= alarm.new + 3
    assert 10 * newness.QUIET_S + 4_000 - 20 <= alarm.start_s <= 10 * newness.QUIET_S + 4_000
    assert alarm.position == alarm.end_s - 10 * newness.QUIET_S
    assert 0.6 <= alarm.ship / alarm.votes <= 0.9
    assert 0.05 <= alarm.usual <= 0.15


def test_there_is_one_alarm_a_day():
    random = Random(1)
    detectors = prepared(random, 0.1)
    found = []
    for number in range(300):
        for voter in range(10):
            at_s = 11 * newness.QUIET_S + number * 600
            found.append(detectors.add(f"n{number}.{voter}", "atlas", True, at_s, number))
    days = [alarm.end_s // newness.QUIET_S for alarm in found if alarm is not None]
    assert len(days) == len(set(days)) == 3


def test_where_everybody_is_new_nobody_stands_out():
    detectors = Newness()
    for number in range(5_000):
        assert detectors.add(f"n{number}", f"tool{number % 7}", True, number, number) is None
