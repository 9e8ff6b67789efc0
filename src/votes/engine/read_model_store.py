"""The store of the read models: what the engine needs from it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from votes.engine.projection import Projection, Projections
from votes.engine.read_models import Changes, Partition, ReadModels


class AuditReport(Struct, frozen=True):
    """The result of the last audit: so many events, values (`models`) and drifts."""

    at: datetime
    events: int
    models: int
    drifts: int
    problem: str | None


class Heartbeat(Struct, frozen=True):
    """The read models of the generation were at the head of the log at `read_at`, by the
    projector's clock: at most `age_s` seconds ago."""

    generation: int
    read_at: float
    age_s: float


ValueKey = tuple[Projection[Any], str]
"""A projection and a key of it."""


class ReadModelStore(Protocol):
    """Stores the read models of these projections, apart from those of other releases.

    All methods raise `Unavailable` when the store does not respond.
    """

    projections: Projections

    async def load(self) -> ReadModels | None:
        """The live read models, None where they are missing or incomplete."""
        ...

    async def values(self, generation: int, keys: Sequence[ValueKey]) -> list[Any] | None:
        """The values under these keys, all of one partition, read at one moment. None where the
        generation is gone or unreadable. For projections that are not replicated."""
        ...

    async def matches(self, number: int, partition: Partition) -> bool:
        """Whether the stored partition has exactly these values of the replicated projections, and
        as many values of the others as its checkpoint says."""
        ...

    async def heartbeat(self) -> Heartbeat | None:
        """The last heartbeat of a projector, None where it has expired."""
        ...

    async def resume(self, models: ReadModels) -> None:
        """Tell all subscriptions that a new projector goes on from these read models."""
        ...

    async def apply(self, changes: Changes) -> bool:
        """Apply the changes; False where the store is not at the position that they start from."""
        ...

    async def replace(self, models: ReadModels) -> None:
        """Write the read models as a new generation, then make that one the live one."""
        ...

    async def store_report(self, report: AuditReport) -> None:
        """Store the report in place of the previous one."""
        ...

    async def last_report(self) -> AuditReport | None:
        """The report of the last audit, None where there is none."""
        ...
