"""Imports that wait for a process of their own: files in Redis, for a day at most, encrypted.

What Redis loses is sent again by its user: nothing of an import is there twice.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from votes.app import import_file
from votes.app.bookmarks import unmatched
from votes.app.bookmarks.import_progress import resumed
from votes.app.bookmarks.importing import Erased, Failed, bring, match_again
from votes.app.bookmarks.matching import index_of
from votes.app.bookmarks.responses import ImportView
from votes.domain.person import Person
from votes.domain.terms import PersonId
from votes.engine.log import Position
from votes.engine.ports import EventStore, Unavailable
from votes.views import keys
from votes.views.keys import Namespace
from votes.views.read_model_store import translated

EXPIRE_S = 24 * 3_600
WAITING_MAX = 8
"""Each file takes up to 32 MiB."""
TRIES_MAX = 3
"""A file that ends its process as often is given up."""
CLAIM_S = 12
"""So long the imports wait when the process that works on them is killed."""
LOST = "The file is lost: send it again."

_encode = msgspec.json.Encoder().encode


class ImportJob(Struct, frozen=True):
    """How far an import of the person is, how often it was begun, and where the log ended when it
    was begun first."""

    person: PersonId
    view: ImportView
    tries: int = 0
    begun: Position | None = None

    @property
    def ended(self) -> bool:
        return self.view.state in ("done", "failed")


_decode = msgspec.json.Decoder(ImportJob).decode


class Imports:
    """All methods raise `Unavailable`."""

    def __init__(self, space: Namespace) -> None:
        self._redis, self._prefix = space.redis, space.prefix

    async def add(self, person: PersonId, name: str, sealed: bytes) -> bool:
        """Have the file imported; False where too many wait already."""
        waiting = keys.waiting_imports(self._prefix)
        async with translated():
            if await self._redis.zcard(waiting) >= WAITING_MAX:
                return False
            await self._redis.set(keys.file_of(self._prefix, name), sealed, ex=EXPIRE_S)
            await self.put(ImportJob(person, ImportView(name, "waiting")))
            await self._redis.zadd(waiting, {name: time.time()})
        return True

    async def job(self, name: str) -> ImportJob | None:
        """How far the import is, None where nobody knows of it. One that has not ended and waits no
        more will never end: Redis has lost it."""
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            pipe.zscore(keys.waiting_imports(self._prefix), name)
            pipe.get(keys.import_of(self._prefix, name))
            waits, stored = await pipe.execute()
        job = _decode(stored) if stored is not None else None
        if job is None or job.ended or waits is not None:
            return job
        return replace(job, view=replace(job.view, state="failed", reason=LOST))

    async def put(self, job: ImportJob) -> None:
        key = keys.import_of(self._prefix, job.view.id)
        async with translated():
            await self._redis.set(key, _encode(job), ex=EXPIRE_S)

    async def first(self) -> str | None:
        """The import that has waited longest."""
        async with translated():
            names = await self._redis.zrange(keys.waiting_imports(self._prefix), 0, 0)
        return names[0].decode() if names else None

    @asynccontextmanager
    async def claimed(self) -> AsyncIterator[bool]:
        """Whether the imports are for this process alone, for as long as the context lasts."""
        key = keys.claim_of_imports(self._prefix)
        async with translated():
            mine = bool(await self._redis.set(key, "", nx=True, ex=CLAIM_S))
        if not mine:
            yield False
            return
        renewing = asyncio.create_task(self._renew(key))
        try:
            yield True
        finally:
            renewing.cancel()
            async with translated():
                await self._redis.unlink(key)

    async def _renew(self, key: str) -> None:
        while True:
            await asyncio.sleep(CLAIM_S / 4)
            with suppress(Unavailable):
                async with translated():
                    await self._redis.set(key, "", ex=CLAIM_S)

    async def matched(self) -> Position:
        """Up to which position of the log unmatched pages were compared with the catalogue."""
        async with translated():
            return int(await self._redis.get(keys.matched(self._prefix)) or 0)

    async def tell_matched(self, position: Position) -> None:
        async with translated():
            await self._redis.set(keys.matched(self._prefix), position, ex=EXPIRE_S)

    async def is_claimed(self) -> bool:
        async with translated():
            return bool(await self._redis.exists(keys.claim_of_imports(self._prefix)))

    async def file(self, name: str) -> bytes | None:
        async with translated():
            stored: bytes | None = await self._redis.get(keys.file_of(self._prefix, name))
        return stored

    async def forget(self, name: str) -> None:
        """Forget how far the import is."""
        async with translated():
            await self._redis.unlink(keys.import_of(self._prefix, name))

    async def end(self, name: str) -> None:
        """Forget the file: the import is done, or has failed."""
        async with translated():
            await self._redis.zrem(keys.waiting_imports(self._prefix), name)
            await self._redis.unlink(keys.file_of(self._prefix, name))


PeopleById = Callable[[Collection[PersonId]], Awaitable[Mapping[PersonId, Person]]]


async def work_on(
    imports: Imports,
    store: EventStore,
    people: PeopleById,
    own_host: str | None,
    clock: Callable[[], datetime],
) -> None:
    """Do all imports that wait, one after another; `own_host` is where this site is.

    Raises `Unavailable`.
    """
    while (name := await imports.first()) is not None:
        job, sealed = await imports.job(name), await imports.file(name)
        if job is not None and sealed is not None and not job.ended:
            try:
                await _work_on(imports, store, people, own_host, clock, job, sealed)
            except Erased:
                await imports.forget(name)
        await imports.end(name)


async def match_all_again(
    imports: Imports,
    store: EventStore,
    people: PeopleById,
    own_host: str | None,
    clock: Callable[[], datetime],
) -> int:
    """Make bookmarks of the unmatched pages of all users that are tools now; how many.

    What Redis forgets is looked at again. Raises `Unavailable`.
    """
    since, head = await imports.matched(), await store.head()
    index = await index_of(store, own_host)
    matched = 0
    if any(position > since for position in index.since.values()):
        async for found in unmatched.of_all(store):
            for who, person in (await people(found)).items():
                pages = await asyncio.to_thread(unmatched.opened, person, found[who])
                with suppress(Erased):
                    matched += await match_again(store, person, pages, index, since, clock)
    await imports.tell_matched(head)
    return matched


async def _work_on(
    imports: Imports,
    store: EventStore,
    people: PeopleById,
    own_host: str | None,
    clock: Callable[[], datetime],
    job: ImportJob,
    sealed: bytes,
) -> None:
    """Do an import, and say how it ended. Raises `Erased`."""
    begun = job.begun if job.begun is not None else await store.head()
    job = ImportJob(job.person, replace(job.view, state="running"), job.tries + 1, begun)
    await imports.put(job)

    async def tell(view: ImportView) -> None:
        nonlocal job
        job = replace(job, view=view)
        await imports.put(job)

    person = (await people([job.person])).get(job.person)
    if person is None:
        raise Erased
    if job.tries > TRIES_MAX:
        await tell(replace(job.view, state="failed", reason="This file cannot be read."))
        return
    try:
        data = await asyncio.to_thread(import_file.unseal, person, sealed)
        known = job.view
        if job.tries > 1:
            known = await resumed(store, person, known, begun)
        view = await bring(store, person, data, known, own_host, clock, tell)
        await tell(replace(view, state="done"))
    except MemoryError:
        await tell(replace(job.view, state="failed", reason="This file takes too much memory."))
    except (Failed, ValueError) as error:
        await tell(replace(job.view, state="failed", reason=str(error)))
    except Unavailable:
        await imports.put(replace(job, tries=job.tries - 1))  # an outage ends no worker
        raise
