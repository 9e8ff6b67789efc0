"""The catalogue in its orders, filtered and paged."""

import re
from typing import Any, Literal

from votes.app.catalogue import Tool, listed
from votes.app.paging import Page, page
from votes.domain.verdict import wilson_lower
from votes.engine.read_models import ReadModels
from votes.projections.tallies import Tally

Sort = Literal["top", "trending", "new", "controversial"]


def category_slug(category: str) -> str:
    """The spelling of a category in an address: "Developer Tools" becomes "developer-tools"."""
    return re.sub(r"[^a-z0-9]+", "-", category.casefold()).strip("-")


def tools(
    models: ReadModels,
    sort: Sort,
    category: str | None,
    q: str | None,
    cursor: str | None,
    limit: int,
) -> Page[Tool]:
    """A page of the listed tools. Raises `BadCursor`."""
    wanted = category_slug(category) if category else None
    words = q.casefold().split() if q else []
    keyed = [
        (_key(sort, tool), tool)
        for tool in listed(models)
        if (wanted is None or category_slug(tool.profile.entry.category) == wanted)
        and _has(words, tool)
    ]
    return page(keyed, f"tools {sort}", cursor, limit)


def _has(words: list[str], tool: Tool) -> bool:
    if not words:
        return True
    entry = tool.profile.entry
    text = f"{tool.slug} {entry.name} {entry.tagline}".casefold()
    return all(word in text for word in words)


def _key(sort: Sort, tool: Tool) -> list[Any]:
    """Ascending; the slug makes it unique."""
    slug, tally = tool.slug, tool.tally
    match sort:
        case "top":
            return [-wilson_lower(tally.ship, tally.skip), -tally.total, slug]
        case "trending":
            return [-tally.heat, slug]
        case "new":
            return [-tool.profile.listed_at.timestamp(), slug]
        case "controversial":
            return [-_controversy(tally), slug]


def _controversy(tally: Tally) -> float:
    """High for many, evenly split votes: total to the power of balance; 0 where one side is 0."""
    if not tally.ship or not tally.skip:
        return 0.0
    balance = min(tally.ship, tally.skip) / max(tally.ship, tally.skip)
    return float(tally.total**balance)
