"""Planted: each kind of wrong that a soak is to find is found."""

from types import SimpleNamespace

import pytest

from tests.faults.soak import record as records
from tests.faults.soak.judge import (
    Log,
    judge_latency,
    judge_numbers,
    judge_votes,
    verdict,
)
from tests.faults.soak.record import FRESH_S, Acknowledged, Outage, Record
from tests.faults.soak.wire import Answer
from votes.domain import vote
from votes.domain.terms import ToolId, VoterId

TOOL = ToolId("notion")
VOTES = (("ada", "ship"), ("bob", "skip"), ("ada", "skip"), ("bob", None))


@pytest.fixture
def clock(monkeypatch):
    """The time at which answers are noted."""
    now = SimpleNamespace(s=100.0)
    monkeypatch.setattr(records, "monotonic", lambda: now.s)
    return now


@pytest.fixture
def record():
    return Record(1, [TOOL], [])


@pytest.fixture
def log():
    found = Log()
    for position, (voter, choice) in enumerate(VOTES, 1):
        found.add(position, vote.stream(VoterId(voter), TOOL), TOOL, choice)
    return found


def tally(position: int, ship: int, skip: int, *, stale: bool = False) -> dict:
    return {"tool": TOOL, "position": position, "ship": ship, "skip": skip, "stale": stale}


def test_a_run_in_which_all_is_right_has_no_complaint(record, log, clock):
    for position, (voter, choice) in enumerate(VOTES, 1):
        stream = vote.stream(VoterId(voter), TOOL)
        record.acknowledged.append(Acknowledged(stream, choice, position))
        record.choices[stream] = choice
        record.acknowledge(TOOL, position)
    for position, counts in enumerate(((0, 0), (1, 0), (1, 1), (0, 2), (0, 1), (0, 1))):
        record.saw("there", tally(position, *counts), clock.s)
    record.votes = [(0.0, 0.5)] * 100
    judge_votes(record, log)
    judge_numbers(record, log)
    judge_latency(record)
    assert verdict(record) == []


@pytest.mark.parametrize("counts", [(1, 1), (0, 1), (-1, 2)])
def test_a_number_that_the_log_does_not_give_is_wrong(record, log, counts):
    record.saw("there", tally(3, *counts), 0.0)
    judge_numbers(record, log)
    assert record.complained["a wrong number was shown"] == 1


def test_two_numbers_of_one_position_are_wrong(record):
    record.saw("here", tally(3, 0, 2), 0.0)
    record.saw("there", tally(3, 1, 2), 0.0)
    assert record.complained["two numbers of one position"] == 1


@pytest.mark.parametrize(
    ("after_s", "stale", "complaints"),
    [(FRESH_S + 0.1, False, 1), (FRESH_S + 0.1, True, 0), (FRESH_S - 0.1, False, 0)],
)
def test_a_fresh_number_counts_what_was_acknowledged_well_before(
    record, clock, after_s, stale, complaints
):
    record.acknowledge(TOOL, 2)
    record.saw("there", tally(1, 1, 0, stale=stale), clock.s + after_s)
    assert record.complained["old numbers shown as fresh"] == complaints


def test_a_vote_that_is_not_at_its_position_is_lost(record, log):
    record.acknowledged.append(Acknowledged(vote.stream(VoterId("eve"), TOOL), "ship", 4))
    judge_votes(record, log)
    assert record.complained["an acknowledged vote is lost"] == 1


def test_a_choice_that_is_not_the_last_is_lost(record, log):
    record.choices[vote.stream(VoterId("bob"), TOOL)] = "skip"
    judge_votes(record, log)
    assert record.complained["an acknowledged choice is lost"] == 1


@pytest.mark.parametrize(
    ("outages", "slow"),
    [
        ([], True),
        ([Outage("valkey", 0, 10)], True),
        ([Outage("api", 3, 5)], True),
        ([Outage("api", 3, 9)], False),
        ([Outage("postgres", 3, 5)], False),
        ([Outage("the machine", 3, 5)], False),
    ],
)
def test_votes_are_slow_unless_there_is_a_reason(record, outages, slow):
    record.votes = [(0.5, 0.6)] * 97 + [(2.5, 9.5)] * 3
    record.outages = outages
    judge_latency(record)
    assert bool(record.complained["votes are slow"]) == slow


@pytest.mark.parametrize(
    ("status", "hostile", "complaints"),
    [(500, False, 1), (500, True, 1), (501, True, 0), (501, False, 1), (503, True, 0), (404, 0, 0)],
)
def test_an_answer_of_500_is_wrong(record, status, hostile, complaints):
    headers = {"content-type": "application/problem+json", "retry-after": "1"}
    record.answered("there", Answer(status, headers, b""), hostile=hostile)
    assert len(verdict(record)) == complaints


def test_a_503_says_when_to_come_again(record):
    record.answered("there", Answer(503, {"content-type": "application/problem+json"}, b""))
    assert record.complained["503 without Retry-After"] == 1
