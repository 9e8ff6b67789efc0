"""What a page shows beside its subject: neighbours, pairs to compare."""

from votes.app.catalogue import Tool
from votes.app.listing import categories
from votes.app.pairs import pair_path
from votes.app.tool_orders import REVIEWED, ToolOrders
from votes.domain.tool import Entry
from votes.engine.read_models import ReadModels

NEIGHBOURS_MAX = 6
PAIRS_MAX = 6

Pair = tuple[Entry, Entry, str]
"""Two tools and the path of their comparison."""


def neighbours(orders: ToolOrders, tool: Tool, number: int = NEIGHBOURS_MAX) -> list[Tool]:
    """The best of the tool's category, without itself."""
    best = orders.first(("top", tool.profile.entry.category, None), number + 1)
    return [other for other in best if other.id != tool.id][:number]


def pairs(models: ReadModels, orders: ToolOrders) -> list[Pair]:
    """Tools with reviews first, then the two best of each large category."""
    reviewed = orders.first(REVIEWED, 2 * PAIRS_MAX)
    pairs = list(zip(reviewed[::2], reviewed[1::2], strict=False))
    largest = sorted(categories(orders), key=lambda item: (-item[1], item[0]))[:PAIRS_MAX]
    for category, _ in largest:
        best = orders.first(("top", category, None), 2)
        both = sorted(best, key=lambda tool: tool.slug)
        if len(both) == 2 and (both[0], both[1]) not in pairs:
            pairs.append((both[0], both[1]))
    return [
        (a.profile.entry, b.profile.entry, pair_path(models, a.slug, b.slug))
        for a, b in pairs[:PAIRS_MAX]
    ]
