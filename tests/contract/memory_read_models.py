"""The read models in memory, for tests: kept, refused and replaced as Redis keeps them."""

from collections.abc import Sequence
from copy import deepcopy
from time import monotonic
from typing import Any

from msgspec import Struct, field

from votes.engine.log import Position
from votes.engine.projection import Projections, partition_of
from votes.engine.projector import HEARTBEAT_TIMEOUT_S
from votes.engine.read_model_store import AuditReport, Heartbeat, ValueKey
from votes.engine.read_models import Changes, Partition, ReadModels


class Live(Struct, frozen=True):
    """Which generation is shown, and where it stands in which log."""

    generation: int
    epoch: str
    position: Position
    mark: str


class MemoryModels(Struct):
    """What all stores of the same read models share."""

    live: Live | None = None
    begun: int = 0
    generations: dict[int, tuple[str, list[Partition]]] = field(default_factory=dict)
    beat: tuple[int, float, float] | None = None
    report: AuditReport | None = None


class MemoryReadModelStore:
    """One process's view of them."""

    def __init__(self, kept: MemoryModels, projections: Projections) -> None:
        self.projections = projections
        self._kept = kept
        self._live: Live | None = None

    async def load(self) -> ReadModels | None:
        self._live = live = self._kept.live
        if live is None:
            return None
        _, partitions = self._kept.generations[live.generation]
        where = live.epoch, live.position, deepcopy(partitions), live.generation, live.mark
        return ReadModels(self.projections, *where)

    async def values(self, generation: int, asked: Sequence[ValueKey]) -> list[Any] | None:
        if generation not in self._kept.generations:
            return None
        _, partitions = self._kept.generations[generation]
        return [partitions[partition_of(key)].get(model, key) for model, key in asked]

    async def holds(self, number: int, partition: Partition) -> bool:
        if self._live is None or self._live.generation not in self._kept.generations:
            return False
        kept = self._kept.generations[self._live.generation][1][number]
        same = kept.checkpoint == partition.checkpoint
        for model in self.projections.models:
            here, there = kept.of(model), partition.of(model)
            same &= here == there if model.replicated else len(here) == len(there)
        return same

    async def heartbeat(self) -> Heartbeat | None:
        if self._kept.beat is None:
            return None
        generation, read_at, since = self._kept.beat
        age_s = monotonic() - since
        return Heartbeat(generation, read_at, age_s) if age_s < HEARTBEAT_TIMEOUT_S else None

    async def resume(self, models: ReadModels) -> None:
        assert self._live is not None
        self._point(Live(self._live.generation, models.epoch, models.position, models.mark))

    async def apply(self, changes: Changes) -> bool:
        if self._live is None or self._live.generation not in self._kept.generations:
            return False
        epoch, partitions = self._kept.generations[self._live.generation]
        refused = epoch != changes.epoch
        for number, change in changes.partitions.items():
            if epoch == changes.epoch and partitions[number].checkpoint == change.checkpoint:
                partitions[number].update(deepcopy(change))
                partitions[number].checkpoint = max(change.checkpoint, changes.position)
            else:
                refused = True
        if refused or self._kept.live != self._live:
            return False
        generation = self._live.generation
        self._point(Live(generation, changes.epoch, changes.position, changes.mark))
        if changes.read_at is not None:
            self._kept.beat = generation, changes.read_at, monotonic()
        return True

    def _point(self, live: Live) -> None:
        if self._kept.live == self._live:
            self._kept.live = self._live = live

    async def replace(self, models: ReadModels) -> None:
        kept = self._kept
        kept.begun += 1
        there = kept.live and kept.live.generation
        if there != (self._live and self._live.generation):
            return
        kept.generations = {kept.begun: (models.epoch, deepcopy(models.partitions))}
        kept.live = self._live = Live(kept.begun, models.epoch, models.position, models.mark)
        models.generation = kept.begun

    async def keep_report(self, report: AuditReport) -> None:
        self._kept.report = report

    async def last_report(self) -> AuditReport | None:
        return self._kept.report
