"""The read models in Redis: applied batch by batch, replaced whole, loaded whole.

Exactly-once in effect: a partition moves from one checkpoint to the next in a script that refuses
any other start, so a batch sent twice, or by a projector that no longer leads, changes nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError, ResponseError

from votes.app.models import PARTITIONS, Changes, Models, Parked, Partition, world
from votes.app.ports import AuditReport, Beat
from votes.app.project import BEAT_S
from votes.domain.summary import Profile
from votes.domain.tally import Tally
from votes.engine.log import Position
from votes.engine.ports import Unavailable
from votes.views import keys

WRITE_FIELDS_MAX = 500
SCAN_KEYS = 1_000

_WRONG_TYPE = "WRONGTYPE"

_encode = msgspec.json.Encoder().encode
_tally = msgspec.json.Decoder(Tally).decode
_report = msgspec.json.Decoder(AuditReport).decode
_profile = msgspec.json.Decoder(Profile).decode
_parked = msgspec.json.Decoder(Parked).decode


class Live(Struct, frozen=True):
    """The pointer: which generation of the models is live, folded from which log, how far.

    The generation stays its first field: a rebuild compares a pointer only that far.
    """

    generation: int
    epoch: str
    position: Position

    @property
    def world(self) -> str:
        return world(self.epoch, self.generation)


class Message(Struct):
    """What is published; without changes it tells to load the models again."""

    live: Live
    changes: Changes | None = None


_live = msgspec.json.Decoder(Live).decode
_encode_message = msgspec.msgpack.Encoder().encode
decode_message = msgspec.msgpack.Decoder(Message).decode


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Redis's errors as the application's."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise Unavailable(f"Redis: {error}") from error
    finally:
        heed_cancellation()


def heed_cancellation() -> None:
    """Raise the cancellation of this task, if it was swallowed.

    The driver sends by `asyncio.wait_for`, which before Python 3.12 loses a cancellation that
    comes just when the send has ended (python/cpython#86296).
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _script(name: str) -> str:
    return (files("votes.views") / name).read_text()


class RedisReadModels:
    """Implements `votes.app.ports.ReadModels`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._live: Live | None = None
        self._left = b""
        """The pointer as we left it, be it readable or not."""
        self._apply = self._announce = self._begin = ""

    async def load(self) -> Models | None:
        async with translated():
            self._apply = await self._redis.script_load(_script("apply.lua"))
            self._announce = await self._redis.script_load(_script("announce.lua"))
            self._begin = await self._redis.script_load(_script("begin.lua"))
            self._live, self._left = None, b""
            try:
                self._left = await self._redis.get(keys.LIVE) or b""
                return await self._load_live() if self._left else None
            except ValueError:  # garbled, or written by a release that keeps it otherwise
                return None
            except ResponseError as error:
                if _WRONG_TYPE not in str(error):
                    raise
                return None  # something else stands under one of our keys: it will be replaced

    async def holds(self, number: int, partition: Partition) -> bool:
        if self._live is None:
            return False
        async with translated():
            try:
                return await self._load_partition(self._live, number) == partition
            except ValueError:
                return False
            except ResponseError as error:
                if _WRONG_TYPE not in str(error):
                    raise
                return False

    async def beat(self) -> Beat | None:
        async with translated():
            pipe = self._redis.pipeline(transaction=True)
            pipe.get(keys.BEAT)
            pipe.pttl(keys.BEAT)
            try:
                read_at, left_ms = await pipe.execute()
                return Beat(float(read_at), BEAT_S - left_ms / 1000) if left_ms > 0 else None
            except (ValueError, ResponseError):  # not ours: the next beat replaces it
                return None

    async def _load_live(self) -> Models | None:
        self._live = live = _live(self._left)
        models = Models(live.epoch, live.position, generation=live.generation)
        for number in range(PARTITIONS):
            partition = await self._load_partition(live, number)
            if partition is None:
                return None
            models.partitions[number] = partition
        return models

    async def _load_partition(self, live: Live, number: int) -> Partition | None:
        checkpoint, tallies, profiles, parked = keys.of_partition(live.generation, number)
        pipe = self._redis.pipeline(transaction=True)
        pipe.get(checkpoint)
        for key in (tallies, profiles, parked):
            pipe.hgetall(key)
        folded, tally, profile, park = await pipe.execute()
        epoch, _, rest = (folded or b"").decode().partition(":")
        position, _, counts = rest.partition(":")
        if epoch != live.epoch or counts != f"{len(tally)}:{len(profile)}:{len(park)}":
            return None
        return Partition(
            int(position),
            {tool.decode(): _tally(value) for tool, value in tally.items()},
            {tool.decode(): _profile(value) for tool, value in profile.items()},
            {int(at): _parked(value) for at, value in park.items()},
        )

    async def resume(self, models: Models) -> None:
        async with translated():
            await self._announced(models.epoch, models.position, None)

    async def apply(self, changes: Changes) -> bool:
        if self._live is None:
            return False
        async with translated():
            pipe = self._redis.pipeline(transaction=False)
            for number, partition in changes.partitions.items():
                where = keys.of_partition(self._live.generation, number)
                pipe.evalsha(self._apply, len(where), *where, *_arguments(changes, partition))
            answers = await pipe.execute(raise_on_error=False)
            if any(answer != b"applied" for answer in answers):
                return False
            if not await self._announced(changes.epoch, changes.position, changes):
                return False
            if changes.read_at is not None:
                await self._redis.set(keys.BEAT, changes.read_at, px=round(BEAT_S * 1000))
            return True

    async def _announced(self, epoch: str, position: Position, changes: Changes | None) -> bool:
        assert self._live is not None
        return await self._point(self._left, Live(self._live.generation, epoch, position), changes)

    async def _point(self, left: bytes, live: Live, changes: Changes | None) -> bool:
        """Move the pointer, if it begins with `left`."""
        text, message = _encode(live), _encode_message(Message(live, changes))
        arguments: list[Any] = [left, text, keys.CHANNEL, message]
        answer: Any = self._redis.evalsha(self._announce, 1, keys.LIVE, *arguments)
        moved = await answer
        if moved:
            self._live, self._left = live, text
        return bool(moved)

    async def replace(self, models: Models) -> None:
        async with translated():
            begun: Any = self._redis.evalsha(self._begin, 1, keys.GENERATIONS)
            generation = int(await begun)
            for number, partition in enumerate(models.partitions):
                await self._write(generation, number, partition, models.epoch)
            live = Live(generation, models.epoch, models.position)
            if await self._point(_generation_of(self._left), live, None):
                models.generation = generation
                await self._forget(0, generation - 1)
            else:
                await self._forget(generation, generation)

    async def keep_report(self, report: AuditReport) -> None:
        async with translated():
            await self._redis.set(keys.AUDIT, _encode(report))

    async def last_report(self) -> AuditReport | None:
        async with translated():
            kept = await self._redis.get(keys.AUDIT)
        try:
            return _report(kept) if kept else None
        except ValueError:  # garbled, or written by a release that keeps it otherwise
            return None

    async def _write(self, generation: int, number: int, partition: Partition, epoch: str) -> None:
        """Write a partition in one transaction: no flush can come between its parts."""
        checkpoint, tallies, profiles, parked = keys.of_partition(generation, number)
        pipe = self._redis.pipeline(transaction=True)
        pipe.delete(checkpoint, tallies, profiles, parked)
        _write_hash(pipe, tallies, {t: _encode(value) for t, value in partition.tallies.items()})
        _write_hash(pipe, profiles, {t: _encode(value) for t, value in partition.profiles.items()})
        _write_hash(pipe, parked, {str(p): _encode(value) for p, value in partition.parked.items()})
        counts = f"{len(partition.tallies)}:{len(partition.profiles)}:{len(partition.parked)}"
        pipe.set(checkpoint, f"{epoch}:{partition.checkpoint}:{counts}")
        await pipe.execute()

    async def _forget(self, first: int, last: int) -> None:
        """Remove the generations from the first to the last. Where none is known, that key was
        lost: they are looked for."""
        known = await self._redis.zrangebyscore(keys.GENERATIONS, first, last)
        found = {int(generation) for generation in known} or await self._generations()
        for generation in sorted(found):
            if first <= generation <= last:
                for number in range(PARTITIONS):
                    await self._redis.unlink(*keys.of_partition(generation, number))
                await self._redis.zrem(keys.GENERATIONS, generation)

    async def _generations(self) -> set[int]:
        names = self._redis.scan_iter(keys.PARTITIONS, count=SCAN_KEYS)
        return {keys.generation_of(name.decode()) async for name in names}


def _generation_of(pointer: bytes) -> bytes:
    """How a pointer to the same generation begins: while we rebuild, its position may move on."""
    return pointer[: pointer.find(b",") + 1] or pointer


def _arguments(changes: Changes, partition: Partition) -> list[Any]:
    moved = max(partition.checkpoint, changes.position)
    arguments: list[Any] = [changes.epoch, partition.checkpoint, moved]
    arguments += [len(partition.tallies), len(partition.profiles)]
    for values in (partition.tallies, partition.profiles):
        for tool, value in values.items():
            arguments += (tool, _encode(value))
    for position, parked in partition.parked.items():
        arguments += (position, _encode(parked))
    return arguments


def _write_hash(pipe: Pipeline, key: str, values: Mapping[str, Any]) -> None:
    items = list(values.items())
    for start in range(0, len(items), WRITE_FIELDS_MAX):
        pipe.hset(key, mapping=dict(items[start : start + WRITE_FIELDS_MAX]))
