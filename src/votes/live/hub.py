"""The hub: which stream listens to which tools, what is shown, and when there is news.

A listener has no queue. It holds the position that it has reached; the newer states are computed
when it can send them. So a slow listener skips states but always gets the last one.

The hub shows the live read models and, while these are away, read models folded from the log.
"""

import asyncio
from collections.abc import Iterator
from itertools import islice

import structlog

from votes.domain.terms import ToolSlug
from votes.engine.log import Position
from votes.engine.ports import Unavailable
from votes.engine.read_models import Changes, ReadModels
from votes.engine.reading.reader import NotYet, Reader, ReadSource
from votes.engine.reading.replica import Replica
from votes.live.frames import BEFORE_ALL, Frames
from votes.projections.profiles import PROFILES

TICK_S = 0.05
"""News after a silence is sent at once; then it is gathered for so long. So a stream gets at most
20 frames a second of one tool."""
SLICE = 100
"""So many listeners are woken at a time; in between, the loop serves other tasks."""
SPREAD_S = 0.045
"""The turns of a crowd are spread over this time: each listener gets the newest states at its turn,
and the last turn is over before the next tick."""
LOG_S = 1.0
"""How often the log is read while the live read models are away and somebody listens."""

Tools = tuple[ToolSlug, ...]

_log = structlog.get_logger(__name__)


class TooMany(Exception):
    """The limit of streams is reached; with `here`, that of this network."""

    def __init__(self, *, here: bool) -> None:
        super().__init__("too many streams from this network" if here else "too many streams")
        self.here = here


class Listener:
    """One stream: its tools, and the world and position that it has reached."""

    __slots__ = ("_waiter", "closed", "network", "position", "tools", "world")

    def __init__(
        self, tools: Tools, network: str | None, world: str = "", position: Position = BEFORE_ALL
    ) -> None:
        self.tools = tools
        self.network = network
        self.world = world
        self.position = position
        self.closed = False
        self._waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """Wake the stream: there may be news, a heartbeat is due, or it has to end."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def woken(self) -> asyncio.Future[None]:
        """A future that is done at the next `wake`. For one task, which checks for news before."""
        self._waiter = asyncio.get_running_loop().create_future()
        return self._waiter

    def close(self) -> None:
        self.closed = True
        self.wake()


class Hub:
    """The streams of one process; the replica calls it at each change."""

    def __init__(self, replica: Replica, streams_max: int, streams_per_network_max: int) -> None:
        self.replica = replica
        self.models: ReadModels | None = None
        """The read models that are shown, None while there are none yet."""
        self.frames = Frames("", stale=False)
        self._streams_max = streams_max
        self._per_network_max = streams_per_network_max
        self._listeners: dict[ToolSlug, dict[Listener, None]] = {}
        self._networks: dict[str, int] = {}
        self._count = 0
        self._news: set[ToolSlug] = set()
        self._news_of_all = False
        self._ahead: Position = 0
        """The position of the partition that was furthest ahead at the load: changes up to there do
        not contain its values."""
        self._ticked_at = 0.0
        self._ticking = False
        replica.listeners.append(self._changed)

    @property
    def count(self) -> int:
        """How many streams are open."""
        return self._count

    def join(self, listener: Listener) -> None:
        """Add a stream. Raises `TooMany`."""
        if self._count >= self._streams_max:
            raise TooMany(here=False)
        network = listener.network
        if network is not None:
            if self._networks.get(network, 0) >= self._per_network_max:
                raise TooMany(here=True)
            self._networks[network] = self._networks.get(network, 0) + 1
        self._count += 1
        for tool in listener.tools:
            self._listeners.setdefault(tool, {})[listener] = None

    def leave(self, listener: Listener) -> None:
        """Remove a stream that has joined."""
        self._count -= 1
        for tool in listener.tools:
            listeners = self._listeners[tool]
            del listeners[listener]
            if not listeners:
                del self._listeners[tool]
        if listener.network is not None:
            self._networks[listener.network] -= 1
            if not self._networks[listener.network]:
                del self._networks[listener.network]

    def next_piece(self, listener: Listener) -> bytes:
        """The next piece for the listener, empty without news; moves the listener's position.

        In another world the listener starts anew with a snapshot. It goes on from live read models
        to those from the log, but not back: what it has shown as stale would stay marked.
        """
        if self.models is None:
            return b""
        frames = self.frames
        started = listener.world in frames.goes_on_from
        position = listener.position if started else BEFORE_ALL
        piece, listener.position = frames.since(self.models, listener.tools, position)
        if piece or not started:
            listener.world = frames.world
        return piece

    def is_behind(self, listener: Listener) -> bool:
        """Whether the listener's position is beyond that of the shown read models."""
        return self.models is not None and listener.position > self.models.position

    async def follow_log(self, reader: Reader) -> None:
        """Until cancelled: while the live read models are away, show those folded from the log."""
        while True:
            await asyncio.sleep(LOG_S)
            if not self._count:
                self._show(self.replica.models, stale=False)
            elif self.models is None or self.frames.stale:
                try:
                    self._show_if_current(await reader.models())
                except (NotYet, Unavailable):
                    continue
                except Exception as error:  # noqa: BLE001 - streams go on once the log is readable
                    _log.warning("the log cannot be shown to streams", error=repr(error))

    def _show_if_current(self, source: ReadSource) -> None:
        """Show the source, unless the live read models have come back or are lost again."""
        if source.stale:
            overtaken = self.models is not None and not self.frames.stale
        else:
            overtaken = self.replica.models is not source.models
        if not overtaken:
            self._show(source.models, stale=source.stale)
            self._reloaded(source.models)

    def _show(self, models: ReadModels | None, *, stale: bool) -> None:
        """Show the read models; keep encoded frames while the world is the same."""
        self.models = models
        frames = Frames(models.world if models is not None else "", stale=stale)
        if frames.world != self.frames.world:
            self.frames = frames

    def _reloaded(self, models: ReadModels) -> None:
        """After a load: anything may have changed."""
        self._ahead = models.furthest()
        self._news_of_all = True
        self._schedule()

    def _changed(self, models: ReadModels | None, changes: Changes | None) -> None:
        if self.frames.stale:
            return  # until the reader says that the live read models have caught up with the log
        if changes is None or models is not self.models:
            self._show(models, stale=False)
        if models is None:
            return
        if changes is None:
            self._reloaded(models)
        else:
            self._news_of_all |= changes.before < self._ahead
            for key in changes.changed_keys() if self._listeners else ():
                self._news.update(self._listened_slugs(models, key))
        self._schedule()

    def _listened_slugs(self, models: ReadModels, key: str) -> Iterator[ToolSlug]:
        """The slugs under which somebody listens to the tool of the key."""
        profile = models.get(PROFILES, key)
        slugs = (key,) if profile is None else (profile.slug, *profile.former)
        return (slug for slug in slugs if slug in self._listeners)

    def _schedule(self) -> None:
        """Schedule the next tick, if there is news and the last tick is over."""
        if not self._ticking and (self._news or self._news_of_all):
            self._ticking = True
            loop = asyncio.get_running_loop()
            at = max(loop.time(), self._ticked_at + TICK_S)
            loop.call_at(at, self._tick, at)

    def _tick(self, at: float) -> None:
        """Begin a tick. Small audiences come first: they do not wait for a crowd."""
        self._ticked_at = at
        tools = self._listeners if self._news_of_all else self._news & self._listeners.keys()
        audiences = sorted((self._listeners[tool] for tool in tools), key=len)
        listeners = dict.fromkeys(one for audience in audiences for one in audience)
        self._news, self._news_of_all = set(), False
        self.frames.forget_pieces()
        self._wake_in_turns(iter(listeners), at, SPREAD_S * SLICE / max(len(listeners), SLICE))

    def _wake_in_turns(self, listeners: Iterator[Listener], at: float, pace_s: float) -> None:
        woken = 0
        for listener in islice(listeners, SLICE):
            listener.wake()
            woken += 1
        self._ticking = woken == SLICE
        if self._ticking:
            loop = asyncio.get_running_loop()
            loop.call_at(at + pace_s, self._wake_in_turns, listeners, at + pace_s, pace_s)
        else:
            self._schedule()
