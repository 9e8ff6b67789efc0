"""Pictures: drawn one at a time, for each client's network in turn, and remembered.

To draw one takes about 30 ms of a processor. So whoever asks for many waits behind whoever asks
for one, and when too many wait it is they who are refused.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from cachetools import LRUCache

from votes.engine.ports import Unavailable
from votes.http.errors import Refused
from votes.site.picture import Side, draw
from votes.views.pictures import RedisPictures

DRAWING_MAX = 1
WAITING_MAX = 64
KEPT_MAX = 128

Network = str | None


class Turns:
    """A few at a time; those who wait stand in a line for each network, and the lines take turns.

    When all places are taken, a newcomer gets that of the last in a longer line than its own.
    """

    def __init__(self, working_max: int, waiting_max: int) -> None:
        self._free = working_max
        self._waiting_max = waiting_max
        self._lines: OrderedDict[Network, deque[asyncio.Future[None]]] = OrderedDict()
        """In the order of their turns; none is empty. Who gave up stands there until then."""

    @asynccontextmanager
    async def turn(self, network: Network) -> AsyncIterator[None]:
        """Wait for it. Raises `Refused`."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(network)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, network: Network) -> None:
        if sum(map(len, self._lines.values())) >= self._waiting_max:
            self._make_room(network)
        turn = asyncio.get_running_loop().create_future()
        self._lines.setdefault(network, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it had become ours just then
                self._pass_on()
            raise

    def _make_room(self, network: Network) -> None:
        full = Refused("overloaded", "Too many pictures are being drawn.")
        longest = max(self._lines.values(), key=len)
        if len(longest) <= len(self._lines.get(network, ())) + 1:
            raise full
        last = longest.pop()
        if not last.done():
            last.set_exception(full)

    def _pass_on(self) -> None:
        while self._lines:
            network, line = self._lines.popitem(last=False)
            turn = line.popleft()
            if line:
                self._lines[network] = line
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class Gallery:
    """The pictures of one process. Without Redis it draws what it does not remember itself."""

    def __init__(self, shared: RedisPictures) -> None:
        self._shared = shared
        self._kept: LRUCache[str, bytes] = LRUCache(KEPT_MAX)
        self._turns = Turns(DRAWING_MAX, WAITING_MAX)

    async def picture(self, key: str, sides: list[Side], network: Network) -> bytes:
        """The picture under its key, for a client of this network. Raises `Refused`."""
        if key in self._kept:
            return self._kept[key]
        with suppress(Unavailable):
            if kept := await self._shared.kept(key):
                self._kept[key] = kept
                return kept
        async with self._turns.turn(network):
            if key in self._kept:  # drawn for somebody else meanwhile
                return self._kept[key]
            drawn = self._kept[key] = await asyncio.to_thread(draw, sides)
        with suppress(Unavailable):
            await self._shared.keep(key, drawn)
        return drawn
