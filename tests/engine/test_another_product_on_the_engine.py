"""The engine carries a product that knows no vote: its commands, its read models, its audit.

What holds for every product is in the suites that run with both: see `products.py`.
"""

import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.toy import (
    AT,
    EVENTS,
    PLACES,
    STOCKS,
    TOY,
    Lose,
    Move,
    ParcelMoved,
    Stock,
    commands,
    request,
)
from votes.engine.bulk import submit_all
from votes.engine.decider import Rejected
from votes.engine.handle import Outcome
from votes.engine.log import Recorded, Stream
from votes.engine.projecting.projector import fold_log
from votes.engine.projection import PARKED, Projection, Projections, partition_of
from votes.engine.read_models import ReadModels
from votes.store.codec import Codec


async def folded(asked: list[Move | Lose]) -> tuple[ReadModels, dict[str, str]]:
    """The models of the log that the commands lead to, and where each parcel then is."""
    store = MemoryEventStore(MemoryLog(), codec=Codec(EVENTS))
    answers = await submit_all(store, [request(command) for command in asked])
    places: dict[str, str] = {}
    for command, answer in zip(asked, answers, strict=True):
        match command:
            case Move(parcel, town):
                assert isinstance(answer, Outcome)
                places[parcel] = town
            case Lose(parcel):
                assert isinstance(answer, Rejected) == (parcel not in places)
                places.pop(parcel, None)
    models = ReadModels(TOY, await store.epoch())
    await fold_log(store, models)
    return models, places


@given(st.lists(commands, max_size=40))
async def test_its_models_equal_a_recount_whatever_was_asked(asked):
    models, places = await folded(asked)
    assert dict(models.items(PLACES)) == places
    stocks = {town: stock.parcels for town, stock in models.items(STOCKS)}
    assert stocks == Counter(places.values())
    assert models.parked() == {}


def test_an_event_is_left_out_where_it_cannot_be_folded_and_nowhere_else():
    assert partition_of("aalen") != partition_of("bath")
    models = ReadModels(TOY, "epoch")
    moved = Recorded(1, Stream("parcel:p1"), 1, ParcelMoved("p1", "aalen", left="bath"), AT)
    changes = models.fold([moved])
    assert models.get(STOCKS, "aalen") == Stock(1, 1)
    assert models.get(STOCKS, "bath") is None
    assert [parked.kind for parked in changes.parked().values()] == ["ParcelMoved"]


def test_what_is_no_longer_is_gone_from_the_changes_of_others_too():
    models, follower = ReadModels(TOY, "epoch"), ReadModels(TOY, "epoch")
    for position, town in enumerate(("aalen", "bath"), 1):
        left = None if position == 1 else "aalen"
        event = ParcelMoved("p1", town, left)
        changes = models.fold([Recorded(position, Stream("parcel:p1"), position, event, AT)])
        follower.adopt(changes)
    assert follower.partitions[partition_of("aalen")].of(STOCKS) == {}
    assert dict(follower.items(STOCKS)) == dict(models.items(STOCKS)) == {"bath": Stock(1, 2)}


def test_whoever_adds_an_event_says_which_model_hears_of_it():
    class ParcelWeighed(Stock, frozen=True): ...

    with pytest.raises(ValueError, match="neither projected nor ignored, or both: ParcelWeighed"):
        Projections([STOCKS], events=(*EVENTS, ParcelWeighed), ignored=(), release="1")
    with pytest.raises(ValueError, match="or both: ParcelLost"):
        Projections([STOCKS], events=EVENTS, ignored=(EVENTS[1],), release="1")
    with pytest.raises(ValueError, match=r"or both: ParcelLost, ParcelWeighed$"):
        Projections([STOCKS], events=(*EVENTS, ParcelWeighed), ignored=(EVENTS[1],), release="1")


def test_a_model_is_found_by_its_name():
    assert TOY.named == {"stocks": STOCKS, "places": PLACES, "parked": PARKED}


def test_models_of_another_version_or_name_have_another_signature():
    raised = Projection("stocks", Stock, on=STOCKS.on, evolve=STOCKS.evolve, version=2)
    named = Projection("stock", Stock, on=STOCKS.on, evolve=STOCKS.evolve)
    others: list[list[Projection[Any]]] = [[STOCKS], [raised], [named], [STOCKS, PLACES]]
    found = {
        Projections(models, events=EVENTS, ignored=(), release=release).signature
        for models in others
        for release in ("1", "2")
    }
    assert len(found) == 4
    assert Projections([PLACES, STOCKS], EVENTS, (), "1").signature == TOY.signature


def test_it_can_be_lifted_out():
    """What the engine loads is its own: no vote, no tool, no driver."""
    script = (
        "import pkgutil, sys, votes.engine as e\n"
        "for m in pkgutil.walk_packages(e.__path__, 'votes.engine.'): __import__(m.name)\n"
        "print(*sorted(n for n in sys.modules if n.startswith('votes.')))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = run.stdout.split()
    assert "votes.engine.reading.reader" in loaded
    assert all(name.startswith("votes.engine") for name in loaded)
