"""Where the read models are kept: what the engine needs from there."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from votes.engine.models import Changes, Models, Partition
from votes.engine.read_model import Projections, ReadModel


class AuditReport(Struct, frozen=True):
    """What the last audit found, for those who did not see it: `drifts` is how many."""

    at: datetime
    events: int
    models: int
    drifts: int
    problem: str | None


class Beat(Struct, frozen=True):
    """The models of the generation were at the head of the log when a projector read that last,
    `age_s` ago or less.

    `read_at` was then, by the projector's clock.
    """

    generation: int
    read_at: float
    age_s: float


Asked = tuple[ReadModel[Any], str]
"""A model and a key of it."""


class ReadModels(Protocol):
    """Where the models of these projections are kept, beside those of other releases.

    All methods raise `Unavailable` when it does not answer.
    """

    projections: Projections

    async def load(self) -> Models | None:
        """The live models, None where they are missing or not whole."""
        ...

    async def values(self, generation: int, asked: Sequence[Asked]) -> list[Any] | None:
        """What is kept under these keys, all of one partition and of one moment; None where the
        generation is gone, or cannot be read. For models that no process holds whole."""
        ...

    async def holds(self, number: int, partition: Partition) -> bool:
        """Whether a partition is kept as this, to the last value of what each process holds; of
        other models it looks at the number of values alone."""
        ...

    async def beat(self) -> Beat | None:
        """How a projector keeps the models at the head of the log, None while none does."""
        ...

    async def resume(self, models: Models) -> None:
        """Tell all who follow that a new projector goes on from these models."""
        ...

    async def apply(self, changes: Changes) -> bool:
        """Apply a folded batch; False where the models are not at the position it starts from."""
        ...

    async def replace(self, models: Models) -> None:
        """Build the models beside the live ones as a new generation, then make that one live."""
        ...

    async def keep_report(self, report: AuditReport) -> None:
        """Keep what an audit found, in place of the one before."""
        ...

    async def last_report(self) -> AuditReport | None:
        """What the last audit found, None where none is kept."""
        ...
