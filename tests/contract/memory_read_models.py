"""The read models in memory, for tests: stored, refused and replaced as in Redis."""

from collections.abc import Sequence
from copy import deepcopy
from time import monotonic
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from votes.engine.log import Position
from votes.engine.projecting.projector import HEARTBEAT_TIMEOUT_S
from votes.engine.projection import Projections, partition_of
from votes.engine.read_model_store import AuditReport, Heartbeat, ValueKey
from votes.engine.read_models import Changes, Partition, ReadModels


class Live(Struct, frozen=True):
    """Which generation is shown, and where it stands in which log."""

    generation: int
    epoch: str
    position: Position
    checksum: str


class MemoryModels(Struct):
    """What all stores of the same read models share."""

    live: Live | None = None
    begun: int = 0
    generations: dict[int, tuple[str, list[Partition]]] = field(default_factory=dict)
    beat: tuple[int, float, float] | None = None
    report: AuditReport | None = None

    def shown(self, projections: Projections) -> ReadModels | None:
        """The live read models, which share their values with what is stored."""
        if (live := self.live) is None:
            return None
        _, partitions = self.generations[live.generation]
        where = live.epoch, live.position, partitions, live.generation, live.checksum
        return ReadModels(projections, *where)

    def show(self, models: ReadModels) -> Live:
        """Store a copy of these as the only generation."""
        self.generations = {models.generation: (models.epoch, deepcopy(models.partitions))}
        self.live = Live(models.generation, models.epoch, models.position, models.checksum)
        return self.live


class MemoryReadModelStore:
    """One process's view of them."""

    def __init__(self, stored: MemoryModels, projections: Projections) -> None:
        self.projections = projections
        self._stored = stored
        self._live: Live | None = None

    async def load(self) -> ReadModels | None:
        self._live, shown = self._stored.live, self._stored.shown(self.projections)
        return None if shown is None else replace(shown, partitions=deepcopy(shown.partitions))

    async def values(self, generation: int, keys: Sequence[ValueKey]) -> list[Any] | None:
        if generation not in self._stored.generations:
            return None
        _, partitions = self._stored.generations[generation]
        return [partitions[partition_of(key)].get(projection, key) for projection, key in keys]

    async def matches(self, number: int, partition: Partition) -> bool:
        if self._live is None or self._live.generation not in self._stored.generations:
            return False
        found = self._stored.generations[self._live.generation][1][number]
        return found.checkpoint == partition.checkpoint and all(
            found.of(one) == partition.of(one)
            if one.replicated
            else len(found.of(one)) == len(partition.of(one))
            for one in self.projections.all
        )

    async def heartbeat(self) -> Heartbeat | None:
        if self._stored.beat is None:
            return None
        generation, read_at, since = self._stored.beat
        age_s = monotonic() - since
        return Heartbeat(generation, read_at, age_s) if age_s < HEARTBEAT_TIMEOUT_S else None

    async def resume(self, models: ReadModels) -> None:
        assert self._live is not None
        self._point(Live(self._live.generation, models.epoch, models.position, models.checksum))

    async def apply(self, changes: Changes) -> bool:
        if self._live is None or self._live.generation not in self._stored.generations:
            return False
        epoch, partitions = self._stored.generations[self._live.generation]
        refused = epoch != changes.epoch
        for number, change in changes.partitions.items():
            if epoch == changes.epoch and partitions[number].checkpoint == change.checkpoint:
                partitions[number].update(deepcopy(change))
                partitions[number].checkpoint = max(change.checkpoint, changes.position)
            else:
                refused = True
        if refused or self._stored.live != self._live:
            return False
        generation = self._live.generation
        self._point(Live(generation, changes.epoch, changes.position, changes.checksum))
        if changes.read_at is not None:
            self._stored.beat = generation, changes.read_at, monotonic() - changes.age_s
        return True

    def _point(self, live: Live) -> None:
        if self._stored.live == self._live:
            self._stored.live = self._live = live

    async def replace(self, models: ReadModels) -> None:
        stored = self._stored
        stored.begun += 1
        there = stored.live and stored.live.generation
        if there != (self._live and self._live.generation):
            return
        models.generation = stored.begun
        self._live = stored.show(models)

    async def store_report(self, report: AuditReport) -> None:
        self._stored.report = report

    async def last_report(self) -> AuditReport | None:
        return self._stored.report
