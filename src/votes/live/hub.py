"""The hub: who listens to which tools, and when there is news for them.

A listener keeps no queue. It holds the position that it has got to; whatever is newer is worked out
when it can take it. A slow listener thus skips states in between and never lacks the last.
"""

import asyncio
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from itertools import islice

from votes.app.memory import Memory
from votes.app.models import Changes, Models
from votes.domain.terms import Position, ToolSlug
from votes.live.frames import Frames

TICK_S = 0.05
"""News after a silence goes out at once; then it is gathered this long, so a stream gets 20 frames
a second of one tool."""
SLICE = 100
"""So many are woken at a time, so that in between the loop reads what comes in."""
SPREAD_S = 0.045
"""Over which the turns of a crowd are spread: each gets what is newest when its turn comes, and the
last one's is over before the next tick."""
IPV4_NETWORK_BITS = 24
IPV6_NETWORK_BITS = 48
UNKNOWN_NETWORK = "?"

Tools = tuple[ToolSlug, ...]


class TooMany(Exception):
    """There is no room for another stream; `here` means: for another of this network."""

    def __init__(self, *, here: bool) -> None:
        super().__init__("too many streams from this network" if here else "too many streams")
        self.here = here


class Listener:
    """One stream: what it hears of, and the position that it has got to."""

    __slots__ = ("_waiter", "closed", "network", "position", "tools")

    def __init__(self, tools: Tools, position: Position, network: str | None) -> None:
        self.tools = tools
        self.position = position
        self.network = network
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

    def __init__(self, memory: Memory, streams_max: int, streams_per_network_max: int) -> None:
        self.memory = memory
        self.frames = Frames()
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
        self._models: Models | None = None
        self._ticked_at = 0.0
        self._ticking = False
        self._put_right: set[ToolSlug] = set()
        memory.listeners.append(self._changed)

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

    def _changed(self, models: Models | None, changes: Changes | None) -> None:
        if models is None:
            return
        if changes is None:
            self._ahead = models.furthest()
            self._all_news = True
            self._find_mended(models)
        else:
            self._all_news |= changes.before < self._ahead
            self._tell_again(models.position)
            for partition in changes.partitions.values():
                for tool in (*partition.tallies, *partition.profiles):
                    if tool in self._listeners:
                        self._news.add(tool)
        self._schedule()

    def _schedule(self) -> None:
        """The next tick, if there is news and the last tick is over."""
        if not self._ticking and (self._news or self._all_news):
            self._ticking = True
            loop = asyncio.get_running_loop()
            at = max(loop.time(), self._ticked_at + TICK_S)
            loop.call_at(at, self._begin, at)

    def _find_mended(self, models: Models) -> None:
        """What a rebuild has put right is news, though its position is that of before."""
        before, self._models = self._models, models
        if before is None or before is models:
            return
        if before.epoch != models.epoch:
            self.frames, self._put_right = Frames(), set()  # positions of another log
            return
        for was, now in zip(before.partitions, models.partitions, strict=True):
            for old, new in ((was.tallies, now.tallies), (was.profiles, now.profiles)):
                for tool in old.keys() & new.keys():
                    if old[tool].position == new[tool].position and old[tool] != new[tool]:
                        self.frames.mended(tool, models.position)
                        self._put_right.add(tool)

    def _tell_again(self, position: Position) -> None:
        """Who had got to the position at which something was put right hears of it here."""
        for tool in self._put_right:
            self.frames.mended(tool, position)
        self._news |= self._put_right
        self._put_right = set()

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
