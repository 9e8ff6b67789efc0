"""Two processes, two streams: a vote is decided on a tool that the other delists at that moment."""

import asyncio
from collections import Counter
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier

from tests.engine.commands.sending import cast, delisted, everything, listed
from tests.running.lengths import length
from votes.domain.tool import ToolDelisted
from votes.domain.vote_events import VoteCast
from votes.engine.bulk import submit_all
from votes.engine.decider import Rejected
from votes.engine.handle import handle
from votes.engine.heads import Heads
from votes.store.connections import create_pool
from votes.store.postgres import PostgresEventStore

RACES = length(short=250, long=1_000)
READY_S = 60
TOOLS = [f"tool-{number}" for number in range(RACES)]


async def delist_all(url: str, start: Barrier) -> None:
    """The other process: delists each tool when the race for it begins."""
    pool = await create_pool(url)
    store = PostgresEventStore(pool)
    for tool in TOOLS:
        request = delisted(tool)
        await asyncio.to_thread(start.wait, READY_S)
        while await handle(store, [request]) == [None]:
            pass
    await pool.close()


def run_the_other(url: str, start: Barrier) -> None:
    asyncio.run(delist_all(url, start))


async def vote_on_all(store: PostgresEventStore, start: Barrier) -> Counter[tuple[str, int]]:
    """This process, which remembers each tool as listed; how its votes ended."""
    heads, ended = Heads(), Counter[tuple[str, int]]()
    for tool in TOOLS:
        await handle(store, [cast("first", "ship", tool)], heads)
        request = cast("ann", "ship", tool)
        await asyncio.to_thread(start.wait, READY_S)
        attempts, answer = 0, None
        while answer is None:
            (answer,) = await handle(store, [request], heads)
            attempts += 1
        outcome = answer.code if isinstance(answer, Rejected) else "stored"
        ended[outcome, attempts] += 1
    return ended


async def test_the_vote_comes_before_it_or_is_refused(config, store, measured):
    await submit_all(store, [listed(tool) for tool in TOOLS])
    context = get_context("spawn")
    start = context.Barrier(2)
    other = context.Process(target=run_the_other, args=(config.postgres_url, start))
    other.start()
    ended = await vote_on_all(store, start)
    other.join(READY_S)
    assert other.exitcode == 0
    measured(f"votes raced by a delisting, by answer and attempts: {dict(ended)}")
    assert_none_after_the_delisting(await everything(store))
    assert sum(ended.values()) == RACES
    assert ended["tool_unknown", 2] > 0, "no vote was refused by what it relied on"


def assert_none_after_the_delisting(events):
    delisted_at = {r.subject: r.position for r in events if isinstance(r.event, ToolDelisted)}
    assert len(delisted_at) == RACES
    late = [
        recorded.position
        for recorded in events
        if isinstance(recorded.event, VoteCast)
        and recorded.position > delisted_at[recorded.subject]
    ]
    assert not late
