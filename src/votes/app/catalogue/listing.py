"""The catalogue in its orders, filtered and paged."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache

from msgspec import Struct

from votes.app.catalogue.paging import Page, kept_page
from votes.app.catalogue.tool_orders import (
    CALLS,
    FACETS,
    PANELS,
    PRICES,
    TOP,
    Facets,
    Price,
    Sort,
    ToolList,
    ToolOrders,
    facets_of,
    tool_orders,
)
from votes.app.catalogue.tools import Tool
from votes.domain.verdict import Call, PanelVerdict
from votes.engine.read_models import ReadModels


class Wanted(Struct, frozen=True):
    """What the tools of a list have to be, None for anything: their category, in any spelling that
    comes to the same in an address, the call of the community, the panel's verdict, the price."""

    category: str | None = None
    call: Call | None = None
    panel: PanelVerdict | None = None
    price: Price | None = None

    def has(self, facets: Facets) -> bool:
        wanted = (self.call, self.panel, self.price)
        return all(one in (None, has) for one, has in zip(wanted, facets, strict=True))

    @property
    def any_facets(self) -> bool:
        return self.call is None and self.panel is None and self.price is None


class Choices(Struct, frozen=True):
    """How many tools there are with each value of a filter, if that is set and the others stay."""

    category: list[tuple[str, int]]
    call: list[tuple[Call, int]]
    panel: list[tuple[PanelVerdict, int]]
    price: list[tuple[Price, int]]


Cell = tuple[str, Facets, int]
"""A category, facets, and how many tools have both."""


@lru_cache(maxsize=10_000)
def category_slug(category: str) -> str:
    """The spelling of a category in an address: "Developer Tools" becomes "developer-tools"."""
    folded = category.casefold()
    return re.sub(r"[\W_]+", "-", folded).strip("-") or folded


async def tools(
    models: ReadModels, sort: Sort, wanted: Wanted, cursor: str | None, limit: int
) -> Page[Tool]:
    """A page of the listed tools that are as wanted. Raises `BadCursor`."""
    orders = await tool_orders(models, TOP, (sort, None, None))
    return kept_page(orders, _lists(orders, sort, wanted), f"tools {sort}", cursor, limit)


def _lists(orders: ToolOrders, sort: Sort, wanted: Wanted) -> list[ToolList]:
    """The lists that are shown as one. Categories of one spelling in addresses are."""
    facets = [None] if wanted.any_facets else [one for one in FACETS if wanted.has(one)]
    names: list[str | None] = [None]
    if wanted.category:
        slug = category_slug(wanted.category)
        names = [name for name, _ in categories(orders) if category_slug(name) == slug]
    return [(sort, name, one) for name in names for one in facets]


def categories(orders: ToolOrders) -> list[tuple[str, int]]:
    """Each category with its number of tools, by name."""
    return orders.kept("categories", lambda: _categories(orders))


def _categories(orders: ToolOrders) -> list[tuple[str, int]]:
    return sorted(
        (category, count)
        for (sort, category, facets), count in orders.counts().items()
        if sort == "top" and category is not None and facets is None
    )


def choices(cells: Iterable[Cell], wanted: Wanted) -> Choices:
    """What else might be wanted of the tools in the cells."""
    names: dict[str, str] = {}
    counts: tuple[Counter[str | None], ...] = (Counter(), Counter(), Counter(), Counter())
    slug = category_slug(wanted.category) if wanted.category else None
    asked = (slug, wanted.call, wanted.panel, wanted.price)
    for category, facets, number in cells:
        has = (category_slug(category), *facets)
        names.setdefault(has[0], category)
        differs = [at for at in range(len(asked)) if asked[at] not in (None, has[at])]
        for at in differs or range(len(asked)):
            if len(differs) < 2:
                counts[at][has[at]] += number
    of_category, of_call, of_panel, of_price = counts
    return Choices(
        sorted((names[one], number) for one, number in of_category.items() if one is not None),
        [(call, of_call[call]) for call in CALLS],
        [(panel, of_panel[panel]) for panel in PANELS],
        [(price, of_price[price]) for price in PRICES],
    )


def kept_cells(orders: ToolOrders) -> list[Cell]:
    """The cells of all listed tools."""
    return orders.kept("cells", lambda: list(_kept_cells(orders)))


def _kept_cells(orders: ToolOrders) -> Iterator[Cell]:
    for (sort, category, facets), number in orders.counts().items():
        if sort == "top" and category is not None and facets is not None:
            yield category, facets, number


def cells_of(tools: Iterable[Tool]) -> list[Cell]:
    """The cells of these tools."""
    numbers = Counter((tool.profile.category, facets_of(tool)) for tool in tools)
    return [(category, facets, number) for (category, facets), number in numbers.items()]
