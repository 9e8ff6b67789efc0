"""The replica: the live read models in an API process, and the reads that wait for a position."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from typing import Any

from votes.engine.log import POSITION_MAX, Position
from votes.engine.projecting.projector import HEARTBEAT_TIMEOUT_S
from votes.engine.projection import Projection
from votes.engine.read_models import Changes, ReadModels

Listener = Callable[[ReadModels | None, Changes | None], None]


class Replica:
    """Holds the live read models, the frames encoded from them, and the reads that wait.

    `models` is None while no live read models are known. `lost` are then the last ones: the log is
    folded on from there. Each change calls the `listeners`.
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
        """Set the read models after these changes; `changes` is None when anything may differ.

        They were at the head of the log at the loop's time `fresh_at`, by default now.
        """
        self.lost = self.models if models is None else None
        self._fresh_at = asyncio.get_running_loop().time() if fresh_at is None else fresh_at
        self.models = models
        if changes is None:
            self._frames.clear()
        else:
            for key in changes.changed_keys():
                self._frames.pop(key, None)
        self._wake(models.position if models is not None else POSITION_MAX)
        for listener in self.listeners:
            listener(models, changes)

    def fresh(self) -> ReadModels | None:
        """The live read models, unless it is too long ago that they were at the head of the log.

        It is so when this process itself stood still, and its subscription has not noticed yet.
        """
        age_s = asyncio.get_running_loop().time() - self._fresh_at
        return self.models if age_s <= HEARTBEAT_TIMEOUT_S else None

    def frame(self, projection: Projection[Any], key: str) -> bytes | None:
        """The live value under the key as a response, encoded once; None where there is none."""
        frame = self._frames.get(key, {}).get(projection.name)
        if frame is None and self.models is not None and projection.frame is not None:
            frame = projection.frame(self.models, key, False)
            if frame is not None:
                self._frames.setdefault(key, {})[projection.name] = frame
        return frame

    async def reached(self, position: Position) -> None:
        """Return once the read models are at or after the position, or lost."""
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
        """Remove abandoned waiters once they are more than half: the position may never come."""
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
