"""Whatever happens to announcements, a replica shows no wrong tally and misses no change.

Announcements are dropped, repeated, reversed and delayed, connections are cut, projectors die
half-way, read models are rebuilt, and Redis loses everything or its last writes.
"""

import random
from collections.abc import Iterator

import pytest

from tests.conftest import valkey
from tests.integration.projection.replica.following import (
    AT,
    A,
    B,
    Follower,
    cut_off,
    following,
    fresh,
    restored,
    saved,
    two_tools,
)
from tests.polling import until
from tests.stored.keys import keys_of
from votes.domain.terms import Choice
from votes.domain.vote_events import VoteCast
from votes.embedded import Addresses
from votes.engine.log import Recorded, Stream
from votes.engine.read_models import Changes, ReadModels
from votes.projections import PROJECTIONS
from votes.projections.tallies import TALLIES, Tally
from votes.views.read_model_store import RedisReadModelStore

CHOICES: tuple[Choice, ...] = ("ship", "skip")
STEPS = 40
VOTES_MAX = 5


@pytest.fixture(scope="module")
def servers() -> Iterator[Addresses]:
    """Of this file alone, for it ends the connections of all who follow there."""
    with valkey() as own:
        yield own.addresses


class Log:
    """Votes on two tools, and the tallies at each position."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.events: list[Recorded] = []
        self._models = two_tools()
        self.tallies: dict[int, dict[str, Tally | None]] = {2: self._now()}

    def _now(self) -> dict[str, Tally | None]:
        return {tool: self._models.get(TALLIES, tool) for tool in (A, B)}

    def grow(self) -> None:
        for _ in range(self._chance.randint(1, VOTES_MAX)):
            tool, vote = self._chance.choice((A, B)), VoteCast(self._chance.choice(CHOICES))
            position = self._models.position + 1
            event = Recorded(position, Stream(f"v{position}"), 1, vote, AT, tool)
            self._models.fold([event])
            self.events.append(event)
            self.tallies[position] = self._now()


class Projecting:
    """What a projector does, step by step; a new one begins where the stored read models are."""

    def __init__(self, space, log: Log) -> None:
        self._space = space
        self._log = log
        self._store = RedisReadModelStore(space, PROJECTIONS)
        self.models: ReadModels | None = None

    async def step(self) -> ReadModels:
        """Fold what the log has; begin anew where that is refused."""
        for _ in range(3):
            if self.models is None:
                self.models = await self._begin()
            if await self._applied(self.models):
                return self.models
            self.models = None
        raise AssertionError("the store refuses")

    async def _applied(self, models: ReadModels) -> bool:
        new = [event for event in self._log.events if event.position > models.position]
        return await self._store.apply(fresh(models.fold(new, every=not new)))

    async def _begin(self) -> ReadModels:
        self._store = RedisReadModelStore(self._space, PROJECTIONS)
        models = await self._store.load()
        if models is None:
            return await self.rebuild()
        await self._store.resume(models)
        return models

    async def take_over(self) -> None:
        """Another one begins where this one is."""
        self.models = None

    async def rebuild(self) -> ReadModels:
        await self._store.load()
        self.models = models = two_tools()
        models.fold(self._log.events, every=True)
        await self._store.replace(models)
        return models

    async def die_half_way(self, chance: random.Random) -> None:
        """Move some partitions, and announce nothing."""
        models = await self.step()
        self._log.grow()
        store = RedisReadModelStore(self._space, PROJECTIONS)
        await store.load()
        new = [event for event in self._log.events if event.position > models.position]
        changes = models.fold(new[: chance.randint(1, len(new))])
        changes.partitions = {
            number: partition
            for number, partition in changes.partitions.items()
            if chance.random() < 0.7
        }
        store._point = _nowhere  # type: ignore[assignment, method-assign]
        await store.apply(changes)
        self.models = None


async def _nowhere(*_) -> bool:
    return False


class Unreliable(Follower):
    """A replica whose announcements are lost, repeated or turned around, and that compares each
    change with the log."""

    def __init__(self, space, log: Log, chance: random.Random) -> None:
        super().__init__(space)
        self.log, self._chance = log, chance
        self.reliable = False
        announcements = self.subscription._announcements
        self._after = announcements.after
        announcements.after = self._bent  # type: ignore[method-assign]

    async def _bent(self, last: str, wait_s: float):
        found = await self._after(last, wait_s)
        if self.reliable or self._chance.random() < 0.5:
            return found
        match self._chance.choice(("drop", "repeat", "reverse")):
            case "drop":
                return [one for one in found if self._chance.random() < 0.5]
            case "repeat":
                return [each for one in found for each in (one, one)]
            case _:
                return found[::-1]

    def _changed(
        self, models: ReadModels | None, changes: Changes | None, fresh_at: float | None = None
    ) -> None:
        super()._changed(models, changes, fresh_at)
        if models is not None:
            for tool in (A, B):
                shown = models.get(TALLIES, tool)
                later = (at for at in self.log.tallies if at >= models.position)
                assert shown in [self.log.tallies[at][tool] for at in later], models.position

    def has_all(self) -> bool:
        models, end = self.subscription.models, max(self.log.tallies)
        if models is None or models.position != end:
            return False
        return {tool: models.get(TALLIES, tool) for tool in (A, B)} == self.log.tallies[end]


class Trouble:
    """What may happen to the store and to whoever uses it."""

    def __init__(self, space, projecting: Projecting, chance: random.Random) -> None:
        self._space = space
        self._projecting = projecting
        self._chance = chance
        self._earlier: dict[bytes, bytes] = {}
        self._kinds = (
            *(self.save, self.restore, self.flush, self.drop, self.hang_up),
            *(projecting.rebuild, projecting.take_over, self.die_half_way),
        )

    async def make(self) -> None:
        """Some trouble, two times out of three."""
        if self._chance.random() < 0.67:
            await self._chance.choice(self._kinds)()

    async def save(self) -> None:
        self._earlier = await saved(self._space)

    async def restore(self) -> None:
        """Redis comes back without its last writes."""
        if self._earlier:
            await restored(self._space, self._earlier)

    async def flush(self) -> None:
        async for name in self._space.redis.scan_iter(f"{self._space.prefix}:*"):
            await self._space.redis.delete(name)

    async def drop(self) -> None:
        """Announcements that are not kept, in any order."""
        key = keys_of(self._space).changes
        for name, _ in await self._space.redis.xrange(key):
            if self._chance.random() < 0.5:
                await self._space.redis.xdel(key, name)

    async def hang_up(self) -> None:
        await cut_off(self._space)

    async def die_half_way(self) -> None:
        await self._projecting.die_half_way(self._chance)


@pytest.mark.parametrize("seed", range(6))
async def test_a_replica_is_right_whatever_it_misses(space, other_space, seed):
    chance = random.Random(seed)
    log = Log(chance)
    projecting = Projecting(space, log)
    trouble = Trouble(space, projecting, chance)
    await projecting.step()
    made = Unreliable(other_space, log, chance)
    async with following(other_space, made=made) as follower:
        for _ in range(STEPS):
            log.grow()
            await trouble.make()
            await projecting.step()
        follower.reliable = True

        async def has_all() -> bool:
            await projecting.step()
            return follower.has_all()

        await until(has_all, "all that is in the log")
        assert not follower.task.done()
