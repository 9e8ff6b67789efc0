"""The bookmarks of a user who has 1,000 or 10,000: what a page, a search, a filter and each order
cost, right after a write of the user's, and what it costs to read them for the first time.

The log is Postgres; the tools are in the read models. A bookmark has a note, and two of 50 tags.
Times are of this thread's processor: so long the loop of an API process does nothing else.
"""

import gc
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, get_args

import uvloop

from tests.benchmarks.measuring.rounds import Result, Settings
from tests.benchmarks.measuring.stack import prepare, servers
from votes.app.bookmarks import lists as bookmarks
from votes.app.bookmarks.lists import Sort, Wanted, keep
from votes.app.bookmarks.shelves import Shelf, Shelves
from votes.config import Config
from votes.domain import tool
from votes.domain.bookmarks import bookmark
from votes.domain.bookmarks.bookmark import Annotations
from votes.domain.person import Person
from votes.domain.terms import CollectionId, PersonId, ToolId
from votes.domain.tool import Entry, ListTool
from votes.engine.bulk import submit_all
from votes.engine.handle import Request
from votes.engine.ports import Meta
from votes.engine.projecting.projector import fold_log
from votes.engine.read_models import ReadModels
from votes.projections import PROJECTIONS
from votes.resources import event_store, now
from votes.store.postgres import PostgresEventStore

SIZES = (1_000, 10_000)
TAGS = 50
ROWS = 50
ASKED = 5
"""How often each is asked for in a round."""
META = Meta("benchmark")

Ask = dict[str, Any]
ANY: Ask = {"sort": "added", "wanted": Wanted()}
ASKS: dict[str, Ask] = {
    "a page": ANY,
    "a search of one word": {**ANY, "wanted": Wanted("evaluation")},
    "a search of two words that few have": {**ANY, "wanted": Wanted("77 evaluation")},
    "a tag": {**ANY, "wanted": Wanted(tag="tag 7")},
    "a tag and a search": {**ANY, "wanted": Wanted("evaluation", "tag 7")},
    "in no collection": {**ANY, "wanted": Wanted(unsorted=True)},
    **{f"a page by {sort}": {**ANY, "sort": sort} for sort in get_args(Sort)[1:]},
}


def run(settings: Settings) -> list[Result]:
    results = []
    for size in SIZES:
        with servers() as config:
            rates = uvloop.run(_measured(config, size, settings.rounds))
        title = f"bookmarks: a user with {size:,}"
        results.append(Result(title, "ms of processor", rates))
    return results


async def _measured(config: Config, size: int, rounds: int) -> dict[str, list[float]]:
    await prepare(config)
    async with event_store(config) as store:
        person = Person(PersonId("ann"), bytes(range(64)), now())
        await _fill(store, person, size)
        models = ReadModels(PROJECTIONS, await store.epoch())
        await fold_log(store, models)
        shelves = Shelves(store)
        await shelves.of(person)
        rates: dict[str, list[float]] = {}
        for _ in range(rounds):
            for name, ask in ASKS.items():

                async def one(ask: Ask = ask) -> None:
                    shelf = await shelves.of(person)
                    assert shelf is not None
                    page = await bookmarks.bookmarks(
                        store, models, shelf, **ask, cursor=None, limit=ROWS
                    )
                    assert page.total

                rates.setdefault(name, []).append(await _cost_ms(one, store, person))

            async def first() -> None:
                await Shelf(person).catch_up(store)

            rates.setdefault("the first read in a process", []).append(
                await _cost_ms(first, store, person, 1)
            )
        return rates


async def _cost_ms(
    one: Callable[[], Awaitable[None]],
    store: PostgresEventStore,
    person: Person,
    asked: int = ASKED,
) -> float:
    """Of the processor, for each of some requests that come after a write each."""
    took = 0.0
    gc.collect()
    for number in range(asked):
        written = Annotations(f"evaluation, written at {time.time_ns()}", ("tag 7", "tag 8"))
        await _submit(store, [_kept(person, number, written)])
        start = time.thread_time()
        await one()
        took += time.thread_time() - start
    return took / asked * 1_000


def _kept(person: Person, number: int, written: Annotations) -> Request:
    at = now() - timedelta(seconds=number)
    command = keep(person, ToolId(f"tool-{number}"), written, at)
    return Request(bookmark.decider, command, META, now())


async def _fill(store: PostgresEventStore, person: Person, size: int) -> None:
    tools = [
        ListTool(ToolId(f"tool-{n}"), f"tool-{n}", Entry(f"Tool number {n}", "crm"))
        for n in range(size)
    ]
    await _submit(store, [Request(tool.decider, each, META, now()) for each in tools])
    notes = (
        Annotations(
            f"For the evaluation in autumn, number {n}: ask the team about prices.",
            (f"tag {n % TAGS}", f"tag {n // 7 % TAGS}"),
            CollectionId(f"collection-{n % 9}"),
        )
        for n in range(size)
    )
    await _submit(store, [_kept(person, n, written) for n, written in enumerate(notes)])


async def _submit(store: PostgresEventStore, requests: list[Request]) -> None:
    for start in range(0, len(requests), 500):
        await submit_all(store, requests[start : start + 500])
