"""The catalogue in its orders, filtered and paged."""

import asyncio
import re
from bisect import bisect_left
from functools import lru_cache
from itertools import islice

from votes.app.catalogue import Tool
from votes.app.paging import Page, kept_page, page_of
from votes.app.tool_orders import Sort, ToolList, ToolOrders, tool_orders
from votes.domain.verdict import Call
from votes.engine.orders import Place
from votes.engine.read_models import ReadModels

SEARCHED_AT_ONCE = 500
"""So many tools are searched in a millisecond; in between, the loop serves other tasks."""


@lru_cache(maxsize=10_000)
def category_slug(category: str) -> str:
    """The spelling of a category in an address: "Developer Tools" becomes "developer-tools"."""
    return re.sub(r"[^a-z0-9]+", "-", category.casefold()).strip("-")


async def tools(
    models: ReadModels,
    sort: Sort,
    category: str | None,
    call: Call | None,
    q: str | None,
    cursor: str | None,
    limit: int,
) -> Page[Tool]:
    """A page of the listed tools: those of a category, with a call of the community, with all words
    of `q`. Raises `BadCursor`."""
    orders = await tool_orders(models)
    lists, order = _lists(orders, sort, category, call), f"tools {sort}"
    if not q:
        return kept_page(orders, lists, order, cursor, limit)
    found, rows = await _search(orders, lists, q)
    places = lambda start: islice(found, bisect_left(found, start), None)  # noqa: E731
    return page_of(places, rows, len(found), order, cursor, limit)


def _lists(
    orders: ToolOrders, sort: Sort, category: str | None, call: Call | None
) -> list[ToolList]:
    """The lists that are shown as one. Categories of one spelling in addresses are."""
    if not category:
        return [(sort, None, call)]
    wanted = category_slug(category)
    return [(sort, name, call) for name, _ in categories(orders) if category_slug(name) == wanted]


def categories(orders: ToolOrders) -> list[tuple[str, int]]:
    """Each category with its number of tools, by name."""
    return sorted(
        (category, count)
        for (sort, category, call), count in orders.counts().items()
        if sort == "top" and category is not None and call is None
    )


async def _search(
    orders: ToolOrders, lists: list[ToolList], q: str
) -> tuple[list[Place], dict[str, Tool]]:
    """The tools with all words of `q`, as they are now: in order, and by their ids.

    Each tool is looked at, some at a time. An index of words would have its place here.
    """
    words = q.casefold().split()
    found: list[Place] = []
    rows: dict[str, Tool] = {}
    for number, place in enumerate(list(orders.places(lists))):
        tool = orders.rows.get(place[-1])
        if tool is not None and _has(words, tool):
            found.append(place)
            rows[tool.id] = tool
        if not number % SEARCHED_AT_ONCE:
            await asyncio.sleep(0)
    return found, rows


def _has(words: list[str], tool: Tool) -> bool:
    entry = tool.profile.entry
    text = f"{tool.slug} {entry.name} {entry.tagline}".casefold()
    return all(word in text for word in words)
