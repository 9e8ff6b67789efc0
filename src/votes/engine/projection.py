"""A projection declares which events give which values, under which keys, and how."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, Generic, Protocol, TypeVar
from zlib import crc32

from msgspec import Struct, structs

from votes.engine.log import Columns, Recorded, Unreadable

Value = TypeVar("Value")

Keys = Callable[[Recorded], Iterable[str]]


class Before(Protocol):
    """Reads values as they were before an event."""

    def __call__(self, projection: "Projection[Value]", key: str, /) -> Value | None: ...


Evolve = Callable[[Value | None, Recorded, str, Before], Value | None]

Together = Callable[[str, Columns, Before], "Sequence[Change] | None"]
Change = tuple[str, str, Any]
"""The name of a projection, a key, and the new value; None where there is none any more."""

PARTITIONS = 16
PART = "@"
KIND_LENGTH_MAX = 100


class Projection(Struct, Generic[Value], frozen=True, eq=False):
    """Values by key, folded from the log alone.

    `on` gives for each type of event the keys of the values that it changes: none, one or many.
    `evolve(value, recorded, key, before)` returns the value after the event, None where there is
    none or no longer. An event on which it raises is parked. `before` reads the values of any
    projection, under keys of the same partition, as they were before the event. Raise `version`
    with each change of `on`, `evolve` or the value's shape: the read models are then built anew.

    Each API process holds the values of a `replicated` projection. Others have too many keys for
    that; their values are read by key from the store. `frame(models, key, stale)` encodes the value
    of a key as a response; it reads no values under other keys.
    """

    name: str
    value: type[Value]
    on: Mapping[type, Keys]
    evolve: Evolve[Value]
    version: int = 1
    replicated: bool = True
    frame: Callable[[Any, str, bool], bytes | None] | None = None


class Bulk(Struct, frozen=True):
    """Events of these types are folded many at a time, if they change these projections alone.

    All their keys are `thing` or `thing@part` of the thing that is their subject.
    `fold(thing, events, before)` returns the changes that events about one thing, in order, lead to
    together: the same values as by `evolve`, one event after another. `before` reads the values
    before the first of them. Where it returns None or raises, they are folded one by one.
    """

    types: frozenset[type] = frozenset()
    projections: tuple[Projection[Any], ...] = ()
    fold: Together = lambda *_: None


ONE_BY_ONE = Bulk()
"""No events are folded many at a time."""


class Parked(Struct, frozen=True):
    """An event that the read models leave out, with the reason and the release that left it out.

    `kind` is its type and schema where it could not be read, its type where it could not be folded.
    """

    kind: str
    reason: str
    release: str

    def worth_another_try(self, recorded: Recorded, release: str) -> bool:
        """Whether this release might fold the event."""
        if isinstance(recorded.event, Unreadable):
            return False
        return self.kind != type(recorded.event).__name__ or self.release != release


def _never(value: Parked | None, *_: object) -> Parked | None:
    return value


PARKED = Projection("parked", Parked, on={}, evolve=_never)
"""The parked events by position, in the partition that lacks them."""


@lru_cache(maxsize=20_000)
def partition_of(key: str) -> int:
    """The partition of a key. All keys `thing@part` of one thing are in the same partition."""
    return crc32(key.partition(PART)[0].encode()) % PARTITIONS


class Projections:
    """All projections of a product, in the order in which they are stored.

    `events` are all types of events. `ignored` are those that no projection is on: whoever adds a
    type of event has to name it, or `ValueError` is raised. `release` is the product's version.
    `bulk` says what may be folded many at a time.

    `signature` stands for the names and versions of the projections. Read models of another
    signature are stored separately: this release neither reads nor changes them.
    """

    def __init__(
        self,
        projections: Sequence[Projection[Any]],
        events: Collection[type],
        ignored: Collection[type],
        release: str,
        bulk: Bulk = ONE_BY_ONE,
    ) -> None:
        seen = {kind for projection in projections for kind in projection.on}
        if seen & set(ignored) or seen | set(ignored) != set(events):
            odd = (seen & set(ignored)) | ((seen | set(ignored)) ^ set(events))
            names = ", ".join(sorted(kind.__name__ for kind in odd))
            raise ValueError(f"neither projected nor ignored, or both: {names}")
        self.all = (*projections, PARKED)
        self.named = {projection.name: projection for projection in self.all}
        self.release = release
        self.signature = _signature(self.all)
        self.by_event: dict[type, tuple[tuple[str, Keys, Evolve[Any]], ...]] = {
            kind: tuple(
                (each.name, each.on[kind], each.evolve) for each in projections if kind in each.on
            )
            for kind in events
        }
        covered = {projection.name for projection in bulk.projections}
        self.bulk = structs.replace(
            bulk,
            types=frozenset(
                kind
                for kind in bulk.types
                if covered >= {name for name, _, _ in self.by_event[kind]}
            ),
        )


def _signature(projections: Sequence[Projection[Any]]) -> str:
    parts = [PARTITIONS, *sorted((each.name, each.version) for each in projections)]
    return sha256(repr(parts).encode()).hexdigest()[:8]
