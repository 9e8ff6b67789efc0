"""What a page shows beside its subject: neighbours, pairs to compare."""

from itertools import pairwise

from votes.app.catalogue.compared import compared_path
from votes.app.catalogue.listing import categories
from votes.app.catalogue.tool_orders import REVIEWED, ToolOrders
from votes.app.catalogue.tools import Tool
from votes.engine.read_models import ReadModels

NEIGHBOURS_MAX = 6
PAIRS_MAX = 6

PAIR_VOTES_MIN = 10
"""Fewer votes on a tool say little about whether another one is close."""
CANDIDATES_MAX = 8
CATEGORIES_MAX = 3 * PAIRS_MAX

Pair = tuple[Tool, Tool, str]
"""Two tools and the path of their comparison."""


def neighbours(orders: ToolOrders, tool: Tool, number: int = NEIGHBOURS_MAX) -> list[Tool]:
    """The best of the tool's category, without itself."""
    best = orders.first(("top", tool.profile.category, None), number + 1)
    return [other for other in best if other.id != tool.id][:number]


def pairs(models: ReadModels, orders: ToolOrders) -> list[Pair]:
    """Tools with reviews first, then the closest two of the large categories, closest first; where
    too few tools have votes, the two best."""
    return orders.kept("pairs", lambda: _pairs(models, orders))


def _pairs(models: ReadModels, orders: ToolOrders) -> list[Pair]:
    reviewed = orders.first(REVIEWED, 2 * PAIRS_MAX)
    largest = sorted(categories(orders), key=lambda item: (-item[1], item[0]))[:CATEGORIES_MAX]
    best = [orders.first(("top", category, None), CANDIDATES_MAX) for category, _ in largest]
    close = sorted(filter(None, map(_closest, best)), key=lambda pair: pair[0])
    pairs = list(zip(reviewed[::2], reviewed[1::2], strict=False))
    pairs += [(a, b) for _, a, b in close]
    pairs += [(each[0], each[1]) for each in best if len(each) > 1]
    named = {frozenset((a.id, b.id)): sorted((a, b), key=lambda tool: tool.slug) for a, b in pairs}
    return [
        (a, b, compared_path(models, a.slug, b.slug)) for a, b in list(named.values())[:PAIRS_MAX]
    ]


def _closest(tools: list[Tool]) -> tuple[float, Tool, Tool] | None:
    """The two tools whose shares of ship differ least, with the difference."""
    voted_on = [tool for tool in tools if tool.tally.total >= PAIR_VOTES_MIN]
    by_share = sorted(voted_on, key=lambda tool: (_share(tool), tool.slug))
    between = [(_share(b) - _share(a), a, b) for a, b in pairwise(by_share)]
    return min(between, key=lambda pair: pair[0], default=None)


def _share(tool: Tool) -> float:
    return tool.tally.ship / tool.tally.total
