"""What a page shows beside its subject: categories, neighbours, pairs worth a look."""

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
"""Two tools and where they are compared."""


def categories(models: ReadModels) -> list[tuple[str, int]]:
    """Each category with its number of tools, by name."""
    counts = Counter(tool.profile.entry.category for tool in listed(models))
    return sorted(counts.items())


def ranked(models: ReadModels) -> dict[str, list[Tool]]:
    """The tools of each category, best first; the largest categories first."""
    found: dict[str, list[Tool]] = {}
    for tool in tools(models, "top", None, None, None, sys.maxsize).items:
        found.setdefault(tool.profile.entry.category, []).append(tool)
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def neighbours(
    ranking: dict[str, list[Tool]], tool: Tool, number: int = NEIGHBOURS_MAX
) -> list[Tool]:
    """The best of the tool's category, without itself."""
    beside = ranking.get(tool.profile.entry.category, [])[: number + 1]
    return [found for found in beside if found.id != tool.id][:number]


def pairs(models: ReadModels, ranking: dict[str, list[Tool]]) -> list[Pair]:
    """Tools with reviews first, then the two best of each large category."""
    known = {tool.slug: tool.profile for tool in listed(models)}
    reviewed = sorted(slug for slug, profile in known.items() if profile.reviews)
    found = list(zip(reviewed[::2], reviewed[1::2], strict=False))
    for best in list(ranking.values())[:PAIRS_MAX]:
        both = sorted(tool.slug for tool in best[:2])
        if len(both) == 2 and (both[0], both[1]) not in found:
            found.append((both[0], both[1]))
    return [(known[a].entry, known[b].entry, pair_path(models, a, b)) for a, b in found[:PAIRS_MAX]]
