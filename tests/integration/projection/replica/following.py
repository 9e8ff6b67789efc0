"""A replica that follows a store, and what a projector does there."""

import asyncio
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from tests.integration.projection.scene import ended_by_cancellation
from tests.polling import until
from votes.domain.terms import Choice
from votes.domain.tool import Entry, ToolListed
from votes.domain.vote_events import VoteCast
from votes.engine.log import Recorded, Stream
from votes.engine.ports import Unavailable
from votes.engine.read_models import Changes, ReadModels
from votes.projections import PROJECTIONS
from votes.views.subscription import Subscription

EPOCH = "e1e1e1e1"
AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
A, B = "tool-0", "tool-1"


class Follower:
    """A replica and what it told."""

    def __init__(self, space) -> None:
        self.seen: list[tuple[int | None, bool]] = []
        self.belongs_to_log: bool | None = True
        self.subscription = Subscription(
            space, PROJECTIONS, self._belongs_to_log, self._changed, time.time, lambda _: None
        )
        self.task: asyncio.Task | None = None
        self.loads = 0
        store = self.subscription._read_model_store
        self._load = store.load
        store.load = self._counting  # type: ignore[method-assign]

    async def _counting(self) -> ReadModels | None:
        self.loads += 1
        return await self._load()

    def _changed(
        self, models: ReadModels | None, changes: Changes | None, fresh_at: float | None = None
    ) -> None:
        self.seen.append((models.position if models else None, changes is not None))

    async def _belongs_to_log(self, _: ReadModels) -> bool:
        if self.belongs_to_log is None:
            raise Unavailable("Postgres: it is away")
        return self.belongs_to_log

    @property
    def position(self) -> int | None:
        return self.subscription.models.position if self.subscription.models else None

    async def loaded_twice(self) -> None:
        """Wait until it has loaded the models twice from now on."""
        before = self.loads
        await until(lambda: self.loads > before + 1, "a second load")

    async def at(self, position: int | None) -> None:
        await until(lambda: self.position == position, f"a replica at {position}")


@asynccontextmanager
async def following(space, *, belongs_to_log: bool | None = True, made: Follower | None = None):
    follower = made or Follower(space)
    follower.belongs_to_log = belongs_to_log
    follower.task = asyncio.create_task(follower.subscription.run())
    try:
        yield follower
    finally:
        await ended_by_cancellation(follower.task)


async def cut_off(space) -> None:
    """Cut the connections of the `other_space`: those of others on the server stay."""
    for client in await space.redis.client_list():
        if client["name"] == space.prefix:
            await space.redis.client_kill_filter(_id=client["id"])


def two_tools() -> ReadModels:
    models = ReadModels(PROJECTIONS, EPOCH)
    models.fold(
        Recorded(n, Stream("any"), 1, ToolListed(slug, Entry(slug, "Tests")), AT, slug)
        for n, slug in enumerate((A, B), 1)
    )
    models.fold((), every=True)
    return models


def cast(models: ReadModels, slug: str, choice: Choice = "ship") -> Changes:
    """The changes of one more vote."""
    at = models.position + 1
    return fresh(models.fold([Recorded(at, Stream("any"), 1, VoteCast(choice), AT, slug)]))


def fresh(changes: Changes) -> Changes:
    """As a projector makes them that has read all that there is."""
    changes.read_at = time.time()
    return changes


async def replace(kept, models: ReadModels) -> ReadModels:
    """As a projector does that starts with a rebuild."""
    await kept.replace(models)
    await kept.apply(fresh(models.fold((), every=True)))
    return models


async def shown_at(kept, models: ReadModels, follower: Follower) -> None:
    """Wait until it is where the models are. Each look makes a heartbeat: one alone may expire."""

    async def beats() -> bool:
        assert await kept.apply(fresh(models.fold((), every=True)))
        return follower.position == models.position

    await until(beats, f"a replica at {models.position}")


async def saved(space) -> dict[bytes, bytes]:
    """All that Redis holds, as it would be on its disk."""
    names = space.redis.scan_iter(f"{space.prefix}:*")
    return {name: await space.redis.dump(name) async for name in names}


async def restored(space, before: dict[bytes, bytes]) -> None:
    """Redis comes back as it was then: without its last writes."""
    async for name in space.redis.scan_iter(f"{space.prefix}:*"):
        await space.redis.delete(name)
    for name, value in before.items():
        await space.redis.restore(name, 0, value)
