"""The store of the read models in Redis.

Each event counts once: a script moves a partition from one checkpoint to the next and refuses any
other start. So changes that are applied twice, or by a projector that no longer leads, have no
effect.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from importlib.resources import files
from itertools import islice
from typing import Any

import msgspec
from redis.asyncio.client import Pipeline
from redis.exceptions import NoScriptError, RedisError, ResponseError

from votes.engine.ports import Unavailable
from votes.engine.projecting.projector import HEARTBEAT_TIMEOUT_S
from votes.engine.projection import PARTITIONS, Projections, partition_of
from votes.engine.read_model_store import AuditReport, Heartbeat, ValueKey
from votes.engine.read_models import Changes, Partition, ReadModels
from votes.views.announcements import ANNOUNCED_BYTES_MAX, ANNOUNCEMENTS_MAX
from votes.views.commands import one, send
from votes.views.keys import Keys, Namespace, generation_of
from votes.views.messages import (
    Live,
    Message,
    Values,
    decode_checkpoint,
    decode_live,
    encode,
    encode_message,
)

WRITE_FIELDS_MAX = 500
SCAN_KEYS = 1_000
SET_NEW_S = 0.5
DECODED_AT_ONCE = 100
"""Values are decoded in a millisecond or two; in between, the loop serves other tasks."""

_WRONG_TYPE = "WRONGTYPE"

_report = msgspec.json.Decoder(AuditReport).decode


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Raise `Unavailable` for the errors of Redis."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise Unavailable(f"Redis: {error}") from error
    finally:
        raise_swallowed_cancellation()


def raise_swallowed_cancellation() -> None:
    """Raise the cancellation of this task, if the driver swallowed it.

    The driver sends by `asyncio.wait_for`, which before Python 3.12 loses a cancellation that
    arrives just as the send ends (python/cpython#86296).
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


@asynccontextmanager
async def _unreadable_is_missing() -> AsyncIterator[None]:
    """Ignore a value that cannot be decoded or is of another type: it will be replaced."""
    try:
        yield
    except ValueError:  # garbled, or from a release with another format
        pass
    except ResponseError as error:
        if _WRONG_TYPE not in str(error):
            raise


def _script(name: str) -> str:
    return (files("votes.views") / name).read_text()


class RedisReadModelStore:
    """Implements `votes.engine.read_model_store.ReadModelStore`.

    With `complete` false it loads the replicated projections only, and can write nothing.
    """

    def __init__(
        self, space: Namespace, projections: Projections, *, complete: bool = True
    ) -> None:
        self.projections = projections
        self.keys = Keys(space.prefix, projections.signature)
        self._redis = space.redis
        self._complete = complete
        self._values = Values(projections)
        self._live: Live | None = None
        self._pointer = b""
        """The pointer as this object last read or wrote it, readable or not."""
        self._said = 0, 0.0
        """Of which generation this object said that its set lives, and when the log was read."""
        self._apply = self._announce = self._begin = ""

    async def load(self) -> ReadModels | None:
        async with translated():
            if self._complete:
                self._apply = await self._redis.script_load(_script("apply.lua"))
                self._announce = await self._redis.script_load(_script("announce.lua"))
                self._begin = await self._redis.script_load(_script("begin.lua"))
            self._live, self._pointer = None, b""
            async with _unreadable_is_missing():
                self._pointer = await self._redis.get(self.keys.live) or b""
                return await self._load_live() if self._pointer else None
        return None

    async def values(self, generation: int, keys: Sequence[ValueKey]) -> list[Any] | None:
        (number,) = {partition_of(key) for _, key in keys}
        names = list(dict.fromkeys(projection.name for projection, _ in keys))
        async with translated(), _unreadable_is_missing():
            pipe = self._redis.pipeline(transaction=True)
            pipe.exists(self.keys.checkpoint(generation, number))
            for name in names:
                fields = [key for projection, key in keys if projection.name == name]
                pipe.hmget(self.keys.values(generation, number, name), fields)
            exists, *hashes = await pipe.execute()
            if not exists:
                return None
            values = {name: iter(values) for name, values in zip(names, hashes, strict=True)}
            return [self._values.one(each.name, next(values[each.name])) for each, _ in keys]
        return None

    async def matches(self, number: int, partition: Partition) -> bool:
        if self._live is None:
            return False
        async with translated(), _unreadable_is_missing():
            stored = await self._load_partition(self._live, number, complete=False)
            return stored is not None and stored == self._replicated(partition)
        return False

    def _replicated(self, partition: Partition) -> Partition:
        """The values of the replicated projections."""
        names = {projection.name for projection in self.projections.all if projection.replicated}
        values = {name: values for name, values in partition.values.items() if name in names}
        return Partition(partition.checkpoint, values)

    async def heartbeat(self) -> Heartbeat | None:
        async with translated(), _unreadable_is_missing():
            pipe = self._redis.pipeline(transaction=True)
            pipe.get(self.keys.heartbeat)
            pipe.pttl(self.keys.heartbeat)
            text, ttl_ms = await pipe.execute()
            if ttl_ms > 0:
                generation, _, read_at = text.decode().partition(":")
                return Heartbeat(
                    int(generation), float(read_at), HEARTBEAT_TIMEOUT_S - ttl_ms / 1000
                )
        return None

    async def _load_live(self) -> ReadModels | None:
        self._live = live = decode_live(self._pointer)
        models = ReadModels(
            self.projections,
            live.epoch,
            live.position,
            generation=live.generation,
            checksum=live.checksum,
        )
        for number in range(PARTITIONS):
            partition = await self._load_partition(live, number, complete=self._complete)
            if partition is None:
                return None
            models.partitions[number] = partition
        return models

    async def _load_partition(self, live: Live, number: int, *, complete: bool) -> Partition | None:
        checkpoint, *hashes = self._keys_of(live.generation, number)
        pipe = self._redis.pipeline(transaction=True)
        pipe.get(checkpoint)
        for projection, key in zip(self.projections.all, hashes, strict=True):
            if complete or projection.replicated:
                pipe.hgetall(key)
            else:
                pipe.hlen(key)
        text, *loaded = await pipe.execute()
        epoch, position, counts = decode_checkpoint(text)
        lengths = [each if isinstance(each, int) else len(each) for each in loaded]
        if epoch != live.epoch or counts != _counts(lengths):
            return None
        found = Partition(position)
        for projection, each in zip(self.projections.all, loaded, strict=True):
            if not isinstance(each, int) and each:
                items = iter(each.items())
                while piece := dict(islice(items, DECODED_AT_ONCE)):
                    await asyncio.sleep(0)
                    decoded = self._values.decode(projection.name, piece)
                    found.values.setdefault(projection.name, {}).update(decoded)
        return found

    async def ahead(self, models: ReadModels) -> dict[int, Partition] | None:
        """The stored partitions that are ahead of these read models, by number; None where one is
        missing."""
        live = Live(models.generation, models.epoch, models.position)
        found: dict[int, Partition] = {}
        async with translated(), _unreadable_is_missing():
            for number in range(PARTITIONS):
                text = await self._redis.get(self.keys.checkpoint(live.generation, number))
                if decode_checkpoint(text)[1] > models.position:
                    partition = await self._load_partition(live, number, complete=self._complete)
                    if partition is None:
                        return None
                    found[number] = partition
            return found
        return None

    def _keys_of(self, generation: int, number: int) -> tuple[str, ...]:
        return _keys_of(self.keys, self.projections, generation, number)

    async def resume(self, models: ReadModels) -> None:
        assert self._live is not None
        self._said = 0, 0.0  # Redis may have lost it, with all else
        live = Live(self._live.generation, models.epoch, models.position, models.checksum)
        async with translated():
            await self._point(self._pointer, live, Message(live))

    async def apply(self, changes: Changes) -> bool:
        if self._live is None:
            return False
        generation, written = self._live.generation, self._values.written(changes)
        async with translated():
            commands = []
            for number, partition in changes.partitions.items():
                keys = self._keys_of(generation, number)
                positions = partition.checkpoint, max(partition.checkpoint, changes.position)
                arguments = self._arguments(written[number])
                moving = ("EVALSHA", self._apply, len(keys), *keys, changes.epoch, *positions)
                commands.append((*moving, *arguments))
            replies = await send(self._redis, commands) if commands else []
            if any(reply != b"applied" for reply in replies):
                return False
            live = Live(generation, changes.epoch, changes.position, changes.checksum)
            replicated = self._values.replicated(written)
            read_at, age_s = changes.read_at, changes.age_s
            message = Message(live, changes.before, read_at, replicated, age_s)
            if not await self._point(self._pointer, live, message):
                return False
            if read_at is not None:
                await self._say_who_lives(generation, read_at)
            return True

    def _arguments(self, written: dict[str, dict[str, bytes | None]]) -> list[Any]:
        """What to set and to delete for each projection, in the order of `apply.lua`."""
        arguments: list[Any] = []
        for projection in self.projections.all:
            values = written.get(projection.name, {})
            deleted = [key for key, value in values.items() if value is None]
            arguments += [len(values) - len(deleted), len(deleted)]
            for key, value in values.items():
                if value is not None:
                    arguments += (key, value)
            arguments += deleted
        return arguments

    async def _say_who_lives(self, generation: int, read_at: float) -> None:
        """Say that this set of read models is kept up to date, unless that was said just now."""
        of, said_at = self._said
        if of == generation and 0 <= read_at - said_at < SET_NEW_S:
            return
        self._said = generation, read_at
        try:
            await one(self._redis, "ZADD", self.keys.sets, read_at, self.projections.signature)
        except ResponseError:  # not a sorted set: the next time makes one
            await self._redis.unlink(self.keys.sets)

    async def _point(self, prefix: bytes, live: Live, message: Message) -> bool:
        """Move the pointer and announce it; False where the pointer does not begin with the prefix,
        or where Redis has lost the script."""
        text = encode(live)
        keys = self.keys.live, self.keys.changes, self.keys.heartbeat
        limits = ANNOUNCEMENTS_MAX, ANNOUNCED_BYTES_MAX
        arguments = prefix, text, encode_message(message), *limits, *_heartbeat(message)
        announcing = ("EVALSHA", self._announce, len(keys), *keys, *arguments)
        try:
            moved = await one(self._redis, *announcing)
        except NoScriptError:
            return False
        if moved:
            self._live, self._pointer = live, text
        return bool(moved)

    async def replace(self, models: ReadModels) -> None:
        async with translated():
            signature = self.projections.signature
            reply: Any = self._redis.evalsha(self._begin, 1, self.keys.generations, signature)
            generation = int(await reply)
            for number, partition in enumerate(models.partitions):
                await self._write(generation, number, partition, models.epoch)
            live = Live(generation, models.epoch, models.position, models.checksum)
            if await self._point(_generation_of(self._pointer), live, Message(live)):
                models.generation = generation
                await self._remove(0, generation - 1)
            else:
                await self._remove(generation, generation)

    async def store_report(self, report: AuditReport) -> None:
        async with translated():
            await self._redis.set(self.keys.audit, encode(report))

    async def last_report(self) -> AuditReport | None:
        async with translated():
            text = await self._redis.get(self.keys.audit)
        try:
            return _report(text) if text else None
        except ValueError:  # garbled, or from a release with another format
            return None

    async def _write(self, generation: int, number: int, partition: Partition, epoch: str) -> None:
        """Write a partition in one transaction, so that no flush comes between its keys."""
        checkpoint, *hashes = self._keys_of(generation, number)
        pipe = self._redis.pipeline(transaction=True)
        pipe.delete(checkpoint, *hashes)
        for projection, key in zip(self.projections.all, hashes, strict=True):
            values = partition.of(projection)
            _write_hash(pipe, key, {name: encode(value) for name, value in values.items()})
        counts = _counts([len(partition.of(projection)) for projection in self.projections.all])
        pipe.set(checkpoint, f"{epoch}:{partition.checkpoint}:{counts}")
        await pipe.execute()

    async def _remove(self, first: int, last: int) -> None:
        """Remove the generations of this signature from the first to the last.

        Where the sorted set of generations lists none, it was lost: scan for their keys.
        """
        ours = f"{self.projections.signature}:"
        listed = await self._redis.zrangebyscore(self.keys.generations, first, last)
        names = [name for name in map(bytes.decode, listed) if name.startswith(ours)]
        generations = {int(name.removeprefix(ours)) for name in names} or await self._scan()
        for generation in sorted(generations):
            if first <= generation <= last:
                for number in range(PARTITIONS):
                    await self._redis.unlink(*self._keys_of(generation, number))
                await self._redis.zrem(self.keys.generations, self.keys.generation(generation))

    async def remove_old_sets(self, before: float) -> list[str]:
        """Remove the read models of other signatures without a heartbeat since `before`, in seconds
        since the epoch; return these signatures. Raises `Unavailable`."""
        async with translated():
            expired = await self._redis.zrangebyscore(self.keys.sets, 0, before)
            old = [name.decode() for name in expired if name.decode() != self.projections.signature]
            for other in (Keys(self.keys.prefix, signature) for signature in old):
                async for name in self._redis.scan_iter(other.pattern, count=SCAN_KEYS):
                    await self._redis.unlink(name)
                begun = map(bytes.decode, await self._redis.zrange(self.keys.generations, 0, -1))
                theirs = [name for name in begun if name.startswith(f"{other.signature}:")]
                if theirs:
                    await self._redis.zrem(self.keys.generations, *theirs)
                for name in (other.live, other.changes, other.heartbeat):
                    await self._redis.unlink(name)
                await self._redis.zrem(self.keys.sets, other.signature)
        return old

    async def _scan(self) -> set[int]:
        """The generations of this signature, by their keys."""
        names = self._redis.scan_iter(self.keys.pattern, count=SCAN_KEYS)
        return {generation_of(name.decode()) async for name in names}


@lru_cache(2 * PARTITIONS)
def _keys_of(keys: Keys, projections: Projections, generation: int, number: int) -> tuple[str, ...]:
    """The keys of a partition, in the order of `apply.lua`."""
    values = (keys.values(generation, number, each.name) for each in projections.all)
    return keys.checkpoint(generation, number), *values


def _heartbeat(message: Message) -> tuple[str, int]:
    """The heartbeat, and the milliseconds until it is too old; '' for none."""
    left_ms = round((HEARTBEAT_TIMEOUT_S - message.age_s) * 1000)
    if message.read_at is None or left_ms <= 0:
        return "", 0
    return f"{message.live.generation}:{message.read_at}", left_ms


def _generation_of(pointer: bytes) -> bytes:
    """The prefix of a pointer up to its generation: the position may move during a rebuild."""
    return pointer[: pointer.find(b",") + 1] or pointer


def _counts(lengths: Sequence[int]) -> str:
    return ":".join(map(str, lengths))


def _write_hash(pipe: Pipeline, key: str, values: Mapping[str, Any]) -> None:
    items = list(values.items())
    for start in range(0, len(items), WRITE_FIELDS_MAX):
        pipe.hset(key, mapping=dict(items[start : start + WRITE_FIELDS_MAX]))
