"""The two products that the engine's suites run with, and all that these know of either.

In both a stream holds one of two values, or none: of a voter and a tool the choice, of a parcel
the town.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from msgspec import Struct

from tests import toy
from tests.domain.histories import Log, histories, log_of
from tests.engine.commands.sending import cast, delisted, listed, request, retract
from votes.domain import tool, vote
from votes.domain.events import EVENT_TYPES
from votes.domain.terms import ToolId, VoterId
from votes.engine.handle import Request
from votes.engine.log import Recorded, Stream
from votes.engine.projection import Projections
from votes.engine.read_models import ReadModels
from votes.projections import PROJECTIONS
from votes.projections.tallies import TALLIES
from votes.store.codec import Codec

CODEC = Codec((*EVENT_TYPES, *toy.EVENTS))
"""Knows the events of both."""

Story = Callable[[str], list[Request]]


class Product(Struct, frozen=True):
    """`put` and `clear` set what a stream holds, `stream` names it: each of a person and a thing.

    `first` makes a thing ready, by as many events as `opening` says; `ready` is then the state of
    its other streams. `held` is where a state and an event say what the stream holds, `replaced`
    where an event says what it held before. Those who hold the same count as one `group`;
    `counted` is how many each has by the read models. `logs` are the events that any commands lead
    to.

    `stories` are pasts of a thing, `asked` what may then be asked, decided on `streams`.
    """

    projections: Projections
    values: tuple[str, str]
    first: Callable[..., Request]
    opening: int
    put: Callable[..., Request]
    clear: Callable[..., Request]
    stream: Callable[..., Stream]
    ready: Any
    held: str
    replaced: str
    group: Callable[[Recorded], Hashable]
    counted: Callable[[ReadModels], Counter[Hashable]]
    logs: SearchStrategy[list[Recorded]]
    stories: dict[str, Story]
    asked: dict[str, Callable[[str], Request]]
    streams: Callable[[str], Sequence[Stream]]

    def of(self, said: Any) -> str | None:
        """What the stream holds, by its state or its last event."""
        return getattr(said, self.held, None)

    def recounted(self, events: Iterable[Recorded]) -> Counter[Hashable]:
        """What `counted` has to be, by the last events of the streams."""
        last = {recorded.stream: recorded for recorded in events}
        holding = [recorded for recorded in last.values() if self.of(recorded.event)]
        return Counter(self.group(recorded) for recorded in holding)


def tallied(models: ReadModels) -> Counter[Hashable]:
    """The votes on each tool by choice."""
    votes: Counter[Hashable] = Counter()
    for slug, tally in models.items(TALLIES):
        votes[slug, "ship"], votes[slug, "skip"] = tally.ship, tally.skip
    return votes


VOTES = Product(
    PROJECTIONS,
    values=("ship", "skip"),
    first=listed,
    opening=2,
    put=cast,
    clear=retract,
    stream=lambda voter, slug="atlas": vote.stream(voter, slug),
    ready=vote.Vote(listed=True),
    held="choice",
    replaced="previous",
    group=lambda recorded: (recorded.subject, recorded.event.choice),
    counted=tallied,
    logs=histories.map(lambda history: log_of(history).events),
    stories={
        "listed again": lambda slug: [
            *(listed(slug), cast("ann", "ship", slug), delisted(slug)),
            *(listed(slug, "Again"), cast("ann", "skip", slug)),
        ],
        "delisted": lambda slug: [listed(slug), cast("ann", "ship", slug), delisted(slug)],
        "taken back": lambda slug: [listed(slug), cast("ann", "ship", slug), retract("ann", slug)],
    },
    asked={
        "ship": lambda slug: cast("ann", "ship", slug),
        "skip": lambda slug: cast("ann", "skip", slug),
        "ship, with a key": lambda slug: cast("ann", "ship", slug, key=f"{slug} ship"),
        "skip, with a key": lambda slug: cast("ann", "skip", slug, key=f"{slug} skip"),
        "retract": lambda slug: retract("ann", slug),
        "delist": delisted,
    },
    streams=lambda slug: (tool.stream(ToolId(slug)), vote.stream(VoterId("ann"), ToolId(slug))),
)


def named(who: str, whose: str = "atlas") -> str:
    return f"{who} of {whose}"


def moved(who: str, town: str, whose: str = "atlas", key: str | None = None) -> Request:
    return request(toy.Move(named(who, whose), town), key, town.encode())


def lost(who: str, whose: str = "atlas", key: str | None = None) -> Request:
    return request(toy.Lose(named(who, whose)), key)


def parcels_log(commands: Iterable[toy.Move | toy.Lose]) -> list[Recorded]:
    log = Log()
    for command in commands:
        log.submit(command)
    return log.events


PARCELS = Product(
    toy.TOY,
    values=("aalen", "bath"),
    first=lambda whose="atlas": moved("the first", "como", whose),
    opening=1,
    put=moved,
    clear=lost,
    stream=lambda who, whose="atlas": Stream(f"parcel:{named(who, whose)}"),
    ready=toy.Whereabouts(),
    held="town",
    replaced="left",
    group=lambda recorded: recorded.event.town,
    counted=lambda models: Counter({town: s.parcels for town, s in models.items(toy.STOCKS)}),
    logs=st.lists(toy.commands, max_size=40).map(parcels_log),
    stories={
        "moved": lambda whose: [moved("ann", "aalen", whose), moved("ann", "bath", whose)],
        "lost": lambda whose: [moved("ann", "aalen", whose), lost("ann", whose)],
    },
    asked={
        "aalen": lambda whose: moved("ann", "aalen", whose),
        "bath, with a key": lambda whose: moved("ann", "bath", whose, key=f"{whose} bath"),
        "lose": lambda whose: lost("ann", whose),
    },
    streams=lambda whose: (Stream(f"parcel:{named('ann', whose)}"),),
)

PRODUCTS = {"votes": VOTES, "parcels": PARCELS}
each_product = pytest.mark.parametrize("product", PRODUCTS.values(), ids=list(PRODUCTS))
"""Runs a test with both."""
