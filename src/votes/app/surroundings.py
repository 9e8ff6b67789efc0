"""What a page shows beside its subject: categories, neighbours, pairs worth a look."""

from collections import Counter

from votes.app.listing import Listed, tools
from votes.app.models import Models
from votes.app.pairs import pair_path
from votes.domain.summary import Profile
from votes.domain.terms import ToolSlug
from votes.domain.tool import Entry

NEIGHBOURS_MAX = 6
PAIRS_MAX = 6

Pair = tuple[Entry, Entry, str]
"""Two tools and where they are compared."""


def listed(models: Models) -> dict[ToolSlug, Profile]:
    return {
        slug: profile
        for partition in models.partitions
        for slug, profile in partition.profiles.items()
        if profile.listed
    }


def categories(models: Models) -> list[tuple[str, int]]:
    """Each category with its number of tools, by name."""
    counts = Counter(profile.entry.category for profile in listed(models).values())
    return sorted(counts.items())


def neighbours(models: Models, tool: ToolSlug, number: int = NEIGHBOURS_MAX) -> list[Listed]:
    """The best of the tool's category, without itself."""
    profile = models.profile(tool)
    if profile is None:
        return []
    page = tools(models, "top", profile.entry.category, None, None, number + 1)
    return [found for found in page.items if found[0] != tool][:number]


def pairs(models: Models) -> list[Pair]:
    """Tools with reviews first, then the two best of each large category."""
    known = listed(models)
    reviewed = sorted(slug for slug, profile in known.items() if profile.reviews)
    found = list(zip(reviewed[::2], reviewed[1::2], strict=False))
    counts = Counter(profile.entry.category for profile in known.values())
    for category, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:PAIRS_MAX]:
        best = [slug for slug, *_ in tools(models, "top", category, None, None, 2).items]
        if len(best) == 2 and (pair := (min(best), max(best))) not in found:
            found.append(pair)
    return [(known[a].entry, known[b].entry, pair_path(models, a, b)) for a, b in found[:PAIRS_MAX]]
