"""The read models of all tools in memory, folded from the log.

The same fold serves the worker that writes them to Redis, a rebuild, the audit, and an API
process that has lost Redis and reads the log itself. It is total: an event that cannot be read, or
whose folding raises, is parked with the reason, and what follows it is folded.
"""

from collections.abc import Iterable
from zlib import crc32

from msgspec import Struct, field

from votes import __version__
from votes.domain.summary import Profile, evolve_profile, evolve_tally, tool_of
from votes.domain.tally import Tally
from votes.domain.terms import ToolSlug
from votes.engine.log import Position, Recorded, Unreadable, told

KIND_LENGTH_MAX = 100
PARTITIONS = 16
"""Fixed for the life of a deployment's read models: a rebuild is needed to change it."""


def partition_of(name: str) -> int:
    """The partition of a tool's slug (or, for an event that cannot be read, of its stream)."""
    return crc32(name.encode()) % PARTITIONS


def world(epoch: str, generation: int) -> str:
    """Names what is served: in one world positions only go up, and each stands for one state."""
    return f"{epoch}.{generation:x}"


def subject_of(recorded: Recorded) -> str | None:
    """What the event is projected under: a tool, its stream when it cannot be read, or nothing."""
    if isinstance(recorded.event, Unreadable):
        return recorded.stream
    return tool_of(recorded.event)


class Parked(Struct, frozen=True):
    """An event that the models lack, and which release left it out for which reason.

    `kind` is its type and schema where it could not be read, its type where it could not be folded.
    """

    kind: str
    reason: str
    release: str = __version__

    def worth_another_try(self, recorded: Recorded) -> bool:
        """Whether the event, as this release reads it, might be left out no more."""
        if isinstance(recorded.event, Unreadable):
            return False
        return self.kind != type(recorded.event).__name__ or self.release != __version__


class Partition(Struct):
    """What is known in, or has changed in, one partition.

    `checkpoint` is the position up to which the partition is folded; in changes, the one that
    they start from. `parked` holds, by position, the events that are left out.
    """

    checkpoint: Position = 0
    tallies: dict[ToolSlug, Tally] = field(default_factory=dict)
    profiles: dict[ToolSlug, Profile] = field(default_factory=dict)
    parked: dict[Position, Parked] = field(default_factory=dict)

    def update(self, other: "Partition") -> None:
        self.tallies.update(other.tallies)
        self.profiles.update(other.profiles)
        self.parked.update(other.parked)


class Changes(Struct):
    """What a batch of events changes: whole new values, by partition, after `before`.

    `read_at` is when `position` was found to be the head of the log, in seconds by the clock of who
    folded; None where more is to come.
    """

    epoch: str
    before: Position
    position: Position
    partitions: dict[int, Partition]
    read_at: float | None = None

    def parked(self) -> dict[Position, Parked]:
        """The events that were left out."""
        return _parked(self.partitions.values())


class Models(Struct):
    """The read models of the log `epoch` at `position`.

    `generation` is that of the kept models, another one after each rebuild; 0 where they were
    folded here.
    """

    epoch: str
    position: Position = 0
    partitions: list[Partition] = field(
        default_factory=lambda: [Partition() for _ in range(PARTITIONS)]
    )
    generation: int = 0

    @property
    def world(self) -> str:
        return world(self.epoch, self.generation)

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

    def parked(self) -> dict[Position, Parked]:
        """The events that the models lack."""
        return _parked(self.partitions)

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
        subject = subject_of(recorded)
        if subject is None:
            return
        number = partition_of(subject)
        partition = self.partitions[number]
        if recorded.position <= partition.checkpoint:
            return
        changes = changed.get(number)
        if changes is None:
            changes = changed[number] = Partition(partition.checkpoint)
        folded = _folded(partition, subject, recorded)
        if isinstance(folded, Parked):
            partition.parked[recorded.position] = changes.parked[recorded.position] = folded
            return
        tally, profile = folded
        if tally is not None and tally is not partition.tallies.get(subject):
            partition.tallies[subject] = changes.tallies[subject] = tally
        if profile is not None and profile is not partition.profiles.get(subject):
            partition.profiles[subject] = changes.profiles[subject] = profile

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


def _folded(
    partition: Partition, subject: str, recorded: Recorded
) -> tuple[Tally | None, Profile | None] | Parked:
    """The values of the subject after the event, or why they cannot be had."""
    event = recorded.event
    if isinstance(event, Unreadable):
        return Parked(event.kind[:KIND_LENGTH_MAX], event.reason)
    try:
        return (
            evolve_tally(partition.tallies.get(subject), recorded),
            evolve_profile(partition.profiles.get(subject), recorded),
        )
    except Exception as error:  # noqa: BLE001 - no event may stop those behind it
        return Parked(type(event).__name__, told(error))


def _parked(partitions: Iterable[Partition]) -> dict[Position, Parked]:
    return {at: parked for part in partitions for at, parked in part.parked.items()}
