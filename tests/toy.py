"""Another product on the engine: parcels on their way between towns. It knows no vote."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, assert_never

from hypothesis import strategies as st
from msgspec import Struct

from votes.engine.decider import Decider, Rejected
from votes.engine.handle import Request
from votes.engine.log import Position, Recorded, Stream
from votes.engine.ports import Meta
from votes.engine.projection import Projection, Projections

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
TOWNS = ("aalen", "bath", "como", "delft")


class ParcelMoved(Struct, frozen=True):
    """`left` is the town where it was before, None for a new parcel."""

    parcel: str
    town: str
    left: str | None = None


class ParcelLost(Struct, frozen=True):
    parcel: str
    left: str


class Move(Struct, frozen=True):
    parcel: str
    town: str


class Lose(Struct, frozen=True):
    parcel: str


class Whereabouts(Struct, frozen=True):
    town: str | None = None


def evolve(state: Whereabouts, event: Any) -> Whereabouts:
    match event:
        case ParcelMoved(town=town):
            return Whereabouts(town)
        case ParcelLost():
            return Whereabouts()
        case _:
            return state


def decide(command: Move | Lose, state: Whereabouts) -> Sequence[Any] | Rejected:
    match command:
        case Move(parcel, town):
            return [] if town == state.town else [ParcelMoved(parcel, town, state.town)]
        case Lose(parcel):
            if state.town is None:
                return Rejected("parcel_unknown", "There is no such parcel.")
            return [ParcelLost(parcel, state.town)]
    assert_never(command)


decider: Decider[Move | Lose, Whereabouts] = Decider(
    initial=Whereabouts(),
    streams=lambda command: (Stream(f"parcel:{command.parcel}"),),
    subject=lambda command: command.parcel,
    evolve=evolve,
    decide=decide,
    usually_empty=lambda _, streams: streams,
)


def request(command: Move | Lose) -> Request:
    return Request(decider, command, Meta(actor="clerk"), AT)


parcels = st.sampled_from(["p1", "p2", "p3"])
commands = st.builds(Move, parcels, st.sampled_from(TOWNS)) | st.builds(Lose, parcels)


class Stock(Struct, frozen=True):
    """How many parcels are in a town, after the event at `position`."""

    parcels: int
    position: Position


def towns_of(recorded: Recorded) -> list[str]:
    event = recorded.event
    towns = (event.town, event.left) if isinstance(event, ParcelMoved) else (event.left,)
    return [town for town in towns if town is not None]


def stocked(stock: Stock | None, recorded: Recorded, town: str, _: Any) -> Stock | None:
    """None where no parcel is left."""
    parcels = stock.parcels if stock else 0
    parcels += 1 if getattr(recorded.event, "town", None) == town else -1
    if parcels < 0:
        raise ValueError("it leaves a town where it never was")
    return Stock(parcels, recorded.position) if parcels else None


def located(_: str | None, recorded: Recorded, *__: Any) -> str | None:
    return recorded.event.town if isinstance(recorded.event, ParcelMoved) else None


def parcel_of(recorded: Recorded) -> tuple[str]:
    return (recorded.event.parcel,)


EVENTS = (ParcelMoved, ParcelLost)
STOCKS = Projection("stocks", Stock, on=dict.fromkeys(EVENTS, towns_of), evolve=stocked)
PLACES = Projection(
    "places", str, on=dict.fromkeys(EVENTS, parcel_of), evolve=located, replicated=False
)
TOY = Projections([STOCKS, PLACES], events=EVENTS, ignored=(), release="1")
