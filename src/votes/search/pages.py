"""Lists of tools, searched or not, and suggestions as one types."""

import re

from votes.app.catalogue import listing
from votes.app.catalogue.listing import Choices, Wanted, category_slug
from votes.app.catalogue.paging import Page, page, sorted_page
from votes.app.catalogue.responses import Suggestion, SuggestionsView
from votes.app.catalogue.tool_orders import TOP, Sort, facets_of, place, tool_orders
from votes.app.catalogue.tools import Tool
from votes.engine.log import Position
from votes.engine.read_models import ReadModels
from votes.engine.reading.orders import Place
from votes.search.finder import FOUND_MAX, Finder, SearchResult
from votes.search.index import tier

SUGGESTIONS_DEFAULT = 8
SAME_NAME, IN_NAME = 1, 3
"""Up to these tiers of the index a name is what is typed, or has all of it."""
NEAR_LENGTH_MAX = 200


async def tools_page(
    finder: Finder,
    models: ReadModels,
    sort: Sort | None,
    wanted: Wanted,
    q: str | None,
    cursor: str | None,
    limit: int,
    min_position: Position = 0,
) -> Page[Tool]:
    """A page of the listed tools that are as wanted, or with `q` of those that a search finds.

    Without a `sort` what fits `q` best comes first. A cursor then names the score and the slug
    after which it goes on, so it stays right while tools come and go. Raises `BadCursor` and
    `NotYet`.
    """
    if not q or q.isspace():
        return await listing.tools(models, sort or "top", wanted, cursor, limit)
    only = category_slug(wanted.category) if wanted.category else None
    results = await finder.find(models, q, only, FOUND_MAX, min_position)
    if not wanted.any_facets:
        results = [one for one in results if wanted.has(facets_of(one.tool))]
    if sort is not None:
        keyed = [([*place(sort, one.tool)[:-1]], one.tool) for one in results]
        return page(keyed, f"tools {sort}", cursor, limit)
    found = sorted_page(results, _fit, "tools found", cursor, limit)
    return Page([one.tool for one in found.items], found.next_cursor, found.total)


def _fit(one: SearchResult) -> Place:
    return -one.score, one.tool.slug


async def choices(finder: Finder, models: ReadModels, wanted: Wanted, q: str | None) -> Choices:
    """What else might be wanted of the tools that `tools_page` pages. Raises `NotYet`."""
    if not q or q.isspace():
        return listing.choices(listing.kept_cells(await tool_orders(models, TOP)), wanted)
    found = await finder.find(models, q)
    return listing.choices(listing.cells_of(one.tool for one in found), wanted)


async def only_one(finder: Finder, models: ReadModels, text: str) -> Tool | None:
    """The tool that the text can only mean: the one whose name or slug it is, else the only one
    that has all its words in the name, the last one perhaps not typed to its end.

    Raises `NotYet`.
    """
    found = [(tier(one.score), one.tool) for one in await finder.find(models, text)]
    for most in (SAME_NAME, IN_NAME):
        fit = [tool for place, tool in found if place <= most]
        if fit:
            return fit[0] if len(fit) == 1 else None
    return None


async def near(finder: Finder, models: ReadModels, text: str, limit: int) -> list[Tool]:
    """The tools that may be meant by the text, the best first. Raises `NotYet`."""
    words = " ".join(re.split(r"[\W_]+", text))[:NEAR_LENGTH_MAX]
    return [one.tool for one in await finder.find(models, words, None, limit)]


async def suggestions(
    finder: Finder, models: ReadModels, q: str, limit: int, min_position: Position = 0
) -> SuggestionsView:
    """What fits best. Raises `NotYet`."""
    results = await finder.find(models, q, None, limit, min_position)
    return SuggestionsView([_suggestion(one.tool) for one in results])


def _suggestion(tool: Tool) -> Suggestion:
    profile = tool.profile
    return Suggestion(tool.slug, profile.name, profile.category, profile.tagline)
