"""Where the read models are kept: what the engine needs from there."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from votes.engine.projection import Projection, Projections
from votes.engine.read_models import Changes, Partition, ReadModels


class AuditReport(Struct, frozen=True):
    """What the last audit found, for those who did not see it: `drifts` is how many."""

    at: datetime
    events: int
    models: int
    drifts: int
    problem: str | None


class Heartbeat(Struct, frozen=True):
    """The models of the generation were at the head of the log when a projector read that last,
    `age_s` ago or less.

    `read_at` was then, by the projector's clock.
    """

    generation: int
    read_at: float
    age_s: float


ValueKey = tuple[Projection[Any], str]
"""A model and a key of it."""


class ReadModelStore(Protocol):
    """Where the models of these projections are kept, beside those of other releases.

    All methods raise `Unavailable` when it does not answer.
    """

    projections: Projections

    async def load(self) -> ReadModels | None:
        """The live models, None where they are missing or not whole."""
        ...

    async def values(self, generation: int, asked: Sequence[ValueKey]) -> list[Any] | None:
        """What is kept under these keys, all of one partition and of one moment; None where the
        generation is gone, or cannot be read. For models that no process holds whole."""
        ...

    async def holds(self, number: int, partition: Partition) -> bool:
        """Whether a partition is kept as this, to the last value of what each process holds; of
        other models it looks at the number of values alone."""
        ...

    async def heartbeat(self) -> Heartbeat | None:
        """How a projector keeps the models at the head of the log, None while none does."""
        ...

    async def resume(self, models: ReadModels) -> None:
        """Tell all who follow that a new projector goes on from these models."""
        ...

    async def apply(self, changes: Changes) -> bool:
        """Apply a folded batch; False where the models are not at the position it starts from."""
        ...

    async def replace(self, models: ReadModels) -> None:
        """Build the models beside the live ones as a new generation, then make that one live."""
        ...

    async def keep_report(self, report: AuditReport) -> None:
        """Keep what an audit found, in place of the one before."""
        ...

    async def last_report(self) -> AuditReport | None:
        """What the last audit found, None where none is kept."""
        ...
