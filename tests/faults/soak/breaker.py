"""What breaks: kill -9 and SIGSTOP of every part, and all that may happen to keys in Redis."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Awaitable, Callable
from time import monotonic

import asyncpg
from redis import Redis
from redis.exceptions import RedisError

from tests.faults.killing import family, part
from tests.faults.soak.record import Outage, Record
from tests.faults.soak.wire import Broken, Connection
from tests.polling import LIMIT_S
from tests.site import Site
from tests.stored.keys import KEYS

STOPPED_S = (1.0, 8.0)
PAUSE_S = (0.5, 3.0)
REDIS_PAUSE_S = (1.0, 5.0)
BACK_S = LIMIT_S
PROBE_S = 0.1
MENDED_S = 8.0
"""A pointer to where the log never was is noticed by then, by the projector or by its silence."""
PROBE_TIMEOUT_S = 1.0
SETTLING_S = 2.0
"""After Postgres answers again until those who use it have connected to it again."""
PARTS = ("api", "worker", "postgres", "valkey")


class Breaker:
    """One fault of a part at a time: each from a shuffled deck, then the deck is shuffled again."""

    def __init__(self, record: Record, site: Site) -> None:
        self.record, self.site = record, site
        self.mind = record.mind("breaker")

    async def run(self) -> None:
        faults: list[tuple[str, Callable[[str], Awaitable[None]]]] = [
            *((name, self._kill) for name in PARTS),
            *((name, self._kill_below) for name in ("api", "postgres")),
            *((name, self._stop) for name in PARTS),
        ]
        while not self.record.over.is_set():
            self.mind.shuffle(faults)
            for name, fault in faults:
                await self.record.pause(self.mind.uniform(*PAUSE_S))
                if self.record.over.is_set():
                    return
                began = monotonic()
                await fault(name)
                await self._poll_back(name)
                settling = SETTLING_S if name == "postgres" else 0.0
                self.record.outages.append(Outage(name, began, monotonic() + settling))

    async def _kill(self, name: str) -> None:
        await self._end(name, part(self.site, name), f"kill -9 {name}")

    async def _kill_below(self, name: str) -> None:
        """One of the part's own processes, not the first."""
        first = part(self.site, name)
        below = [pid for pid, _, _ in family(first)] if first else []
        pid = self.mind.choice(below) if below else None
        await self._end(name, pid, f"kill -9 below {name}")

    async def _end(self, name: str, pid: int | None, told: str) -> None:
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.record.done[told] += 1
        await self._poll_gone(pid)

    async def _poll_gone(self, pid: int | None) -> None:
        until = monotonic() + BACK_S
        while pid is not None and monotonic() < until and _runs(pid):
            await asyncio.sleep(PROBE_S)

    async def _stop(self, name: str) -> None:
        first = part(self.site, name)
        if first is None:
            return
        pids = [first, *(pid for pid, _, _ in family(first))]
        self.record.done[f"SIGSTOP {name}"] += 1
        try:
            _signal(pids, signal.SIGSTOP)
            await self.record.pause(self.mind.uniform(*STOPPED_S))
        finally:
            _signal(reversed(pids), signal.SIGCONT)

    async def _poll_back(self, name: str) -> None:
        """Until the part answers, by a question of its own kind."""
        until = monotonic() + BACK_S
        while not await self._back(name):
            if monotonic() > until:
                self.record.complain("a part did not come back", name)
                return
            await asyncio.sleep(PROBE_S)

    async def _back(self, name: str) -> bool:
        if await asyncio.to_thread(part, self.site, name) is None:
            return False
        try:
            if name == "postgres":
                return await answers_sql(self.site)
            if name == "api":
                with contextlib.closing(Connection(self.site.port, PROBE_TIMEOUT_S)) as connection:
                    return (await connection.ask("GET", "/health/live")).status == 200
        except Broken:
            return False
        return True


def _runs(pid: int) -> bool:
    with contextlib.suppress(OSError):
        os.kill(pid, 0)
        return True
    return False


def _signal(pids, number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


async def answers_sql(site: Site) -> bool:
    with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            connection = await asyncpg.connect(site.servers.owner_url)
            try:
                return await connection.fetchval("SELECT 1") == 1
            finally:
                connection.terminate()
    return False


GARBAGE = (b"", b"\xff{", b"null", b"-1", b"9" * 40, b'{"version":1}', b"x" * 100_000, b"[[[[")


class Garbler:
    """Faults of the data in Redis. Whatever key is there may be lost or be anything at all."""

    def __init__(self, record: Record, site: Site) -> None:
        self.record, self.site = record, site
        self.mind = record.mind("garbler")

    async def run(self) -> None:
        faults = [flush, lose, lose_fields, garble, retype, add_field, garble_value, point_far]
        faults += [garble_pointer, retype_pointer, shout, hang_up]
        while not self.record.over.is_set():
            self.mind.shuffle(faults)
            for fault in faults:
                await self.record.pause(self.mind.uniform(*REDIS_PAUSE_S))
                if self.record.over.is_set():
                    return
                if fault is point_far:
                    now = monotonic()
                    self.record.outages.append(Outage("the pointer", now, now + MENDED_S))
                try:
                    await asyncio.to_thread(self._do, fault)
                    self.record.done[f"Redis: {fault.__name__}"] += 1
                except RedisError:
                    self.record.done["Redis was away"] += 1

    def _do(self, fault: Callable[[Redis, random.Random], None]) -> None:
        url = self.site.servers.redis_owner_url
        with Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5) as redis:
            fault(redis, self.mind)


def key_of(redis: Redis, mind: random.Random, kind: bytes | None = None) -> bytes:
    """One of our keys, in an order that does not depend on the server's."""
    found = sorted(redis.scan_iter(f"{KEYS.prefix}:*", count=1_000))
    found = [key for key in found if kind is None or redis.type(key) == kind]
    if not found:
        raise RedisError("no key of ours")
    return mind.choice(found)


def fields_of(redis: Redis, key: bytes) -> list[bytes]:
    return sorted(redis.execute_command("HKEYS", key))


def flush(redis: Redis, _: random.Random) -> None:
    redis.flushall()


def lose(redis: Redis, mind: random.Random) -> None:
    redis.delete(key_of(redis, mind))


def lose_fields(redis: Redis, mind: random.Random) -> None:
    key = key_of(redis, mind, b"hash")
    fields = fields_of(redis, key)
    redis.execute_command("HDEL", key, *mind.sample(fields, min(3, len(fields))))


def garble(redis: Redis, mind: random.Random) -> None:
    redis.set(key_of(redis, mind), mind.choice(GARBAGE))


def retype(redis: Redis, mind: random.Random) -> None:
    _as_list(redis, key_of(redis, mind))


def add_field(redis: Redis, mind: random.Random) -> None:
    redis.execute_command("HSET", key_of(redis, mind, b"hash"), b"\xff\x00", mind.choice(GARBAGE))


def garble_value(redis: Redis, mind: random.Random) -> None:
    key = key_of(redis, mind, b"hash")
    redis.execute_command("HSET", key, mind.choice(fields_of(redis, key)), mind.choice(GARBAGE))


def point_far(redis: Redis, _: random.Random) -> None:
    """The pointer as it is, at a position that the log never had."""
    pointer: bytes | None = redis.execute_command("GET", KEYS.live)
    if pointer and pointer.endswith(b"}"):
        redis.set(KEYS.live, pointer.replace(b'"position":', b'"position":9'))


def garble_pointer(redis: Redis, mind: random.Random) -> None:
    redis.set(KEYS.live, mind.choice(GARBAGE))


def retype_pointer(redis: Redis, _: random.Random) -> None:
    _as_list(redis, KEYS.live)


def _as_list(redis: Redis, key: str | bytes) -> None:
    redis.delete(key)
    redis.execute_command("RPUSH", key, "a list")


def shout(redis: Redis, mind: random.Random) -> None:
    if redis.type(KEYS.changes) in (b"stream", b"none"):
        redis.xadd(KEYS.changes, {mind.choice(("message", "odd")): mind.choice(GARBAGE)})


def hang_up(redis: Redis, _: random.Random) -> None:
    """Cut every connection."""
    redis.client_kill_filter(_type="normal", skipme=True)
