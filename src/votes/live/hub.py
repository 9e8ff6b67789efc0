"""The hub: who listens to which tools, what there is to show, and when there is news.

A listener keeps no queue. It holds the position that it has got to; whatever is newer is worked out
when it can take it. A slow listener thus skips states in between and never lacks the last.

What is shown are the live models and, while those are away, models folded from the log.
"""

import asyncio
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from itertools import islice

import structlog

from votes.domain.terms import ToolSlug
from votes.engine.log import Position
from votes.engine.ports import Unavailable
from votes.engine.read_models import Changes, ReadModels
from votes.engine.reader import NotYet, Reader, ReadSource
from votes.engine.replica import Replica
from votes.live.frames import BEFORE_ALL, Frames
from votes.projections.profiles import PROFILES

TICK_S = 0.05
"""News after a silence goes out at once; then it is gathered this long, so a stream gets 20 frames
a second of one tool."""
SLICE = 100
"""So many are woken at a time, so that in between the loop reads what comes in."""
SPREAD_S = 0.045
"""Over which the turns of a crowd are spread: each gets what is newest when its turn comes, and the
last one's is over before the next tick."""
LOG_S = 1.0
"""How often the log is looked into while the live models are away and somebody listens."""
IPV4_NETWORK_BITS = 24
IPV6_NETWORK_BITS = 48
UNKNOWN_NETWORK = "?"

Tools = tuple[ToolSlug, ...]

_log = structlog.get_logger(__name__)


class TooMany(Exception):
    """There is no room for another stream; `here` means: for another of this network."""

    def __init__(self, *, here: bool) -> None:
        super().__init__("too many streams from this network" if here else "too many streams")
        self.here = here


class Listener:
    """One stream: what it hears of, and the position that it has got to, in which world."""

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
        """There may be news, a heartbeat is due, or the stream is to end."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def woken(self) -> asyncio.Future[None]:
        """Done when it is woken next. For one task, which looks for news before it waits."""
        self._waiter = asyncio.get_running_loop().create_future()
        return self._waiter

    def close(self) -> None:
        self.closed = True
        self.wake()


class Hub:
    """Streams of one process; the memory tells it of changes."""

    def __init__(self, replica: Replica, streams_max: int, streams_per_network_max: int) -> None:
        self.replica = replica
        self.models: ReadModels | None = None
        """What is shown, None while there is nothing yet."""
        self.frames = Frames("", stale=False)
        self._streams_max = streams_max
        self._per_network_max = streams_per_network_max
        self._listeners: dict[ToolSlug, dict[Listener, None]] = {}
        self._networks: dict[str, int] = {}
        self._count = 0
        self._news: set[ToolSlug] = set()
        self._all_news = False
        self._ahead: Position = 0
        """How far any part of the models was when they were loaded: what is beyond the announced
        position is in none of the changes that lead there."""
        self._ticked_at = 0.0
        self._ticking = False
        replica.listeners.append(self._changed)

    @property
    def count(self) -> int:
        """How many streams are open."""
        return self._count

    def join(self, listener: Listener) -> None:
        """Let it hear. Raises `TooMany`."""
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
        """Forget it; only after `join`."""
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
        """What comes next for it, if anything; it has got there then.

        In another world it starts anew. From live models it goes on to those from the log, but not
        back: what it has shown as stale would stay so.
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
        """Whether the listener has got further than what is shown."""
        return self.models is not None and listener.position > self.models.position

    async def follow_log(self, reader: Reader) -> None:
        """Until cancelled: while the live models are away, show what can be read from the log."""
        while True:
            await asyncio.sleep(LOG_S)
            if not self._count:
                self._show(self.replica.models, stale=False)
            elif self.models is None or self.frames.stale:
                try:
                    self._found(await reader.models())
                except (NotYet, Unavailable):
                    continue
                except Exception as error:  # noqa: BLE001 - streams go on when it can be read again
                    _log.warning("the log cannot be shown to streams", error=repr(error))

    def _found(self, source: ReadSource) -> None:
        """Show it, unless the live models have come back meanwhile, or are lost again."""
        if source.stale:
            overtaken = self.models is not None and not self.frames.stale
        else:
            overtaken = self.replica.models is not source.models
        if not overtaken:
            self._show(source.models, stale=source.stale)
            self._anew(source.models)

    def _show(self, models: ReadModels | None, *, stale: bool) -> None:
        """What is encoded stays while the world does."""
        self.models = models
        frames = Frames(models.world if models is not None else "", stale=stale)
        if frames.world != self.frames.world:
            self.frames = frames

    def _anew(self, models: ReadModels) -> None:
        """Anything may have changed."""
        self._ahead = models.furthest()
        self._all_news = True
        self._schedule()

    def _changed(self, models: ReadModels | None, changes: Changes | None) -> None:
        if self.frames.stale:
            return  # until reads say that the live models have caught up with the log
        if changes is None or models is not self.models:
            self._show(models, stale=False)
        if models is None:
            return
        if changes is None:
            self._anew(models)
        else:
            self._all_news |= changes.before < self._ahead
            for key in changes.touched():
                self._news.update(self._heard_as(models, key))
        self._schedule()

    def _heard_as(self, models: ReadModels, key: str) -> Iterator[ToolSlug]:
        """The slugs under which somebody listens to what is kept under the key."""
        profile = models.get(PROFILES, key)
        slugs = (key,) if profile is None else (profile.slug, *profile.former)
        return (slug for slug in slugs if slug in self._listeners)

    def _schedule(self) -> None:
        """The next tick, if there is news and the last tick is over."""
        if not self._ticking and (self._news or self._all_news):
            self._ticking = True
            loop = asyncio.get_running_loop()
            at = max(loop.time(), self._ticked_at + TICK_S)
            loop.call_at(at, self._begin, at)

    def _begin(self, at: float) -> None:
        """Begin a tick. Small audiences come first: a crowd elsewhere does not hold them up."""
        self._ticked_at = at
        tools = self._listeners if self._all_news else self._news & self._listeners.keys()
        audiences = sorted((self._listeners[tool] for tool in tools), key=len)
        listeners = dict.fromkeys(one for audience in audiences for one in audience)
        self._news, self._all_news = set(), False
        self.frames.forget()
        self._take_turns(iter(listeners), at, SPREAD_S * SLICE / max(len(listeners), SLICE))

    def _take_turns(self, listeners: Iterator[Listener], at: float, pace_s: float) -> None:
        woken = 0
        for listener in islice(listeners, SLICE):
            listener.wake()
            woken += 1
        self._ticking = woken == SLICE
        if self._ticking:
            loop = asyncio.get_running_loop()
            loop.call_at(at + pace_s, self._take_turns, listeners, at + pace_s, pace_s)
        else:
            self._schedule()


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address, as IPv4 where it is one that IPv6 carries; None for what is none."""
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


def network_of(address: str) -> str | None:
    """The network whose streams are counted together; None for this very machine, where a proxy
    may stand that nobody told us to trust. What is no address counts as one network."""
    parsed = parse_address(address)
    if parsed is None:
        return UNKNOWN_NETWORK
    if parsed.is_loopback:
        return None
    bits = IPV4_NETWORK_BITS if parsed.version == 4 else IPV6_NETWORK_BITS
    return str(ip_network(f"{parsed}/{bits}", strict=False))
