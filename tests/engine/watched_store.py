"""The store in memory, of which a test sees what was done to it and what is in it."""

import asyncio

from tests.contract.memory_read_models import MemoryModels, MemoryReadModelStore
from votes.engine.projection import Projections
from votes.engine.read_models import Changes, ReadModels


class WatchedStore(MemoryReadModelStore):
    """`loads` are the loop's times at which the read models were loaded, `applied` the changes,
    `resumed` the positions from which a projector went on. While it is `refusing`, nothing is
    applied."""

    def __init__(self, projections: Projections, live: ReadModels | None = None) -> None:
        super().__init__(MemoryModels(), projections)
        self.live = live
        self.loads: list[float] = []
        self.applied: list[Changes] = []
        self.resumed: list[int] = []
        self.refusing = False

    @property
    def live(self) -> ReadModels | None:
        """The stored read models themselves: to change their values changes the store."""
        return self._stored.shown(self.projections)

    @live.setter
    def live(self, models: ReadModels | None) -> None:
        """Store these, or none, whatever was stored before."""
        if models is None:
            self._stored.live, self._stored.generations = None, {}
        else:
            self._stored.show(models)

    @property
    def shown(self) -> ReadModels:
        """As `live`, where some are stored."""
        assert self.live is not None
        return self.live

    async def load(self) -> ReadModels | None:
        self.loads.append(asyncio.get_running_loop().time())
        return await super().load()

    async def resume(self, models: ReadModels) -> None:
        self.resumed.append(models.position)
        await super().resume(models)

    async def apply(self, changes: Changes) -> bool:
        if self.refusing or not await super().apply(changes):
            return False
        self.applied.append(changes)
        return True
