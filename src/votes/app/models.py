"""The read models of all tools in memory, folded from the log.

The same fold serves the worker that writes them to Redis, a rebuild, the audit, and an API
process that has lost Redis and reads the log itself.
"""

from collections.abc import Iterable
from zlib import crc32

from msgspec import Struct, field

from votes.domain.decider import Recorded
from votes.domain.events import Unknown
from votes.domain.summary import Profile, evolve_profile, evolve_tally, tool_of
from votes.domain.tally import Tally
from votes.domain.terms import Position, ToolSlug

PARTITIONS = 16
"""Fixed for the life of a deployment's read models: a rebuild is needed to change it."""


def partition_of(name: str) -> int:
    """The partition of a tool's slug (or, for a parked event, of its stream)."""
    return crc32(name.encode()) % PARTITIONS


def subject_of(recorded: Recorded) -> str | None:
    """What the event is projected under: a tool, its stream when it cannot be read, or nothing."""
    if isinstance(recorded.event, Unknown):
        return recorded.stream
    return tool_of(recorded.event)


class Partition(Struct):
    """What is known in, or has changed in, one partition.

    `checkpoint` is the position up to which the partition is folded; in changes, the one that
    they start from. `parked` holds, by position, the events that this release cannot read.
    """

    checkpoint: Position = 0
    tallies: dict[ToolSlug, Tally] = field(default_factory=dict)
    profiles: dict[ToolSlug, Profile] = field(default_factory=dict)
    parked: dict[Position, str] = field(default_factory=dict)

    def update(self, other: "Partition") -> None:
        self.tallies.update(other.tallies)
        self.profiles.update(other.profiles)
        self.parked.update(other.parked)


class Changes(Struct):
    """What a batch of events changes: whole new values, by partition, after `before`."""

    epoch: str
    before: Position
    position: Position
    partitions: dict[int, Partition]


class Models(Struct):
    """The read models of the log `epoch` at `position`."""

    epoch: str
    position: Position = 0
    partitions: list[Partition] = field(
        default_factory=lambda: [Partition() for _ in range(PARTITIONS)]
    )

    def tally(self, tool: ToolSlug) -> Tally | None:
        return self.partitions[partition_of(tool)].tallies.get(tool)

    def profile(self, tool: ToolSlug) -> Profile | None:
        """The profile of a tool that is listed."""
        profile = self.partitions[partition_of(tool)].profiles.get(tool)
        return profile if profile is not None and profile.listed else None

    def was_listed(self, tool: ToolSlug) -> bool:
        """Whether the tool is listed, or once was."""
        return tool in self.partitions[partition_of(tool)].profiles

    def furthest(self) -> Position:
        """The last position that any part of the models has seen."""
        return max(self.position, *(partition.checkpoint for partition in self.partitions))

    def parked(self) -> dict[Position, str]:
        """The events, as `type/schema`, that the models lack because nobody could read them."""
        return {at: kind for part in self.partitions for at, kind in part.parked.items()}

    def fold(self, events: Iterable[Recorded], *, every: bool = False) -> Changes:
        """Fold the events that follow `position`, in order; answers what they change.

        A partition that is ahead (its writer died half-way) skips what it has. `every` moves the
        checkpoints of the partitions without changes too.
        """
        before = self.position
        changed: dict[int, Partition] = {}
        for recorded in events:
            self._fold_one(recorded, changed)
            self.position = recorded.position
        for number in range(PARTITIONS) if every else changed:
            self._move_checkpoint(number, changed)
        return Changes(self.epoch, before, self.position, changed)

    def _fold_one(self, recorded: Recorded, changed: dict[int, Partition]) -> None:
        event = recorded.event
        tool = subject_of(recorded)
        if tool is None:
            return
        number = partition_of(tool)
        partition = self.partitions[number]
        if recorded.position <= partition.checkpoint:
            return
        changes = changed.get(number)
        if changes is None:
            changes = changed[number] = Partition(partition.checkpoint)
        if isinstance(event, Unknown):
            partition.parked[recorded.position] = changes.parked[recorded.position] = event.kind
            return
        tally = partition.tallies.get(tool)
        moved = evolve_tally(tally, recorded)
        if moved is not None and moved is not tally:
            partition.tallies[tool] = changes.tallies[tool] = moved
        profile = partition.profiles.get(tool)
        revised = evolve_profile(profile, recorded)
        if revised is not None and revised is not profile:
            partition.profiles[tool] = changes.profiles[tool] = revised

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
        self.position = changes.position
