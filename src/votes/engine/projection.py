"""A read model is a declaration: which events it is folded from, under which keys, and how."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, Generic, Protocol, TypeVar
from zlib import crc32

from msgspec import Struct

from votes.engine.log import Recorded, Unreadable

Value = TypeVar("Value")

Keys = Callable[[Recorded], Iterable[str]]


class Before(Protocol):
    """Reads values as they were before an event."""

    def __call__(self, model: "Projection[Value]", key: str, /) -> Value | None: ...


Evolve = Callable[[Value | None, Recorded, str, Before], Value | None]

PARTITIONS = 16
PART = "@"
KIND_LENGTH_MAX = 100


class Projection(Struct, Generic[Value], frozen=True, eq=False):
    """Values by key, folded from the log alone.

    `on` says of which events a model hears, and which keys each of them moves: none, one or many.
    `evolve(value, recorded, key, before)` answers the key's value after the event; None where
    there is none, or no longer. What it raises parks the event. `before` reads any model under the
    keys of the same partition, as it was before the event. Raise `version` with each change of
    `on`, `evolve` or the value's shape: the model is then built anew.

    `replicated` models are held by each process that answers reads; others have too many keys for
    that, and are read by key where they are kept. `frame(models, key, stale)` encodes the value of
    a key as it is shown; it looks at no models under other keys.
    """

    name: str
    value: type[Value]
    on: Mapping[type, Keys]
    evolve: Evolve[Value]
    version: int = 1
    replicated: bool = True
    frame: Callable[[Any, str, bool], bytes | None] | None = None


class Parked(Struct, frozen=True):
    """An event that the models lack, and which release left it out for which reason.

    `kind` is its type and schema where it could not be read, its type where it could not be folded.
    """

    kind: str
    reason: str
    release: str

    def worth_another_try(self, recorded: Recorded, release: str) -> bool:
        """Whether the event, as this release reads it, might be left out no more."""
        if isinstance(recorded.event, Unreadable):
            return False
        return self.kind != type(recorded.event).__name__ or self.release != release


def _never(value: Parked | None, *_: object) -> Parked | None:
    return value


PARKED = Projection("parked", Parked, on={}, evolve=_never)
"""The events that are left out, by position; in the partition that lacks them."""


def partition_of(key: str) -> int:
    """The partition of a key. The parts of one thing, `thing@part`, are in the same."""
    return _partition_of(key.partition(PART)[0])


@lru_cache(maxsize=10_000)
def _partition_of(thing: str) -> int:
    return crc32(thing.encode()) % PARTITIONS


class Projections:
    """All read models of a product, in the order in which they are kept.

    `events` are all that there are. `unseen` are those of which no model hears: whoever adds an
    event has to say so, or `ValueError` is raised. `release` is the product's version.

    `signature` names the models with their versions. Models of another signature are others, kept
    beside these: they are never read as these, nor moved on.
    """

    def __init__(
        self,
        models: Sequence[Projection[Any]],
        events: Collection[type],
        unseen: Collection[type],
        release: str,
    ) -> None:
        seen = {kind for model in models for kind in model.on}
        if seen & set(unseen) or seen | set(unseen) != set(events):
            odd = (seen & set(unseen)) | ((seen | set(unseen)) ^ set(events))
            names = ", ".join(sorted(kind.__name__ for kind in odd))
            raise ValueError(f"neither projected nor unseen, or both: {names}")
        self.models = (*models, PARKED)
        self.release = release
        self.signature = _signature(self.models)
        self.hearing: dict[type, tuple[tuple[str, Keys, Evolve[Any]], ...]] = {
            kind: tuple(
                (model.name, model.on[kind], model.evolve) for model in models if kind in model.on
            )
            for kind in events
        }

        self.named = {model.name: model for model in self.models}


def _signature(models: Sequence[Projection[Any]]) -> str:
    said = [PARTITIONS, *sorted((model.name, model.version) for model in models)]
    return sha256(repr(said).encode()).hexdigest()[:8]
