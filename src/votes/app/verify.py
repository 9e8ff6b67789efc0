"""The audit: count the log anew and compare every read model with it."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from msgspec import Struct

from votes.app.models import PARTITIONS, Models, Partition, partition_of, subject_of
from votes.app.ports import AuditReport, EventStore, ReadModels, Unavailable
from votes.app.project import PASS_EVENTS_MAX
from votes.domain.decider import Recorded
from votes.domain.terms import Position

LOADS_MAX = 3


class Drift(Struct, frozen=True):
    """A read model that is not what the log says; None where it is missing."""

    model: str
    key: str
    kept: Any
    counted: Any


class Audit(Struct, frozen=True):
    """What was compared: `models` values against `events` events of the log."""

    events: int
    models: int
    drifts: list[Drift]
    problem: str | None = None

    @property
    def ok(self) -> bool:
        return self.problem is None and not self.drifts


async def audit(store: EventStore, read_models: ReadModels, at: datetime) -> Audit:
    """Compare, and keep what was found as the last report, where that can be written."""
    found = await verify(store, read_models)
    report = AuditReport(at, found.events, found.models, len(found.drifts), found.problem)
    with suppress(Unavailable):  # what was found is worth telling all the same
        await read_models.keep_report(report)
    return found


async def verify(store: EventStore, read_models: ReadModels) -> Audit:
    """Compare the models as they are now, each partition at its own position, with the log."""
    kept = await _load(read_models)
    if kept is None:
        return Audit(0, 0, [], "the read models are missing or not whole")
    if kept.epoch != await store.epoch():
        return Audit(0, 0, [], "the read models are of another log")
    if kept.furthest() > await store.head():
        return Audit(0, 0, [], "the read models are ahead of the log")
    counted = await _count(store, kept)
    drifts = [
        drift
        for number in range(PARTITIONS)
        for drift in _compare(kept.partitions[number], counted.partitions[number])
    ]
    models = sum(len(p.tallies) + len(p.profiles) for p in counted.partitions)
    return Audit(counted.position, models, drifts)


async def _load(read_models: ReadModels) -> Models | None:
    """The models; not whole is also what they seem when a rebuild switches over meanwhile."""
    for _ in range(LOADS_MAX):
        kept = await read_models.load()
        if kept is not None:
            return kept
    return None


async def _count(store: EventStore, kept: Models) -> Models:
    """The log folded so that each partition ends where the kept one does."""
    ends = [max(kept.position, partition.checkpoint) for partition in kept.partitions]
    counted = Models(kept.epoch)
    async for events in store.after(0, PASS_EVENTS_MAX):
        counted.fold(recorded for recorded in events if _within(recorded, ends))
        if events[-1].position >= max(ends):
            break
    return counted


def _within(recorded: Recorded, ends: list[Position]) -> bool:
    subject = subject_of(recorded)
    return subject is None or recorded.position <= ends[partition_of(subject)]


def _compare(kept: Partition, counted: Partition) -> Iterator[Drift]:
    for model in ("tallies", "profiles", "parked"):
        here: dict[Any, Any] = getattr(kept, model)
        there: dict[Any, Any] = getattr(counted, model)
        for key in sorted(here.keys() | there.keys()):
            if here.get(key) != there.get(key):
                yield Drift(model, str(key), here.get(key), there.get(key))
