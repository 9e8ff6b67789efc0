"""Two processes at one moment: a slug is taken by one of them, and by none but that one."""

import asyncio
from collections import Counter
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier

import pytest

from tests.engine.commands.sending import everything, request
from tests.running.lengths import length
from votes.domain.terms import ToolId
from votes.domain.tool import Entry, ListTool, RenameTool, SlugTaken, slug_of
from votes.engine.bulk import submit_all
from votes.engine.decider import Rejected
from votes.engine.handle import handle
from votes.engine.heads import Heads
from votes.store.connections import create_pool
from votes.store.postgres import PostgresEventStore

RACES = length(short=250, long=1_000)
READY_S = 60
ENTRY = Entry("Tool", "Tests")


def first(number: int) -> ToolId:
    return ToolId(f"first-{number}")


def second(number: int) -> ToolId:
    return ToolId(f"second-{number}")


def listing(tool: ToolId, slug: str) -> ListTool:
    return ListTool(tool, slug, ENTRY)


BEFORE = {
    "onto a slug that somebody lists": lambda n: [listing(first(n), f"a-{n}")],
    "two onto one slug": lambda n: [listing(first(n), f"a-{n}"), listing(second(n), f"b-{n}")],
    "two crossing": lambda n: [listing(first(n), f"a-{n}"), listing(second(n), f"b-{n}")],
    "one tool in two ways": lambda n: [listing(first(n), f"a-{n}")],
}
RACING = {
    "onto a slug that somebody lists": (
        lambda n: RenameTool(first(n), f"new-{n}"),
        lambda n: listing(second(n), f"new-{n}"),
    ),
    "two onto one slug": (
        lambda n: RenameTool(first(n), f"new-{n}"),
        lambda n: RenameTool(second(n), f"new-{n}"),
    ),
    "two crossing": (
        lambda n: RenameTool(first(n), f"b-{n}"),
        lambda n: RenameTool(second(n), f"a-{n}"),
    ),
    "one tool in two ways": (
        lambda n: RenameTool(first(n), f"new-{n}"),
        lambda n: RenameTool(first(n), f"newer-{n}"),
    ),
}
STORED = {
    "onto a slug that somebody lists": {1},
    "two onto one slug": {1},
    "two crossing": {0},
    "one tool in two ways": {2},
}
"""How many of the two are obeyed."""


async def race(url: str, start: Barrier, kind: str, side: int) -> list[bool]:
    """Commands all of one side, each when the race for it begins; which were obeyed."""
    pool = await create_pool(url)
    store, heads, obeyed = PostgresEventStore(pool), Heads(), []
    for number in range(RACES):
        wanted = request(RACING[kind][side](number))
        await asyncio.to_thread(start.wait, READY_S)
        answer = None
        while answer is None:
            (answer,) = await handle(store, [wanted], heads)
        assert not isinstance(answer, Rejected) or answer.code == "slug_taken"
        obeyed.append(not isinstance(answer, Rejected))
    await pool.close()
    return obeyed


def run_the_other(url: str, start: Barrier, kind: str, told) -> None:
    told.put(asyncio.run(race(url, start, kind, 1)))


@pytest.mark.parametrize("kind", RACING)
async def test_it_ends_as_if_one_had_come_after_the_other(config, store, measured, kind):
    before = [request(one) for number in range(RACES) for one in BEFORE[kind](number)]
    assert not any(isinstance(answer, Rejected) for answer in await submit_all(store, before))
    context = get_context("spawn")
    start, told = context.Barrier(2), context.Queue()
    other = context.Process(target=run_the_other, args=(config.postgres_url, start, kind, told))
    other.start()
    mine = await race(config.postgres_url, start, kind, 0)
    theirs = await asyncio.to_thread(told.get, timeout=READY_S)
    other.join(READY_S)
    assert other.exitcode == 0
    ended = Counter(zip(mine, theirs, strict=True))
    measured(f"renaming, {kind}, who was obeyed: {dict(ended)}")
    assert {sum(both) for both in ended} == STORED[kind]
    taken: dict[str, ToolId] = {}
    for recorded in await everything(store):
        if isinstance(recorded.event, SlugTaken):
            assert slug_of(recorded.stream) not in taken
            taken[slug_of(recorded.stream)] = recorded.event.tool
