"""The subscription of an API process to the store of the read models: it keeps the replica fresh.

Each announcement names the one before it, and the position that its changes start from. What was
missed is read when it can be; where it is no longer kept, everything is loaded again. When the
connection is lost, or the projector has no heartbeat, the replica is emptied and reads fold the
log. The read models are kept up to date all the same, and shown again with the next heartbeat.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from votes.engine.ports import Unavailable
from votes.engine.projecting.projector import HEARTBEAT_TIMEOUT_S
from votes.engine.projection import Projections
from votes.engine.read_models import Changes, ReadModels
from votes.views.announcements import NONE_YET, Announcement, Announcements
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
"""Long enough to receive what has been announced, when there is no time left to wait."""

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
    """Follows the store. `models` are shown; None while no read models can be trusted.

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
        self._read_model_store = RedisReadModelStore(space, projections, complete=False)
        self._announcements = Announcements(space.redis, self._read_model_store.keys.changes)
        self._values = Values(projections)
        self._belongs_to_log = belongs_to_log
        self._on_change = on_change
        self._clock = clock
        self._delays = Delays()
        self._log = log
        self._followed: ReadModels | None = None
        self._last = NONE_YET
        """The read models that are kept up to date, shown or not, and the last announcement that
        they have."""
        self._known = False
        """Whether any read models were ever shown. The first ones are, fresh or not: then reads may
        fold the log on from them."""
        self._fresh_at = self._began = 0.0
        self.models: ReadModels | None = None

    async def run(self) -> None:
        """Follow the store until cancelled."""
        self._began = self._now()
        while True:
            try:
                async with translated():
                    await self._follow()
            except Unavailable as error:
                self._lose(str(error))
            await asyncio.sleep(RETRY_S)

    def _lose(self, reason: str) -> None:
        if self.models is not None:
            self._log(f"lost the read models, reading from the log: {reason}")
            self.models = None
            self._on_change(None, None)

    def _take(self, models: ReadModels, fresh_at: float) -> None:
        self.models, self._fresh_at, self._known = models, fresh_at, True
        self._on_change(models, None, fresh_at)

    async def _follow(self) -> None:
        if self._followed is None:
            await self._load()
        while self._followed is not None:
            raise_swallowed_cancellation()
            found = await self._announcements.after(self._last, self._wait_s())
            if not found and not self._known:
                self._take(self._followed, 0.0)
            elif not found and await self._announcements.are_lost(self._last):
                await self._load()
            for announcement in found:
                if not await self._adopted(announcement):
                    await self._load()
                    break
            self._lose_if_silent()

    def _wait_s(self) -> float:
        """How long to wait for an announcement: until the shown read models are too old."""
        if self.models is None and self._known:
            return HEARTBEAT_TIMEOUT_S
        return max(self._fresh_at + HEARTBEAT_TIMEOUT_S - self._now(), READ_MIN_S)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _adopted(self, announcement: Announcement) -> bool:
        """Whether the read models have what is announced. Those that are shown are told of."""
        models = self._followed
        try:
            message = decode_message(announcement.message)
            changes = self._values.changes(message)
        except ValueError:  # from a release with another format
            return False
        if announcement.before != self._last or models is None:
            return False
        if message.live.world != models.world:
            return False
        before = message.live.position if changes is None else changes.before
        if before == models.position:
            if changes is not None:
                models.adopt(changes)
            elif (ahead := await self._read_model_store.ahead(models)) is not None:
                changes = models.take(ahead)
            else:
                return False
        elif max(before, message.live.position) > models.position:
            return False  # else it is from before the load
        if changes is not None and changes.position == models.position:
            self._tell(models, changes)
        self._last = announcement.id
        return True

    def _tell(self, models: ReadModels, changes: Changes) -> None:
        """Say what has changed, or show the read models again once they are fresh."""
        fresh_at = self._fresh_at if models is self.models else 0.0
        if changes.read_at is not None:
            late_s = self._delays.of(changes.read_at, self._clock(), changes.age_s)
            fresh_at = self._now() - late_s
        if models is self.models:
            self._fresh_at = fresh_at
            self._on_change(models, changes, fresh_at)
        elif not self._is_silent(fresh_at):
            self._take(models, fresh_at)

    async def _load(self) -> None:
        """Load until the read models are complete, and folded from this log.

        They must not be older than those before from the same world, unless these do not come back
        within `HEARTBEAT_TIMEOUT_S`. They are shown where a heartbeat is of their generation: that
        of another one says nothing about them. Else the next announcement shows them.
        """
        began = self._now()
        while True:
            last = await self._announcements.last()
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
                break
            self._lose_if_silent()
            await asyncio.sleep(NOT_WHOLE_RETRY_S)
        self._followed, self._last = models, last
        if heartbeat is None or heartbeat.generation != models.generation:
            fresh_at = 0.0
        if not self._is_silent(fresh_at):
            self._take(models, fresh_at)
        self._lose_if_silent()

    async def _believed(self, models: ReadModels, beat_at: float) -> bool:
        """Whether they are folded from the log as it is now.

        Where the log does not respond, a heartbeat since this process began shows that they are.
        """
        try:
            return await self._belongs_to_log(models)
        except Unavailable:
            return beat_at > self._began

    def _is_silent(self, fresh_at: float) -> bool:
        return self._now() - fresh_at >= HEARTBEAT_TIMEOUT_S

    def _lose_if_silent(self) -> None:
        if self._is_silent(self._fresh_at):
            self._lose(_SILENT)

    def _older(self, models: ReadModels) -> bool:
        """Whether newer ones were known: Redis may have lost its last writes for a moment."""
        followed = self._followed
        return (
            followed is not None
            and models.world == followed.world
            and models.position < followed.position
        )
