"""Pictures: drawn one at a time, for each client's network in turn, and cached.

Drawing one takes 30 to 60 ms of a processor, 140 with a long Japanese name. So a client that asks
for many waits behind one that asks for one, and is refused first when too many requests wait.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from hashlib import sha256

import msgspec
from cachetools import LRUCache

from votes import __version__
from votes.engine.ports import Unavailable
from votes.http.errors import Refused
from votes.languages import language
from votes.site.pictures.drawing import Subject, draw
from votes.views.pictures import RedisPictures

DRAWING_MAX = 1
WAITING_MAX = 64
CACHED_MAX = 128
KEY_LENGTH = 32
"""Of the hash of all that a picture shows."""

Network = str


class Turns:
    """A few work at a time; waiting requests form a queue for each network; the queues take turns.

    When all places are taken, a new request replaces the last one of a longer queue than its own.
    """

    def __init__(self, working_max: int, waiting_max: int) -> None:
        self._free = working_max
        self._waiting_max = waiting_max
        self._queues: OrderedDict[Network, deque[asyncio.Future[None]]] = OrderedDict()
        """In the order of their turns; none is empty. Cancelled requests stay until their turn."""

    @asynccontextmanager
    async def turn(self, network: Network) -> AsyncIterator[None]:
        """Wait for a turn. Raises `Refused`."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(network)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, network: Network) -> None:
        if sum(map(len, self._queues.values())) >= self._waiting_max:
            self._make_room(network)
        turn = asyncio.get_running_loop().create_future()
        self._queues.setdefault(network, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the turn had just begun
                self._pass_on()
            raise

    def _make_room(self, network: Network) -> None:
        full = Refused("overloaded", "Too many pictures are being drawn.")
        longest = max(self._queues.values(), key=len)
        if len(longest) <= len(self._queues.get(network, ())) + 1:
            raise full
        last = longest.pop()
        if not last.done():
            last.set_exception(full)

    def _pass_on(self) -> None:
        while self._queues:
            network, queue = self._queues.popitem(last=False)
            turn = queue.popleft()
            if queue:
                self._queues[network] = queue
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class Gallery:
    """The pictures of one process, with its own cache and the shared one in Redis."""

    def __init__(self, shared: RedisPictures) -> None:
        self._shared = shared
        self._cached: LRUCache[str, bytes] = LRUCache(CACHED_MAX)
        self._turns = Turns(DRAWING_MAX, WAITING_MAX)

    async def picture(self, subject: Subject, address: str, network: Network) -> bytes:
        """The picture of the subject, for a client of this network. Raises `Refused`."""
        shown = msgspec.json.encode((__version__, language().tag, subject, address))
        key = sha256(shown).hexdigest()[:KEY_LENGTH]
        if key in self._cached:
            return self._cached[key]
        with suppress(Unavailable):
            if picture := await self._shared.get(key):
                self._cached[key] = picture
                return picture
        async with self._turns.turn(network):
            if key in self._cached:  # drawn meanwhile
                return self._cached[key]
            drawn = self._cached[key] = await asyncio.to_thread(draw, subject, address)
        with suppress(Unavailable):
            await self._shared.put(key, drawn)
        return drawn
