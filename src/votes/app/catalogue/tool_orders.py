"""The lists of the catalogue: in which of them each tool is, and how they are sorted."""

from collections.abc import Callable
from functools import lru_cache, partial
from itertools import product
from typing import Literal, get_args

from votes.app.catalogue.tools import Tool, tool_of
from votes.domain.terms import PersonaSlug
from votes.domain.verdict import Call, PanelVerdict, panel_verdict, wilson_lower
from votes.engine.read_models import ReadModels
from votes.engine.reading.orders import Ordering, Orders, Place, orders_of
from votes.projections.profiles import PROFILES
from votes.projections.tallies import TALLIES, Tally, call_of

Sort = Literal["top", "trending", "new", "controversial"]
SORTS: tuple[Sort, ...] = get_args(Sort)
Price = Literal["free", "paid", "unknown"]
"""Whether a tool has a plan that costs nothing, only plans that cost something, or no price."""
PRICES: tuple[Price, ...] = get_args(Price)
PANELS: tuple[PanelVerdict, ...] = get_args(PanelVerdict)
CALLS: tuple[Call, ...] = get_args(Call)
Facets = tuple[Call, PanelVerdict, Price]
"""What a list may be filtered by, beside the category."""
FACETS: tuple[Facets, ...] = tuple(product(CALLS, PANELS, PRICES))
ToolList = tuple[Sort | Literal["name", "reviewed", "reviewer", "held"], str | None, Facets | None]
"""How a list is sorted, and the category and the facets of its tools, None for any. By name, with
reviews or with held votes there are lists of any alone; those of a `reviewer` have the persona in
place of a category."""
ToolOrders = Orders[Tool, ToolList]

TOP: ToolList = ("top", None, None)
NEW: ToolList = ("new", None, None)
BY_NAME: ToolList = ("name", None, None)
REVIEWED: ToolList = ("reviewed", None, None)
HELD: ToolList = ("held", None, None)


def reviewed_by(persona: PersonaSlug) -> ToolList:
    """The list of the tools that the persona has reviewed, the last review first."""
    return ("reviewer", persona, None)


def _row(models: ReadModels, key: str) -> Tool | None:
    tool = tool_of(models, key)
    return tool if tool is not None and tool.profile.listed else None


Places = dict[tuple[ToolList, ...], Place]


def _sorted(sort: Sort, tool: Tool) -> Places:
    return {_lists(sort, tool.profile.category, facets_of(tool)): place(sort, tool)}


def _by_name(tool: Tool) -> Places:
    return {(BY_NAME,): (tool.profile.name.casefold(), tool.slug, tool.id)}


def _reviewed(tool: Tool) -> Places:
    return {(REVIEWED,): (tool.slug, tool.id)} if tool.profile.reviews else {}


def _by_reviewer(tool: Tool) -> Places:
    return {
        (reviewed_by(review.persona),): (-review.revised_at.timestamp(), tool.slug, tool.id)
        for review in tool.profile.reviews
    }


def _held(tool: Tool) -> Places:
    held = tool.tally.counts.held
    return {(HELD,): (-held, tool.slug, tool.id)} if held else {}


@lru_cache(maxsize=10_000)
def _lists(sort: Sort, category: str, facets: Facets) -> tuple[ToolList, ...]:
    """The lists of a tool that are sorted so; the first is of all tools."""
    return tuple((sort, *one) for one in product((None, category), (None, facets)))


def facets_of(tool: Tool) -> Facets:
    profile = tool.profile
    panel = panel_verdict([review.opinion.choice for review in profile.reviews])
    return call_of(tool.tally), panel, price_of(profile.price)


def price_of(lowest: float | None) -> Price:
    if lowest is None:
        return "unknown"
    return "paid" if lowest else "free"


def place(sort: Sort, tool: Tool) -> Place:
    """Where the tool is in the lists that are sorted so."""
    tally, last = tool.tally, (tool.slug, tool.id)
    match sort:
        case "top":
            return (-wilson_lower(tally.ship, tally.skip), -tally.total, *last)
        case "trending":
            return (-tally.heat, *last)
        case "new":
            return (-tool.profile.listed_at.timestamp(), *last)
        case "controversial":
            return (-_controversy(tally), *last)


def _controversy(tally: Tally) -> float:
    """High for many, evenly split votes: total to the power of balance; 0 where one side is 0."""
    if not tally.ship or not tally.skip:
        return 0.0
    balance = min(tally.ship, tally.skip) / max(tally.ship, tally.skip)
    return float(tally.total**balance)


FAMILIES: dict[str, Callable[[Tool], Places]] = {
    **{sort: partial(_sorted, sort) for sort in SORTS},
    "reviewed": _reviewed,
    "name": _by_name,
    "reviewer": _by_reviewer,
    "held": _held,
}
"""By how lists are sorted, the first part of their names."""

TOOLS = Ordering("tools", (PROFILES, TALLIES), _row, FAMILIES)


async def tool_orders(models: ReadModels, *lists: ToolList) -> ToolOrders:
    """The lists of the listed tools, with all that the read models have. Where lists are named,
    there may be no others yet than these and those that are sorted like one of them."""
    return await orders_of(models, TOOLS, *dict.fromkeys(each[0] for each in lists))
