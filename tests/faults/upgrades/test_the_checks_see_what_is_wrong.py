"""Planted: each kind of wrong that other read models or another log may bring is found."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.faults.soak import record as records
from tests.faults.soak.judge import Log, judge_numbers
from tests.faults.soak.record import FRESH_S, Record
from tests.faults.upgrades.checks import judge_counts
from tests.faults.upgrades.house import House
from tests.faults.upgrades.people import Counting, Counts, Page
from tests.integration.live.sse import Event
from votes.domain import vote
from votes.domain.terms import ToolId, VoterId

NEW, RAISED = "with a new model", "with raised versions"
TOOL = ToolId("atlas")
STORED = [
    (1, "atlas", "VoteCast"),
    (2, "bolt", "VoteCast"),
    (3, "atlas", "VoteRetracted"),
    (4, "atlas", "VoteCast"),
]


@pytest.fixture
def record() -> Record:
    return Record(1, [TOOL, "bolt", "canva", "figma"], [])


@pytest.fixture
def page(record) -> Page:
    house = House(Path("nowhere"))
    house.ports = [1]
    return Page(record, house, 0, None)


def tally(position: int, ship: int, skip: int) -> dict:
    return {"tool": TOOL, "position": position, "ship": ship, "skip": skip, "stale": False}


@pytest.mark.parametrize(
    "counts",
    [
        Counts(NEW, 0, {}),
        Counts(NEW, 3, {"atlas": (2, 3), "bolt": (1, 2)}),
        Counts(RAISED, 3, {"atlas": (1, 1), "bolt": (1, 2)}),
        Counts(NEW, 2, {"atlas": (3, 4), "bolt": (1, 2)}),
    ],
    ids=["at the beginning", "a new model", "a raised version", "a part that is ahead"],
)
def test_counts_that_the_log_gives_are_right(record, counts):
    judge_counts(record, [counts], STORED)
    assert record.complaints == {}


@pytest.mark.parametrize(
    "counts",
    [
        Counts(NEW, 4, {"atlas": (1, 4), "bolt": (1, 2)}),
        Counts(NEW, 4, {"atlas": (2, 4), "bolt": (1, 2)}),
        Counts(NEW, 4, {"atlas": (2, 3), "bolt": (1, 2)}),
        Counts(NEW, 4, {"atlas": (3, 4)}),
        Counts(RAISED, 3, {"atlas": (2, 3), "bolt": (1, 2)}),
    ],
    ids=[
        "begun at the head",
        "an event is left out",
        "an event is not folded yet",
        "a key is missing",
        "that of the version before",
    ],
)
def test_a_count_that_the_log_does_not_give_is_wrong(record, counts):
    judge_counts(record, [counts], STORED)
    assert record.complained["a wrong count was shown"] == 1


@pytest.mark.parametrize(
    ("after_s", "stale", "complaints"),
    [(FRESH_S + 0.1, False, 1), (FRESH_S + 0.1, True, 0), (FRESH_S - 0.1, False, 0)],
)
def test_a_fresh_count_is_as_far_as_what_was_acknowledged_well_before(
    record, monkeypatch, after_s, stale, complaints
):
    now = SimpleNamespace(s=100.0)
    monkeypatch.setattr(records, "monotonic", lambda: now.s)
    record.acknowledge(TOOL, 2)
    Counting(record, NEW, 1).take({"position": 1, "stale": stale, "counts": {}}, now.s + after_s)
    assert record.complained["old numbers shown as fresh"] == complaints


def test_a_number_of_the_log_that_was_lost_is_wrong(record):
    """At its position stands another vote by now, or none."""
    restored = Log()
    for position, choice in ((1, "ship"), (2, "skip")):
        who = VoterId(f"visitor:{position}")
        restored.add(position, vote.stream(who, TOOL), TOOL, choice)
    record.saw("there", tally(1, 1, 0), 0.0)
    judge_numbers(record, restored)
    assert record.complaints == {}
    record.saw("there", tally(2, 2, 0), 0.0)
    record.saw("there", tally(3, 2, 1), 0.0)
    judge_numbers(record, restored)
    assert record.complained["a wrong number was shown"] == 2


@pytest.mark.parametrize(
    ("world", "live"), [("e1.2", True), ("e1.1", False), ("e1.2.stale", False)]
)
def test_a_stream_is_right_in_live_models_that_are_not_those_before(page, world, live):
    assert not page.is_live(())
    page._take(Event(f"{world}-7", "tally", tally(7, 1, 0)))
    assert page.is_live({"e1.1"}) == live


def test_a_stream_that_goes_back_is_wrong(page):
    for position in (7, 6):
        page._take(Event(f"e1.{position}-{position}", "tally", tally(position, 1, 0)))
    assert page.record.complained["a stream went back"] == 1
