"""The read models in Redis: applied batch by batch, replaced whole, loaded whole.

Exactly-once in effect: a partition moves from one checkpoint to the next in a script that refuses
any other start, so a batch sent twice, or by a projector that no longer leads, changes nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

import msgspec
from redis.asyncio.client import Pipeline
from redis.exceptions import NoScriptError, RedisError, ResponseError

from votes.engine.ports import Unavailable
from votes.engine.projection import PARTITIONS, Projections, partition_of
from votes.engine.projector import HEARTBEAT_TIMEOUT_S
from votes.engine.read_model_store import AuditReport, Heartbeat, ValueKey
from votes.engine.read_models import Changes, Partition, ReadModels
from votes.views.keys import Keys, Namespace, generation_of
from votes.views.messages import (
    Live,
    Message,
    Values,
    decode_live,
    encode,
    encode_message,
)

WRITE_FIELDS_MAX = 500
SCAN_KEYS = 1_000

_WRONG_TYPE = "WRONGTYPE"

_report = msgspec.json.Decoder(AuditReport).decode


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


@asynccontextmanager
async def _garbled_is_nothing() -> AsyncIterator[None]:
    """What cannot be read, or is of another type, is as good as not there: it will be replaced."""
    try:
        yield
    except ValueError:  # garbled, or written by a release that keeps it otherwise
        pass
    except ResponseError as error:
        if _WRONG_TYPE not in str(error):
            raise


def _script(name: str) -> str:
    return (files("votes.views") / name).read_text()


class RedisReadModelStore:
    """Implements `votes.engine.read_model_store.ReadModelStore`.

    With `whole` false only those models are loaded that each process holds.
    """

    def __init__(self, space: Namespace, projections: Projections, *, whole: bool = True) -> None:
        self.projections = projections
        self.keys = Keys(space.prefix, projections.signature)
        self._redis = space.redis
        self._whole = whole
        self._values = Values(projections)
        self._live: Live | None = None
        self._left = b""
        """The pointer as we left it, be it readable or not."""
        self._apply = self._announce = self._begin = ""

    async def load(self) -> ReadModels | None:
        async with translated():
            self._apply = await self._redis.script_load(_script("apply.lua"))
            self._announce = await self._redis.script_load(_script("announce.lua"))
            self._begin = await self._redis.script_load(_script("begin.lua"))
            self._live, self._left = None, b""
            async with _garbled_is_nothing():
                self._left = await self._redis.get(self.keys.live) or b""
                return await self._load_live() if self._left else None
        return None

    async def values(self, generation: int, asked: Sequence[ValueKey]) -> list[Any] | None:
        (number,) = {partition_of(key) for _, key in asked}
        names = list(dict.fromkeys(model.name for model, _ in asked))
        async with translated(), _garbled_is_nothing():
            pipe = self._redis.pipeline(transaction=True)
            pipe.exists(self.keys.checkpoint(generation, number))
            for name in names:
                fields = [key for model, key in asked if model.name == name]
                pipe.hmget(self.keys.values(generation, number, name), fields)
            there, *found = await pipe.execute()
            if not there:
                return None
            values = {name: iter(kept) for name, kept in zip(names, found, strict=True)}
            return [self._values.one(model.name, next(values[model.name])) for model, _ in asked]
        return None

    async def holds(self, number: int, partition: Partition) -> bool:
        if self._live is None:
            return False
        async with translated(), _garbled_is_nothing():
            kept = await self._load_partition(self._live, number, whole=False)
            return kept is not None and kept == self._shown(partition)
        return False

    def _shown(self, partition: Partition) -> Partition:
        """What each process holds of it."""
        shown = {model.name for model in self.projections.models if model.replicated}
        values = {name: kept for name, kept in partition.values.items() if name in shown}
        return Partition(partition.checkpoint, values)

    async def heartbeat(self) -> Heartbeat | None:
        async with translated(), _garbled_is_nothing():
            pipe = self._redis.pipeline(transaction=True)
            pipe.get(self.keys.heartbeat)
            pipe.pttl(self.keys.heartbeat)
            said, left_ms = await pipe.execute()
            if left_ms > 0:
                generation, _, read_at = said.decode().partition(":")
                return Heartbeat(
                    int(generation), float(read_at), HEARTBEAT_TIMEOUT_S - left_ms / 1000
                )
        return None

    async def _load_live(self) -> ReadModels | None:
        self._live = live = decode_live(self._left)
        models = ReadModels(
            self.projections,
            live.epoch,
            live.position,
            generation=live.generation,
            mark=live.mark,
        )
        for number in range(PARTITIONS):
            partition = await self._load_partition(live, number, whole=self._whole)
            if partition is None:
                return None
            models.partitions[number] = partition
        return models

    async def _load_partition(self, live: Live, number: int, *, whole: bool) -> Partition | None:
        checkpoint, *hashes = self._where(live.generation, number)
        pipe = self._redis.pipeline(transaction=True)
        pipe.get(checkpoint)
        for model, key in zip(self.projections.models, hashes, strict=True):
            if whole or model.replicated:
                pipe.hgetall(key)
            else:
                pipe.hlen(key)
        folded, *found = await pipe.execute()
        epoch, _, rest = (folded or b"").decode().partition(":")
        position, _, counts = rest.partition(":")
        held = [kept if isinstance(kept, int) else len(kept) for kept in found]
        if epoch != live.epoch or counts != _counts(held):
            return None
        values = {
            model.name: self._values.decode(model.name, kept)
            for model, kept in zip(self.projections.models, found, strict=True)
            if not isinstance(kept, int) and kept
        }
        return Partition(int(position), values)

    def _where(self, generation: int, number: int) -> list[str]:
        """The keys of a partition, as `apply.lua` wants them."""
        return [
            self.keys.checkpoint(generation, number),
            *(self.keys.values(generation, number, m.name) for m in self.projections.models),
        ]

    async def resume(self, models: ReadModels) -> None:
        assert self._live is not None
        live = Live(self._live.generation, models.epoch, models.position, models.mark)
        async with translated():
            await self._point(self._left, live, Message(live))

    async def apply(self, changes: Changes) -> bool:
        if self._live is None:
            return False
        generation, written = self._live.generation, self._values.written(changes)
        async with translated():
            pipe = self._redis.pipeline(transaction=False)
            for number, partition in changes.partitions.items():
                where = self._where(generation, number)
                moves: list[Any] = [
                    partition.checkpoint,
                    max(partition.checkpoint, changes.position),
                ]
                arguments = self._arguments(written[number])
                pipe.evalsha(self._apply, len(where), *where, changes.epoch, *moves, *arguments)
            answers = await pipe.execute(raise_on_error=False)
            if any(answer != b"applied" for answer in answers):
                return False
            live = Live(generation, changes.epoch, changes.position, changes.mark)
            shown = self._values.replicated(written)
            if not await self._point(
                self._left, live, Message(live, changes.before, changes.read_at, shown)
            ):
                return False
            if changes.read_at is not None:
                await self._beat(generation, changes.read_at)
            return True

    def _arguments(self, written: dict[str, dict[str, bytes | None]]) -> list[Any]:
        """What each model gets and loses, as `apply.lua` wants it."""
        arguments: list[Any] = []
        for model in self.projections.models:
            values = written.get(model.name, {})
            lost = [key for key, value in values.items() if value is None]
            arguments += [len(values) - len(lost), len(lost)]
            for key, value in values.items():
                if value is not None:
                    arguments += (key, value)
            arguments += lost
        return arguments

    async def _beat(self, generation: int, read_at: float) -> None:
        pipe = self._redis.pipeline(transaction=False)
        pipe.set(
            self.keys.heartbeat, f"{generation}:{read_at}", px=round(HEARTBEAT_TIMEOUT_S * 1000)
        )
        pipe.zadd(self.keys.sets, {self.projections.signature: read_at})
        _, noted = await pipe.execute(raise_on_error=False)
        if isinstance(noted, ResponseError):  # something else stands there: the next beat is noted
            await self._redis.unlink(self.keys.sets)

    async def _point(self, left: bytes, live: Live, message: Message) -> bool:
        """Move the pointer, if it begins with `left`; not where the script was forgotten."""
        text = encode(live)
        arguments: list[Any] = [left, text, self.keys.channel, encode_message(message)]
        try:
            answer: Any = self._redis.evalsha(self._announce, 1, self.keys.live, *arguments)
            moved = await answer
        except NoScriptError:
            return False
        if moved:
            self._live, self._left = live, text
        return bool(moved)

    async def replace(self, models: ReadModels) -> None:
        async with translated():
            signature = self.projections.signature
            begun: Any = self._redis.evalsha(self._begin, 1, self.keys.generations, signature)
            generation = int(await begun)
            for number, partition in enumerate(models.partitions):
                await self._write(generation, number, partition, models.epoch)
            live = Live(generation, models.epoch, models.position, models.mark)
            if await self._point(_generation_of(self._left), live, Message(live)):
                models.generation = generation
                await self._forget(0, generation - 1)
            else:
                await self._forget(generation, generation)

    async def keep_report(self, report: AuditReport) -> None:
        async with translated():
            await self._redis.set(self.keys.audit, encode(report))

    async def last_report(self) -> AuditReport | None:
        async with translated():
            kept = await self._redis.get(self.keys.audit)
        try:
            return _report(kept) if kept else None
        except ValueError:  # garbled, or written by a release that keeps it otherwise
            return None

    async def _write(self, generation: int, number: int, partition: Partition, epoch: str) -> None:
        """Write a partition in one transaction: no flush can come between its parts."""
        checkpoint, *hashes = self._where(generation, number)
        pipe = self._redis.pipeline(transaction=True)
        pipe.delete(checkpoint, *hashes)
        for model, key in zip(self.projections.models, hashes, strict=True):
            values = partition.of(model)
            _write_hash(pipe, key, {name: encode(value) for name, value in values.items()})
        counts = _counts([len(partition.of(model)) for model in self.projections.models])
        pipe.set(checkpoint, f"{epoch}:{partition.checkpoint}:{counts}")
        await pipe.execute()

    async def _forget(self, first: int, last: int) -> None:
        """Remove our generations from the first to the last. Where none is known, that key was
        lost: they are looked for."""
        ours = f"{self.projections.signature}:"
        known = await self._redis.zrangebyscore(self.keys.generations, first, last)
        names = [name for name in map(bytes.decode, known) if name.startswith(ours)]
        found = {int(name.removeprefix(ours)) for name in names} or await self._generations()
        for generation in sorted(found):
            if first <= generation <= last:
                for number in range(PARTITIONS):
                    await self._redis.unlink(*self._where(generation, number))
                await self._redis.zrem(self.keys.generations, self.keys.generation(generation))

    async def forget_old_sets(self, before: float) -> list[str]:
        """Remove the models of other signatures that no projector has kept since that time, in
        seconds; answers their signatures. Raises `Unavailable`."""
        async with translated():
            found = await self._redis.zrangebyscore(self.keys.sets, 0, before)
            old = [name.decode() for name in found if name.decode() != self.projections.signature]
            for other in (Keys(self.keys.prefix, signature) for signature in old):
                async for name in self._redis.scan_iter(other.pattern, count=SCAN_KEYS):
                    await self._redis.unlink(name)
                begun = map(bytes.decode, await self._redis.zrange(self.keys.generations, 0, -1))
                theirs = [name for name in begun if name.startswith(f"{other.signature}:")]
                if theirs:
                    await self._redis.zrem(self.keys.generations, *theirs)
                await self._redis.unlink(other.live)
                await self._redis.unlink(other.heartbeat)
                await self._redis.zrem(self.keys.sets, other.signature)
        return old

    async def _generations(self) -> set[int]:
        names = self._redis.scan_iter(self.keys.pattern, count=SCAN_KEYS)
        return {generation_of(name.decode()) async for name in names}


def _generation_of(pointer: bytes) -> bytes:
    """How a pointer to the same generation begins: while we rebuild, its position may move on."""
    return pointer[: pointer.find(b",") + 1] or pointer


def _counts(held: Sequence[int]) -> str:
    return ":".join(map(str, held))


def _write_hash(pipe: Pipeline, key: str, values: Mapping[str, Any]) -> None:
    items = list(values.items())
    for start in range(0, len(items), WRITE_FIELDS_MAX):
        pipe.hset(key, mapping=dict(items[start : start + WRITE_FIELDS_MAX]))
