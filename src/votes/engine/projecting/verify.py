"""The audit: fold the log anew and compare every stored value with the result."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from msgspec import Struct

from votes.engine.log import Position
from votes.engine.ports import EventStore, Unavailable
from votes.engine.projecting.projector import belongs_to_log, refold
from votes.engine.projection import PARKED, PARTITIONS, Parked, Projections
from votes.engine.read_model_store import AuditReport, ReadModelStore
from votes.engine.read_models import Partition, ReadModels

CATCH_UP_S = 10.0
"""How long the store may take to be complete and at the head that the log had at the start."""
CATCH_UP_POLL_S = 0.25


class Drift(Struct, frozen=True):
    """A stored value that differs from the expected one; None where one is missing."""

    model: str
    key: str
    stored: Any
    expected: Any


class Audit(Struct, frozen=True):
    """The audit compared `models` values with the fold of `events` events.

    `parked` events could not be read or folded: they are in none of the values.
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
    """Verify, and store the report where the store can be written."""
    result = await verify(store, read_model_store, catch_up_s)
    report = AuditReport(at, result.events, result.models, len(result.drifts), result.problem)
    with suppress(Unavailable):  # the caller gets the result all the same
        await read_model_store.store_report(report)
    return result


async def verify(
    store: EventStore, read_model_store: ReadModelStore, catch_up_s: float = CATCH_UP_S
) -> Audit:
    """Compare each stored partition, at its own position, with the log.

    Read models that do not reach the head that the log had at the start are a problem too.
    """
    head = await store.head()
    stored = await _caught_up(read_model_store, head, catch_up_s)
    if stored is None:
        return Audit(0, 0, [], "the read models are missing or incomplete")
    if not await belongs_to_log(store, stored):
        return Audit(0, 0, [], "the read models are of another log, or ahead of this one")
    expected = await refold(store, stored)
    drifts = [
        drift
        for number in range(PARTITIONS)
        for drift in _compare(
            stored.projections, stored.partitions[number], expected.partitions[number]
        )
    ]
    models = sum(
        len(partition.of(projection))
        for partition in expected.partitions
        for projection in stored.projections.all
        if projection is not PARKED
    )
    behind = head - stored.position
    problem = f"{behind} events are not projected: does a worker run?" if behind > 0 else None
    return Audit(expected.position, models, drifts, problem, len(stored.parked()))


async def _caught_up(
    read_model_store: ReadModelStore, head: Position, catch_up_s: float
) -> ReadModels | None:
    """The stored read models at the head, or as they are when that takes too long.

    They are incomplete while a rebuild switches over.
    """
    clock = asyncio.get_running_loop().time
    end = clock() + catch_up_s
    while True:
        stored = await read_model_store.load()
        if (stored is not None and stored.position >= head) or clock() >= end:
            return stored
        await asyncio.sleep(CATCH_UP_POLL_S)


def _compare(projections: Projections, stored: Partition, expected: Partition) -> Iterator[Drift]:
    for projection in projections.all:
        here, there = stored.of(projection), expected.of(projection)
        for key in sorted(here.keys() | there.keys()):
            if _comparable(here.get(key)) != _comparable(there.get(key)):
                yield Drift(projection.name, key, here.get(key), there.get(key))


def _comparable(value: Any) -> Any:
    """The value; of a parked event only that it is parked: releases word reasons differently."""
    return isinstance(value, Parked) or value
