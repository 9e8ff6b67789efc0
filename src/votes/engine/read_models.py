"""The read models in memory, folded from the log.

The same fold serves the worker that keeps them, a rebuild, the audit, and an API process that has
lost where they are kept and reads the log itself. It is total: an event that cannot be read, or
whose folding raises, is parked with the reason, and what follows it is folded.
"""

from collections.abc import Iterable, Iterator
from typing import Any
from zlib import crc32

from msgspec import Struct, field

from votes.engine.log import Position, Recorded, Unreadable, told
from votes.engine.projection import (
    KIND_LENGTH_MAX,
    PARKED,
    PARTITIONS,
    Evolve,
    Parked,
    Projection,
    Projections,
    Value,
    partition_of,
)

Keyed = list[tuple[str, str, Evolve[Any]]]


def world(epoch: str, generation: int) -> str:
    """Names what is served: in one world positions only go up, and each stands for one state."""
    return f"{epoch}.{generation:x}"


def checksum_of(recorded: Recorded) -> str:
    """Tells an event from another one that stands at its position in another log."""
    said = f"{recorded.stream}/{recorded.version}/{recorded.at.isoformat()}"
    return f"{crc32(said.encode()):08x}"


class Partition(Struct):
    """What is known in, or has changed in, one partition: by model, then by key.

    `checkpoint` is the position up to which the partition is folded; in changes, the one that they
    start from. In changes None stands for a value that is no longer.
    """

    checkpoint: Position = 0
    values: dict[str, dict[str, Any]] = field(default_factory=dict)

    def of(self, model: Projection[Value]) -> dict[str, Value]:
        """The values of a model by key."""
        return self.values.get(model.name, {})

    def get(self, model: Projection[Value], key: str) -> Value | None:
        values = self.values.get(model.name)
        return None if values is None else values.get(key)

    def put(self, model: str, key: str, value: Any) -> None:
        if value is not None:
            self.values.setdefault(model, {})[key] = value
        elif self.values.get(model, {}).pop(key, None) is not None and not self.values[model]:
            del self.values[model]

    def update(self, changes: "Partition") -> None:
        for model, values in changes.values.items():
            for key, value in values.items():
                self.put(model, key, value)


class Changes(Struct):
    """What a batch of events changes: whole new values, by partition, after `before`.

    `read_at` is when `position` was found to be the head of the log, in seconds by the clock of who
    folded; None where more is to come. `mark` is that of the event at `position`.
    """

    epoch: str
    before: Position
    position: Position
    partitions: dict[int, Partition]
    read_at: float | None = None
    mark: str = ""

    def touched(self) -> Iterator[str]:
        """The key of each value that has changed."""
        for partition in self.partitions.values():
            for values in partition.values.values():
                yield from values

    def parked(self) -> dict[Position, Parked]:
        """The events that were left out."""
        return _parked(self.partitions.values())


class ReadModels(Struct):
    """The read models of the log `epoch` at `position`, where the event with the `mark` stands.

    `generation` is that of the kept models, another one after each rebuild; 0 where they were
    folded here.
    """

    projections: Projections
    epoch: str
    position: Position = 0
    partitions: list[Partition] = field(
        default_factory=lambda: [Partition() for _ in range(PARTITIONS)]
    )
    generation: int = 0
    mark: str = ""

    @property
    def world(self) -> str:
        return world(self.epoch, self.generation)

    def get(self, model: Projection[Value], key: str) -> Value | None:
        """The value of the model under the key."""
        return self.partitions[partition_of(key)].of(model).get(key)

    def items(self, model: Projection[Value]) -> Iterator[tuple[str, Value]]:
        """All keys and values of the model."""
        for partition in self.partitions:
            yield from partition.of(model).items()

    def furthest(self) -> Position:
        """The last position that any part of the models has seen."""
        return max(self.position, *(partition.checkpoint for partition in self.partitions))

    def parked(self) -> dict[Position, Parked]:
        """The events that the models lack."""
        return _parked(self.partitions)

    def fold(self, events: Iterable[Recorded], *, every: bool = False) -> Changes:
        """Fold the events that follow `position`, in order; answers what they change.

        A partition that is ahead (its writer died half-way) skips what it has. `every` moves the
        checkpoints of the partitions without changes too.
        """
        before, recorded = self.position, None
        changed: dict[int, Partition] = {}
        for recorded in events:
            self._fold_one(recorded, changed)
            self.position = recorded.position
        if recorded is not None:
            self.mark = checksum_of(recorded)
        for number in range(PARTITIONS) if every else changed:
            self._move_checkpoint(number, changed)
        return Changes(self.epoch, before, self.position, changed, mark=self.mark)

    def _fold_one(self, recorded: Recorded, changed: dict[int, Partition]) -> None:
        """Each partition that the event moves takes all of it, or parks it."""
        event = recorded.event
        if isinstance(event, Unreadable):
            self._park(recorded, event.kind, event.reason, changed)
            return
        places: dict[int, Keyed] = {}
        try:
            for name, keys_of, evolve in self.projections.hearing.get(type(event), ()):
                for key in keys_of(recorded):
                    places.setdefault(partition_of(key), []).append((name, key, evolve))
        except Exception as error:  # noqa: BLE001 - no event may stop those behind it
            self._park(recorded, type(event).__name__, told(error), changed)
            return
        for number, keys in places.items():
            self._fold_into(number, keys, recorded, changed)

    def _fold_into(
        self, number: int, keys: Keyed, recorded: Recorded, changed: dict[int, Partition]
    ) -> None:
        partition = self.partitions[number]
        if recorded.position <= partition.checkpoint:
            return
        changes = changed.get(number)
        if changes is None:
            changes = changed[number] = Partition(partition.checkpoint)
        moves, kept, get = [], partition.values, partition.get
        try:
            for name, key, evolve in keys:
                values = kept.get(name)
                before = values.get(key) if values is not None else None
                after = evolve(before, recorded, key, get)
                if after is not before:
                    moves.append((name, key, after))
        except Exception as error:  # noqa: BLE001 - no event may stop those behind it
            moves = [self._parked(recorded, type(recorded.event).__name__, told(error))]
        for name, key, after in moves:
            partition.put(name, key, after)
            changes.values.setdefault(name, {})[key] = after

    def _park(
        self, recorded: Recorded, kind: str, reason: str, changed: dict[int, Partition]
    ) -> None:
        """Leave the event out of the partition of its stream, as it is of none other."""
        number = partition_of(recorded.stream)
        partition = self.partitions[number]
        if recorded.position <= partition.checkpoint:
            return
        changes = changed.setdefault(number, Partition(partition.checkpoint))
        name, key, parked = self._parked(recorded, kind, reason)
        partition.put(name, key, parked)
        changes.values.setdefault(name, {})[key] = parked

    def _parked(self, recorded: Recorded, kind: str, reason: str) -> tuple[str, str, Parked]:
        parked = Parked(kind[:KIND_LENGTH_MAX], reason, self.projections.release)
        return PARKED.name, str(recorded.position), parked

    def _move_checkpoint(self, number: int, changed: dict[int, Partition]) -> None:
        partition = self.partitions[number]
        changed.setdefault(number, Partition(partition.checkpoint))
        partition.checkpoint = max(partition.checkpoint, self.position)

    def adopt(self, changes: Changes) -> None:
        """Take over what another process has folded after `position`.

        A partition that was loaded when it was ahead of `position` has newer values already.
        """
        for number, change in changes.partitions.items():
            if changes.position > self.partitions[number].checkpoint:
                self.partitions[number].update(change)
        self.position, self.mark = changes.position, changes.mark


def _parked(partitions: Iterable[Partition]) -> dict[Position, Parked]:
    return {int(at): parked for part in partitions for at, parked in part.of(PARKED).items()}
