"""The audit: count the log anew and compare every read model with it."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from msgspec import Struct

from votes.engine.log import Position
from votes.engine.ports import EventStore, Unavailable
from votes.engine.projection import PARKED, PARTITIONS, Parked, Projections
from votes.engine.projector import belongs_to_log, refold
from votes.engine.read_model_store import AuditReport, ReadModelStore
from votes.engine.read_models import Partition, ReadModels

CATCH_UP_S = 10.0
"""How long the models may take to be whole, and where the log was when the audit began."""
CATCH_UP_POLL_S = 0.25


class Drift(Struct, frozen=True):
    """A read model that is not what the log says; None where it is missing."""

    model: str
    key: str
    kept: Any
    counted: Any


class Audit(Struct, frozen=True):
    """What was compared: `models` values against `events` events of the log.

    `parked` events could not be read or folded: they are in none of the models.
    """

    events: int
    models: int
    drifts: list[Drift]
    problem: str | None = None
    parked: int = 0

    @property
    def ok(self) -> bool:
        return self.problem is None and not self.drifts


async def audit(
    store: EventStore,
    read_model_store: ReadModelStore,
    at: datetime,
    catch_up_s: float = CATCH_UP_S,
) -> Audit:
    """Compare, and keep what was found as the last report, where that can be written."""
    found = await verify(store, read_model_store, catch_up_s)
    report = AuditReport(at, found.events, found.models, len(found.drifts), found.problem)
    with suppress(Unavailable):  # what was found is worth telling all the same
        await read_model_store.keep_report(report)
    return found


async def verify(
    store: EventStore, read_model_store: ReadModelStore, catch_up_s: float = CATCH_UP_S
) -> Audit:
    """Compare the models, each partition at its own position, with the log.

    Models that do not get to where the log was at the beginning are a problem of their own.
    """
    head = await store.head()
    kept = await _caught_up(read_model_store, head, catch_up_s)
    if kept is None:
        return Audit(0, 0, [], "the read models are missing or not whole")
    if not await belongs_to_log(store, kept):
        return Audit(0, 0, [], "the read models are of another log, or ahead of this one")
    counted = await refold(store, kept)
    drifts = [
        drift
        for number in range(PARTITIONS)
        for drift in _compare(kept.projections, kept.partitions[number], counted.partitions[number])
    ]
    models = sum(
        len(part.of(model))
        for part in counted.partitions
        for model in kept.projections.models
        if model is not PARKED
    )
    behind = head - kept.position
    problem = f"{behind} events are not projected: does a worker run?" if behind > 0 else None
    return Audit(counted.position, models, drifts, problem, len(kept.parked()))


async def _caught_up(
    read_model_store: ReadModelStore, head: Position, catch_up_s: float
) -> ReadModels | None:
    """The models at the head, or as they are when that takes too long. They are not whole while a
    rebuild switches over."""
    clock = asyncio.get_running_loop().time
    end = clock() + catch_up_s
    while True:
        kept = await read_model_store.load()
        if (kept is not None and kept.position >= head) or clock() >= end:
            return kept
        await asyncio.sleep(CATCH_UP_POLL_S)


def _compare(projections: Projections, kept: Partition, counted: Partition) -> Iterator[Drift]:
    for model in projections.models:
        here, there = kept.of(model), counted.of(model)
        for key in sorted(here.keys() | there.keys()):
            if _said(here.get(key)) != _said(there.get(key)):
                yield Drift(model.name, key, here.get(key), there.get(key))


def _said(value: Any) -> Any:
    """What two releases say alike: each words its own reason for leaving an event out."""
    return isinstance(value, Parked) or value
