"""The catalogue in its orders, filtered and paged."""

import re
from functools import lru_cache

from votes.app.catalogue import Tool
from votes.app.paging import Page, kept_page
from votes.app.tool_orders import Sort, ToolList, ToolOrders, tool_orders
from votes.domain.verdict import Call
from votes.engine.read_models import ReadModels


@lru_cache(maxsize=10_000)
def category_slug(category: str) -> str:
    """The spelling of a category in an address: "Developer Tools" becomes "developer-tools"."""
    return re.sub(r"[^a-z0-9]+", "-", category.casefold()).strip("-")


async def tools(
    models: ReadModels,
    sort: Sort,
    category: str | None,
    call: Call | None,
    cursor: str | None,
    limit: int,
) -> Page[Tool]:
    """A page of the listed tools: those of a category, with a call of the community. Raises
    `BadCursor`."""
    orders = await tool_orders(models)
    return kept_page(orders, _lists(orders, sort, category, call), f"tools {sort}", cursor, limit)


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
