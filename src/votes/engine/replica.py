"""The read models as an API process holds them: what to answer from, and who waits for more."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from typing import Any

from votes.engine.log import POSITION_MAX, Position
from votes.engine.projection import Projection
from votes.engine.projector import HEARTBEAT_TIMEOUT_S
from votes.engine.read_models import Changes, ReadModels

Listener = Callable[[ReadModels | None, Changes | None], None]


class Replica:
    """Holds the live models, the frames encoded from them, and the waiters for a position.

    `lost` are the models that were live last, while none are: the log is read on from there.
    `listeners` are told of each change as `changed` is.
    """

    def __init__(self) -> None:
        self.models: ReadModels | None = None
        self.lost: ReadModels | None = None
        self.listeners: list[Listener] = []
        self._frames: dict[str, dict[str, bytes]] = {}
        self._waiting: list[tuple[Position, int, asyncio.Future[None]]] = []
        self._fresh_at = 0.0
        self._ticket = count()
        self._abandoned = 0

    def changed(
        self, models: ReadModels | None, changes: Changes | None, fresh_at: float | None = None
    ) -> None:
        """The models have moved by the changes; None for the changes when anything may differ.

        They were at the head of the log at the loop's time `fresh_at`, or are so now.
        """
        self.lost = self.models if models is None else None
        self._fresh_at = asyncio.get_running_loop().time() if fresh_at is None else fresh_at
        self.models = models
        if changes is None:
            self._frames.clear()
        else:
            for key in changes.touched():
                self._frames.pop(key, None)
        self._wake(models.position if models is not None else POSITION_MAX)
        for listener in self.listeners:
            listener(models, changes)

    def fresh(self) -> ReadModels | None:
        """The live models, unless it is too long that they were known to be at the head of the
        log: as when this process itself stood still, and has not had the time to notice."""
        age_s = asyncio.get_running_loop().time() - self._fresh_at
        return self.models if age_s <= HEARTBEAT_TIMEOUT_S else None

    def frame(self, model: Projection[Any], key: str) -> bytes | None:
        """The value of a live model as it is shown, encoded once; None where there is none."""
        known = self._frames.get(key, {}).get(model.name)
        if known is None and self.models is not None and model.frame is not None:
            known = model.frame(self.models, key, False)
            if known is not None:
                self._frames.setdefault(key, {})[model.name] = known
        return known

    async def reached(self, position: Position) -> None:
        """Return once the models are at or after the position, or lost."""
        if self.models is not None and self.models.position >= position:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (position, next(self._ticket), future))
        try:
            await future
        except asyncio.CancelledError:
            self._forget_abandoned()
            raise

    def _forget_abandoned(self) -> None:
        """Waiters for a position that never comes give up; keep at most as many as still wait."""
        self._abandoned += 1
        if self._abandoned > len(self._waiting) // 2:
            self._waiting = [waiting for waiting in self._waiting if not waiting[2].done()]
            heapq.heapify(self._waiting)
            self._abandoned = 0

    def _wake(self, position: Position) -> None:
        while self._waiting and self._waiting[0][0] <= position:
            future = heapq.heappop(self._waiting)[2]
            if not future.done():
                future.set_result(None)
