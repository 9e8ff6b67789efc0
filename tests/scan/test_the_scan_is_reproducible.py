"""The same log leads to the same findings, wherever the scan began, and the state is bounded."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scan.planting import LEVELS, Honest, campaign, made_votes
from votes.domain.terms import RulingId, ToolId, VoterId
from votes.domain.vote import stream
from votes.domain.vote_events import VoteCast, VoteHeld, VoteReleased, VoteRetracted
from votes.engine.log import POSITION_MAX, Recorded, Stream, Unreadable
from votes.scan.lockstep import Lockstep
from votes.scan.state import Scan, begins

SEGMENT = 1_500
START = datetime(2026, 1, 1, tzinfo=UTC)


def logged(votes):
    """The events of the votes, at positions from 1."""
    return [
        Recorded(
            position,
            stream(VoterId(f"v:{vote.voter}"), ToolId(vote.tool)),
            1,
            VoteCast("ship" if vote.ship else "skip"),
            datetime.fromtimestamp(vote.at_s, UTC),
            vote.tool,
        )
        for position, vote in enumerate(votes, 1)
    ]


def with_campaigns(seed):
    random = Random(seed)
    votes = made_votes(random, votes=3_000, voters=600, tools=60, days=20)
    honest = Honest(votes)
    made = [
        campaign(random, honest, f"c{number}", 60, 6, LEVELS[1], 3_600, "together")
        for number in range(4)
    ]
    return sorted(votes + [vote for each in made for vote in each])


LOG = logged(with_campaigns(1))


def said(scan):
    """All that the scan finds, in its order."""
    groups = [group for group in scan.groups() if group is not None]
    return [
        (group.windows, [cast.position for cast in group.casts], group.lockstep, group.one_sided)
        for group in groups
    ]


def run(begun, until):
    scan = Scan(begun, SEGMENT)
    alarms = [scan.add(recorded) for recorded in LOG[begun:until]]
    return scan, [alarm for alarm in alarms if alarm is not None]


def test_there_is_something_to_find():
    assert len(said(run(0, len(LOG))[0])) >= 1


@settings(max_examples=8)
@given(st.integers(1, len(LOG)))
def test_a_scan_that_begins_later_says_the_same(position):
    begun = begins(position, SEGMENT)
    whole, anew = run(0, position)[0], run(begun, position)[0]
    assert said(anew) == said(whole)
    assert anew.lockstep.casts.size == whole.lockstep.casts.size == position - begun
    assert begun % SEGMENT == 0
    assert position - begun <= 2 * SEGMENT


@settings(max_examples=5)
@given(st.integers(SEGMENT + 1, len(LOG)))
def test_its_next_alarms_are_the_same(position):
    begun = begins(position, SEGMENT)
    first = position // SEGMENT * SEGMENT
    whole = [alarm for alarm in run(0, len(LOG))[1] if alarm.position > max(position, first)]
    anew = [alarm for alarm in run(begun, len(LOG))[1] if alarm.position > max(position, first)]
    assert anew == whole


@pytest.mark.parametrize("seed", range(2))
def test_the_order_of_equal_votes_does_not_matter(seed):
    """Within a log, positions are what orders votes of the same second."""
    votes = list(enumerate(with_campaigns(2), 1))
    lockstep, mixed = Lockstep(), Lockstep()
    for position, vote in votes:
        lockstep.add(vote.voter, vote.tool, vote.ship, vote.at_s, position)
    Random(seed).shuffle(votes)
    for position, vote in votes:
        mixed.add(vote.voter, vote.tool, vote.ship, vote.at_s, position)

    def found(one):
        return {
            (tuple(group.windows), tuple(sorted(cast.position for cast in group.casts)))
            for group in one.groups()
            if group is not None
        }

    assert found(mixed) == found(lockstep) != set()


def test_the_state_holds_two_segments_at_most():
    scan = Scan(0, SEGMENT)
    for recorded in LOG:
        scan.add(recorded)
        assert scan.lockstep.casts.size <= 2 * SEGMENT


def test_it_knows_the_tools_with_held_votes():
    at = START + timedelta(hours=1)
    votes = [stream(VoterId(f"v:{n}"), ToolId(f"tool{n}")) for n in range(3)]
    events = [
        (votes[0], VoteCast("ship", against="unproven")),
        (votes[1], VoteCast("ship", against="unchecked")),
        (votes[2], VoteCast("ship")),
        (votes[0], VoteReleased(RulingId("r"), "ship", "unproven")),
        (votes[1], VoteRetracted("ship", "unchecked")),
        (votes[0], VoteHeld(RulingId("r"), "ship", "unproven")),
    ]
    scan, known = Scan(), []
    for position, (name, event) in enumerate(events, 1):
        scan.add(Recorded(position, name, 1, event, at, name.rpartition(":")[2]))
        known.append(scan.tools_with_held_votes())
    one, other = "tool0", "tool1"
    assert known == [[one], [one, other], [one, other], [other], [], [one]]


def test_what_cannot_be_read_changes_nothing():
    scan = Scan()
    assert scan.add(Recorded(1, Stream(""), 0, Unreadable("Missing", 0, "lost"), START)) is None
    for place, name in enumerate(("", "vote:", "vote:x:y:z", "review:1:a:b"), 2):
        assert scan.add(Recorded(place, Stream(name), 1, VoteCast("ship"), START, "atlas")) is None
    assert (scan.position, scan.lockstep.casts.size) == (5, 0)


def test_a_long_gap_is_passed_at_once():
    scan = Scan(0, SEGMENT)
    for place in (1, POSITION_MAX - 1, POSITION_MAX):
        name = stream(VoterId(f"v:{place}"), ToolId("atlas"))
        scan.add(Recorded(place, Stream(name), 1, VoteCast("ship"), START, "atlas"))
    assert scan.lockstep.casts.size == 2
