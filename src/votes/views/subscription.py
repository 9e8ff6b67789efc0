"""The subscription of an API process to the store of the read models: it keeps the replica fresh.

Each message names the position that its changes start from. Where the replica is at another one, a
message was missed and everything is loaded again. When the connection is lost, or the projector has
no heartbeat, the replica is emptied and reads fold the log.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from redis.asyncio.client import PubSub

from votes.engine.log import Position
from votes.engine.ports import Unavailable
from votes.engine.projection import Projections
from votes.engine.projector import HEARTBEAT_TIMEOUT_S
from votes.engine.read_model_store import Heartbeat
from votes.engine.read_models import Changes, ReadModels
from votes.views.keys import Namespace
from votes.views.messages import Values, decode_message
from votes.views.read_model_store import (
    RedisReadModelStore,
    raise_swallowed_cancellation,
    translated,
)

RETRY_S = 0.5
NOT_WHOLE_RETRY_S = 0.05
CREEP = 0.05
READ_MIN_S = 0.05
"""Long enough to receive a message that has arrived, when there is no time left to wait."""

_NOWHERE: tuple[str, Position] = "", 0
_SILENT = "the projector has no heartbeat"

Clock = Callable[[], float]
BelongsToLog = Callable[[ReadModels], Awaitable[bool]]


class OnChange(Protocol):
    """Called with the read models after each change, the changes (None when all was loaded anew, or
    lost), and the loop's time at which they were at the head of the log."""

    def __call__(
        self, models: ReadModels | None, changes: Changes | None, fresh_at: float | None = None
    ) -> None: ...


class Delays:
    """How late messages arrive, although the clocks of the two machines may differ.

    The least difference seen so far is taken as the difference of the clocks. It grows by `CREEP`
    of the time that passes, so a clock that is set causes wrong delays for a while only.
    """

    def __init__(self) -> None:
        self._least_s: float | None = None
        self._seen_at = 0.0

    def of(self, read_at: float, now: float, age_s: float = 0.0) -> float:
        """How old is what was read at `read_at`. Without any delay it is `age_s` old, or less."""
        took_s = now - read_at
        if self._least_s is None:
            self._least_s = took_s - age_s
        else:
            grown_s = CREEP * max(now - self._seen_at, 0)
            self._least_s = min(took_s - age_s, self._least_s + grown_s)
        self._seen_at = now
        return took_s - self._least_s


class Subscription:
    """Follows the store. `models` is None while no read models can be trusted.

    `belongs_to_log` tells whether read models are folded from the log as it is now; it raises
    `Unavailable`. `clock` returns seconds since any fixed moment.
    """

    def __init__(
        self,
        space: Namespace,
        projections: Projections,
        belongs_to_log: BelongsToLog,
        on_change: OnChange,
        clock: Clock,
        log: Callable[[str], None],
    ) -> None:
        self._redis = space.redis
        self._read_model_store = RedisReadModelStore(space, projections, complete=False)
        self._values = Values(projections)
        self._belongs_to_log = belongs_to_log
        self._on_change = on_change
        self._clock = clock
        self._delays = Delays()
        self._log = log
        self._lost_at = _NOWHERE
        self._fresh_at = self._began = 0.0
        self.models: ReadModels | None = None

    async def run(self) -> None:
        """Follow the store until cancelled."""
        self._began = self._now()
        while True:
            try:
                async with translated(), self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(self._read_model_store.keys.channel)
                    await self._follow(pubsub)
            except Unavailable as error:
                self._lose(str(error))
            await asyncio.sleep(RETRY_S)

    def _lose(self, reason: str) -> None:
        if self.models is not None:
            self._log(f"lost the read models, reading from the log: {reason}")
            self._lost_at = self.models.world, self.models.position
            self.models = None
            self._on_change(None, None)

    def _take(self, models: ReadModels) -> None:
        self.models = models
        self._on_change(models, None, self._fresh_at)

    async def _follow(self, pubsub: PubSub) -> None:
        await self._load(pubsub)
        while True:
            raise_swallowed_cancellation()
            silent_at = self._fresh_at + HEARTBEAT_TIMEOUT_S
            wait_s = silent_at - self._now() if self.models is not None else HEARTBEAT_TIMEOUT_S
            message = await pubsub.get_message(
                ignore_subscribe_messages=True, timeout=max(wait_s, READ_MIN_S)
            )
            if message is not None:
                if not self._adopted(self.models, message["data"]):
                    await self._load(pubsub)
            elif self.models is None:
                await self._redis.ping()
            self._lose_if_silent()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _adopted(self, models: ReadModels | None, data: bytes) -> bool:
        """Whether the read models have what the message says. Those that are shown are told of."""
        try:
            message = decode_message(data)
            changes = self._values.changes(message)
        except ValueError:  # from a release with another format
            return False
        if models is None or changes is None or message.live.world != models.world:
            return False
        if changes.position <= models.position and changes.before < models.position:
            return True  # from before the load
        if changes.before != models.position:
            return False
        models.adopt(changes)
        if changes.read_at is not None:
            late_s = self._delays.of(changes.read_at, self._clock(), changes.age_s)
            self._fresh_at = self._now() - late_s
        if models is self.models:
            self._on_change(models, changes, self._fresh_at)
        return True

    async def _caught_up(self, pubsub: PubSub, models: ReadModels) -> bool:
        """Adopt what arrived while they were loaded, if that took so long that they are old.

        False where a message was missed.
        """
        while self._is_silent():
            message = await pubsub.get_message(timeout=READ_MIN_S)
            if message is None:
                break
            if message["type"] == "message" and not self._adopted(models, message["data"]):
                return False
        return True

    async def _load(self, pubsub: PubSub) -> None:
        """Load until the read models are complete, folded from this log, and fresh.

        They must not be older than those shown before from the same world, unless these do not come
        back within `HEARTBEAT_TIMEOUT_S`.
        """
        began = self._now()
        while True:
            heartbeat = await self._read_model_store.heartbeat()
            beat_at = fresh_at = 0.0
            if heartbeat is not None:
                beat_at = self._now() - heartbeat.age_s
                late_s = self._delays.of(heartbeat.read_at, self._clock(), heartbeat.age_s)
                fresh_at = self._now() - late_s
            models = await self._read_model_store.load()
            older = (
                models is not None
                and self._older(models)
                and self._now() - began < HEARTBEAT_TIMEOUT_S
            )
            if models is not None and not older and await self._believed(models, beat_at):
                if heartbeat is not None and heartbeat.generation == models.generation:
                    self._fresh_at = fresh_at
                    if await self._caught_up(pubsub, models):
                        self._take(models)
                        return
                    continue
                await self._wait_for_heartbeat(models, heartbeat)
            self._lose_if_silent()
            await asyncio.sleep(NOT_WHOLE_RETRY_S)

    async def _believed(self, models: ReadModels, beat_at: float) -> bool:
        """Whether they are folded from the log as it is now.

        Where the log does not respond, a heartbeat since this process began shows that they are.
        """
        try:
            return await self._belongs_to_log(models)
        except Unavailable:
            return beat_at > self._began

    async def _wait_for_heartbeat(self, models: ReadModels, other: Heartbeat | None) -> None:
        """Wait until a projector has a heartbeat for these read models.

        Until then they are not shown, but reads may fold the log on from them. A heartbeat of the
        other generation says nothing about them.
        """
        if self._lost_at == _NOWHERE and self.models is None:
            self._take(models)
            self._lose(_SILENT)
        passed = other.generation if other is not None else None
        while (
            heartbeat := await self._read_model_store.heartbeat()
        ) is None or heartbeat.generation == passed:
            self._lose_if_silent()
            await asyncio.sleep(RETRY_S)

    def _is_silent(self) -> bool:
        return self._now() - self._fresh_at >= HEARTBEAT_TIMEOUT_S

    def _lose_if_silent(self) -> None:
        if self._is_silent():
            self._lose(_SILENT)

    def _older(self, models: ReadModels) -> bool:
        """Whether newer ones were shown: Redis may have lost its last writes for a moment."""
        shown = self.models
        world, position = (shown.world, shown.position) if shown else self._lost_at
        return models.world == world and models.position < position
