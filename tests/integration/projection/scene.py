"""What the tests of the projection share: votes into the log, a projector, a look at Redis."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from redis.exceptions import ResponseError

from tests.engine.commands.sending import obeyed
from tests.polling import LIMIT_S, until
from tests.stored.keys import keys_of
from votes.config import Config
from votes.domain import tool, vote
from votes.domain.terms import Choice, ToolId, visitor
from votes.domain.tool import Entry
from votes.engine.bulk import submit_all
from votes.engine.handle import Request
from votes.engine.ports import EventStore, Meta, Unavailable
from votes.engine.projecting.projector import Projector
from votes.engine.projection import PARTITIONS, partition_of
from votes.engine.read_models import ReadModels
from votes.projections import PROJECTIONS
from votes.projections.tallies import TALLIES
from votes.resources import now
from votes.views.keys import Namespace
from votes.views.read_model_store import RedisReadModelStore
from votes.wiring import project

TOOLS = tuple(f"tool-{number}" for number in range(40))
META = Meta(actor="tests")
POLL_S = 0.01


async def ended_by_cancellation(task: asyncio.Task[Any]) -> None:
    """Cancel a task that runs, and wait until it has ended by that."""
    assert not task.done(), task
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=LIMIT_S)
    assert done, "a cancellation was lost"
    assert task.cancelled(), task


def listing(slug: str) -> Request:
    """The tool's id is its slug, so that tests find what is kept of it."""
    return Request(
        tool.decider, tool.ListTool(ToolId(slug), slug, Entry(slug, "Tests")), META, now()
    )


def ballot(slug: str, voter: str, choice: Choice | None) -> Request:
    """A voter's choice; None takes the vote back."""
    who, of = visitor(voter), ToolId(slug)
    command = vote.CastVote(of, who, choice) if choice else vote.RetractVote(of, who)
    return Request(vote.decider, command, META, now())


async def submit(store: EventStore, requests: Sequence[Request]) -> int:
    """Have the commands stored; answers the last position."""
    return max(obeyed(answer).position for answer in await submit_all(store, requests))


def total(models: ReadModels, slug: str) -> int:
    """The votes that count on the tool."""
    tally = models.get(TALLIES, slug)
    assert tally is not None
    return tally.total


async def fill(store: EventStore, voters: int = 3) -> int:
    """A log in which every partition has something; answers its head."""
    assert {partition_of(slug) for slug in TOOLS} == set(range(PARTITIONS))
    await submit(store, [listing(slug) for slug in TOOLS])
    choices: Sequence[Choice] = ("ship", "skip", "ship")
    return await submit(
        store,
        [ballot(slug, f"v{n}", choices[n % 3]) for slug in TOOLS for n in range(voters)],
    )


@asynccontextmanager
async def projecting(store: EventStore, space: Namespace) -> AsyncIterator[asyncio.Event]:
    """A projector without a lead, in this loop; answers its bell."""
    appended = asyncio.Event()
    said: list[str] = []
    projector = Projector(
        store, RedisReadModelStore(space, PROJECTIONS), appended, time.time, said.append
    )
    task = asyncio.create_task(projector.run())
    try:
        yield appended
    finally:
        await ended_by_cancellation(task)


@asynccontextmanager
async def worker(config: Config) -> AsyncIterator[None]:
    """What a supervised worker does: lead and project, and begin again when that ends."""
    task = asyncio.create_task(_poll_to_project(config))
    try:
        yield
    finally:
        await ended_by_cancellation(task)


async def _poll_to_project(config: Config) -> None:
    for _ in range(1_000):
        with suppress(Unavailable):
            await project(config)
        await asyncio.sleep(5 * POLL_S)


async def position(space: Namespace) -> int | None:
    """Where the live pointer stands."""
    text = await space.redis.get(keys_of(space).live)
    return json.loads(text)["position"] if text else None


async def generation(space: Namespace) -> int | None:
    """Which models are live; None where nothing says so."""
    if await space.redis.type(keys_of(space).live) == b"string":
        with suppress(ValueError):
            return json.loads(await space.redis.get(keys_of(space).live))["generation"]
    return None


async def live_generation(space: Namespace) -> int:
    """As `generation`, where models are live."""
    live = await generation(space)
    assert live is not None
    return live


async def rebuilt(space: Namespace, before: int) -> None:
    """Wait until other models are live than those of this generation."""

    async def other() -> bool:
        return await generation(space) not in (None, before)

    await until(other, "a rebuild")


async def reached(space: Namespace, head: int) -> None:
    async def there() -> bool:
        return await position(space) == head

    await until(there, f"position {head}")


async def settled(space: Namespace, head: int) -> dict[str, Any]:
    """The dump once every partition's checkpoint is at the head, as it is when all is idle."""

    async def whole() -> dict[str, Any] | None:
        found, keys = await dump(space), keys_of(space)
        ends = [found.get(keys.checkpoint(0, number)) or b"" for number in range(PARTITIONS)]
        at_head = all(b":%d:" % head in end for end in ends)
        alone = all(":0:" in key for key in found if key != keys.live)
        return found if at_head and alone else None

    return await until(whole, f"all checkpoints at {head}, and no other generation")


async def dump(space: Namespace) -> dict[str, Any]:
    """All that the read models keep, byte by byte, as if the live generation were number 0."""
    keys = keys_of(space)
    text = await space.redis.get(keys.live)
    live = json.loads(text) if text else {"generation": 0}
    found: dict[str, Any] = {}
    async for name in space.redis.scan_iter(f"{space.prefix}:*", count=1_000):
        if name.decode() not in (keys.generations, keys.sets, keys.heartbeat, keys.changes):
            key = name.decode().replace(f":{live['generation']}:", ":0:")
            found[key] = await _content(space, name)
    return dict(sorted(found.items())) | {keys.live: live | {"generation": 0}}


async def _content(space: Namespace, name: bytes) -> Any:
    with suppress(ResponseError):  # it was replaced by something else just now
        if await space.redis.type(name) == b"hash":
            fields: Any = space.redis.hgetall(name.decode())
            return sorted((await fields).items())
        return await space.redis.get(name)
    return None
