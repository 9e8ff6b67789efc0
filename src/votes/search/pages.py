"""Lists of tools, searched or not, and suggestions as one types."""

from votes.app import listing
from votes.app.catalogue import Tool
from votes.app.listing import category_slug
from votes.app.paging import Page, page
from votes.app.responses import Suggestion, SuggestionsView
from votes.app.tool_orders import Sort, place
from votes.domain.verdict import Call
from votes.engine.log import Position
from votes.engine.read_models import ReadModels
from votes.projections.tallies import call_of
from votes.search.finder import FOUND_MAX, Finder

SUGGESTIONS_DEFAULT = 8


async def tools_page(
    finder: Finder,
    models: ReadModels,
    sort: Sort | None,
    category: str | None,
    call: Call | None,
    q: str | None,
    cursor: str | None,
    limit: int,
    min_position: Position = 0,
) -> Page[Tool]:
    """A page of the listed tools, or with `q` of those that a search finds.

    Without a `sort` what fits `q` best comes first. A cursor then names the score and the slug
    after which it goes on, so it stays right while tools come and go. Raises `BadCursor` and
    `NotYet`.
    """
    if not q or q.isspace():
        return await listing.tools(models, sort or "top", category, call, cursor, limit)
    only = category_slug(category) if category else None
    found = await finder.find(models, q, only, FOUND_MAX, min_position)
    keyed = [
        ([-one.score, one.tool.slug] if sort is None else [*place(sort, one.tool)[:-1]], one.tool)
        for one in found
        if call is None or call_of(one.tool.tally) == call
    ]
    return page(keyed, f"tools {sort or 'found'}", cursor, limit)


async def suggestions(
    finder: Finder, models: ReadModels, q: str, limit: int, min_position: Position = 0
) -> SuggestionsView:
    """What fits best. Raises `NotYet`."""
    found = await finder.find(models, q, None, limit, min_position)
    return SuggestionsView([_suggestion(one.tool) for one in found])


def _suggestion(tool: Tool) -> Suggestion:
    entry = tool.profile.entry
    return Suggestion(tool.slug, entry.name, entry.category, entry.tagline)
