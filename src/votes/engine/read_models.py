"""The read models in memory, folded from the log.

The same fold serves the projector, a rebuild, the audit, and an API process that folds the log
itself while the store is away. It is total: an event that cannot be read, or whose folding raises,
is parked with the reason, and the events after it are folded.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Protocol
from zlib import crc32

from msgspec import Struct, field
from msgspec.structs import replace

from votes.engine.log import Columns, Position, Recorded, Unreadable, reason_of
from votes.engine.projection import (
    KIND_LENGTH_MAX,
    PARKED,
    PART,
    PARTITIONS,
    Change,
    Evolve,
    Parked,
    Projection,
    Projections,
    Value,
    partition_of,
)

KeysToEvolve = list[tuple[str, str, Evolve[Any]]]


def world(epoch: str, generation: int) -> str:
    """The id of a log and a generation: in one world positions only go up, and each stands for one
    state."""
    return f"{epoch}.{generation:x}"


def checksum_of(recorded: Recorded) -> str:
    """Differs from that of another event at the same position of another log."""
    text = f"{recorded.stream}/{recorded.version}/{recorded.at.isoformat()}"
    return f"{crc32(text.encode()):08x}"


class Partition(Struct):
    """The values, or the changed values, of one partition: by projection, then by key.

    `checkpoint` is the position up to which the partition is folded; in changes, the position that
    they start from. In changes None stands for a removed value.
    """

    checkpoint: Position = 0
    values: dict[str, dict[str, Any]] = field(default_factory=dict)

    def of(self, projection: Projection[Value]) -> dict[str, Value]:
        """The values of a projection by key."""
        return self.values.get(projection.name, {})

    def get(self, projection: Projection[Value], key: str) -> Value | None:
        values = self.values.get(projection.name)
        return None if values is None else values.get(key)

    def put(self, name: str, key: str, value: Any) -> None:
        """Set the value of the projection of this name under the key, or remove it."""
        if value is not None:
            self.values.setdefault(name, {})[key] = value
        elif self.values.get(name, {}).pop(key, None) is not None and not self.values[name]:
            del self.values[name]

    def update(self, changes: "Partition") -> None:
        for name, values in changes.values.items():
            for key, value in values.items():
                self.put(name, key, value)


class Changes(Struct):
    """The new values, by partition, that the events after `before` up to `position` lead to.

    At `read_at`, in seconds by the projector's clock, the log had no event after `position`; None
    where that is not known. This was `age_s` ago when the changes were folded. `checksum` is that
    of the event at `position`.
    """

    epoch: str
    before: Position
    position: Position
    partitions: dict[int, Partition]
    read_at: float | None = None
    checksum: str = ""
    age_s: float = 0.0

    def changed_keys(self) -> Iterator[str]:
        """The key of each changed value."""
        for partition in self.partitions.values():
            for values in partition.values.values():
                yield from values

    def parked(self) -> dict[Position, Parked]:
        """The events that these changes park."""
        return _parked(self.partitions.values())


class Derived(Protocol):
    """What a process derives from read models, and keeps up to date with them."""

    def follow(self, changes: Changes) -> None:
        """Take note of changes that the read models already have."""


class ReadModels(Struct):
    """All read models of the log `epoch` at `position`; `checksum` is of the event at `position`.

    `generation` is that of the stored read models, another one after each rebuild; 0 where this
    process folded them. What is `derived` from them has a name, and is told of each change.
    """

    projections: Projections
    epoch: str
    position: Position = 0
    partitions: list[Partition] = field(
        default_factory=lambda: [Partition() for _ in range(PARTITIONS)]
    )
    generation: int = 0
    checksum: str = ""
    derived: dict[str, Derived] = field(default_factory=dict)

    @property
    def world(self) -> str:
        return world(self.epoch, self.generation)

    def get(self, projection: Projection[Value], key: str) -> Value | None:
        """The value of the projection under the key."""
        values = self.partitions[partition_of(key)].values.get(projection.name)
        return None if values is None else values.get(key)

    def items(self, projection: Projection[Value]) -> Iterator[tuple[str, Value]]:
        """All keys and values of the projection."""
        for partition in self.partitions:
            yield from partition.of(projection).items()

    def furthest(self) -> Position:
        """The position of the partition that is furthest ahead."""
        return max(self.position, *(partition.checkpoint for partition in self.partitions))

    def parked(self) -> dict[Position, Parked]:
        """The events that the read models leave out."""
        return _parked(self.partitions)

    def fold(self, events: Iterable[Recorded], *, every: bool = False) -> Changes:
        """Fold the events after `position`, in order; return the changes.

        A partition that is ahead (the projector died half-way) skips the events that it has. With
        `every` the checkpoints of partitions without changes move too.
        """
        before, recorded = self.position, None
        changed: dict[int, Partition] = {}
        gathered: dict[str, list[Recorded]] = {}
        bulk, by_event = self.projections.bulk.types, self.projections.by_event
        for recorded in events:
            kind = type(recorded.event)
            if kind in bulk and PART not in recorded.subject:
                gathered.setdefault(recorded.subject, []).append(recorded)
            elif by_event.get(kind) != ():  # else it changes nothing
                self._fold_gathered(gathered, changed)
                self.fold_one(recorded, changed)
            self.position = recorded.position
        self._fold_gathered(gathered, changed)
        if recorded is not None:
            self.checksum = checksum_of(recorded)
        for number in range(PARTITIONS) if every else changed:
            self._move_checkpoint(number, changed)
        changes = Changes(self.epoch, before, self.position, changed, checksum=self.checksum)
        self._tell(changes)
        return changes

    def _fold_gathered(
        self, gathered: dict[str, list[Recorded]], changed: dict[int, Partition]
    ) -> None:
        """Fold what was gathered by thing, many events together where there are many."""
        for thing, events in gathered.items():
            number = partition_of(thing)
            partition = self.partitions[number]
            new = [event for event in events if event.position > partition.checkpoint]
            if len(new) == 1 or not self.fold_together(thing, Columns.of(new), changed):
                for recorded in new:
                    self.fold_one(recorded, changed)
        gathered.clear()

    def fold_together(self, thing: str, events: Columns, changed: dict[int, Partition]) -> bool:
        """Fold events about one thing; False, and nothing is changed, where that is not possible.
        They are after what is folded, and of the types that may be folded many at a time."""
        number = partition_of(thing)
        together = None
        with suppress(Exception):  # one of them is to be parked
            together = self.projections.bulk.fold(thing, events, self.partitions[number].get)
        if together is not None:
            self._put(number, together, changed)
        return together is not None

    def fold_one(self, recorded: Recorded, changed: dict[int, Partition]) -> None:
        """Each partition that the event changes folds all of it, or parks it."""
        event = recorded.event
        if isinstance(event, Unreadable):
            self._park(recorded, event.kind, event.reason, changed)
            return
        places: dict[int, KeysToEvolve] = {}
        try:
            for name, keys_of, evolve in self.projections.by_event.get(type(event), ()):
                for key in keys_of(recorded):
                    places.setdefault(partition_of(key), []).append((name, key, evolve))
        except Exception as error:  # noqa: BLE001 - no event may stop those after it
            self._park(recorded, type(event).__name__, reason_of(error), changed)
            return
        for number, keys in places.items():
            self._fold_into(number, keys, recorded, changed)

    def _fold_into(
        self, number: int, keys: KeysToEvolve, recorded: Recorded, changed: dict[int, Partition]
    ) -> None:
        partition = self.partitions[number]
        if recorded.position <= partition.checkpoint:
            return
        new, values_of, get = [], partition.values, partition.get
        try:
            for name, key, evolve in keys:
                values = values_of.get(name)
                before = values.get(key) if values is not None else None
                after = evolve(before, recorded, key, get)
                if after is not before:
                    new.append((name, key, after))
        except Exception as error:  # noqa: BLE001 - no event may stop those after it
            new = [self._parked(recorded, type(recorded.event).__name__, reason_of(error))]
        self._put(number, new, changed)

    def _park(
        self, recorded: Recorded, kind: str, reason: str, changed: dict[int, Partition]
    ) -> None:
        """Park the event in the partition of its stream."""
        number = partition_of(recorded.stream)
        if recorded.position > self.partitions[number].checkpoint:
            self._put(number, [self._parked(recorded, kind, reason)], changed)

    def _put(self, number: int, new: Iterable[Change], changed: dict[int, Partition]) -> None:
        """Set the new values of a partition, and note them as its changes."""
        partition = self.partitions[number]
        changes = changed.get(number)
        if changes is None:
            changes = changed[number] = Partition(partition.checkpoint)
        for name, key, value in new:
            partition.put(name, key, value)
            changes.values.setdefault(name, {})[key] = value

    def _parked(self, recorded: Recorded, kind: str, reason: str) -> Change:
        parked = Parked(kind[:KIND_LENGTH_MAX], reason, self.projections.release)
        return PARKED.name, str(recorded.position), parked

    def _move_checkpoint(self, number: int, changed: dict[int, Partition]) -> None:
        partition = self.partitions[number]
        changed.setdefault(number, Partition(partition.checkpoint))
        partition.checkpoint = max(partition.checkpoint, self.position)

    def adopt(self, changes: Changes) -> None:
        """Apply the changes that the projector folded after `position`.

        A partition that was loaded when it was ahead of `position` already has newer values.
        """
        for number, change in changes.partitions.items():
            if changes.position > self.partitions[number].checkpoint:
                self.partitions[number].update(change)
        self.position, self.checksum = changes.position, changes.checksum
        self._tell(changes)

    def take(self, partitions: Mapping[int, Partition]) -> Changes:
        """Set these partitions in place of their own; return what differs."""
        changes = Changes(self.epoch, self.position, self.position, {}, checksum=self.checksum)
        for number, new in partitions.items():
            changes.partitions[number] = _difference(self.partitions[number], new)
            self.partitions[number] = new
        self._tell(changes)
        return changes

    def copy(self) -> "ReadModels":
        """Read models of the same values, that change apart from these. Nothing is derived yet."""
        parts = [
            Partition(part.checkpoint, {name: dict(each) for name, each in part.values.items()})
            for part in self.partitions
        ]
        return replace(self, partitions=parts, derived={})

    def _tell(self, changes: Changes) -> None:
        for derived in self.derived.values():
            derived.follow(changes)


def _difference(before: Partition, after: Partition) -> Partition:
    """The changes from one to the other."""
    changes = Partition(before.checkpoint)
    for name in before.values.keys() | after.values.keys():
        old, new = before.values.get(name, {}), after.values.get(name, {})
        for key in old.keys() | new.keys():
            if old.get(key) != new.get(key):
                changes.values.setdefault(name, {})[key] = new.get(key)
    return changes


def _parked(partitions: Iterable[Partition]) -> dict[Position, Parked]:
    return {
        int(at): event for partition in partitions for at, event in partition.of(PARKED).items()
    }
