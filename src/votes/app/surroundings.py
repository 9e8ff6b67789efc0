"""What a page shows beside its subject: categories, neighbours, pairs to compare."""

import sys
from collections import Counter

from votes.app.catalogue import Tool, listed
from votes.app.listing import tools
from votes.app.pairs import pair_path
from votes.domain.tool import Entry
from votes.engine.read_models import ReadModels

NEIGHBOURS_MAX = 6
PAIRS_MAX = 6

Pair = tuple[Entry, Entry, str]
"""Two tools and the path of their comparison."""


def categories(models: ReadModels) -> list[tuple[str, int]]:
    """Each category with its number of tools, by name."""
    counts = Counter(tool.profile.entry.category for tool in listed(models))
    return sorted(counts.items())


def ranked(models: ReadModels) -> dict[str, list[Tool]]:
    """The tools of each category, best first; the largest categories first."""
    by_category: dict[str, list[Tool]] = {}
    for tool in tools(models, "top", None, None, None, sys.maxsize).items:
        by_category.setdefault(tool.profile.entry.category, []).append(tool)
    return dict(sorted(by_category.items(), key=lambda item: (-len(item[1]), item[0])))


def neighbours(
    ranking: dict[str, list[Tool]], tool: Tool, number: int = NEIGHBOURS_MAX
) -> list[Tool]:
    """The best of the tool's category, without itself."""
    best = ranking.get(tool.profile.entry.category, [])[: number + 1]
    return [other for other in best if other.id != tool.id][:number]


def pairs(models: ReadModels, ranking: dict[str, list[Tool]]) -> list[Pair]:
    """Tools with reviews first, then the two best of each large category."""
    profiles = {tool.slug: tool.profile for tool in listed(models)}
    reviewed = sorted(slug for slug, profile in profiles.items() if profile.reviews)
    pairs = list(zip(reviewed[::2], reviewed[1::2], strict=False))
    for best in list(ranking.values())[:PAIRS_MAX]:
        both = sorted(tool.slug for tool in best[:2])
        if len(both) == 2 and (both[0], both[1]) not in pairs:
            pairs.append((both[0], both[1]))
    return [
        (profiles[a].entry, profiles[b].entry, pair_path(models, a, b))
        for a, b in pairs[:PAIRS_MAX]
    ]
