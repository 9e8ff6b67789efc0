"""The catalogue in its orders, filtered and paged."""

import re
from typing import Any, Literal

from votes.app.catalogue import listed
from votes.app.catalogue import tally as tally_of
from votes.app.paging import Page, page
from votes.domain.terms import ToolSlug
from votes.domain.verdict import wilson_lower
from votes.engine.models import Models
from votes.projections.profiles import Profile
from votes.projections.tallies import Tally

Sort = Literal["top", "trending", "new", "controversial"]

Listed = tuple[ToolSlug, Profile, Tally]


def category_slug(category: str) -> str:
    """How a category is spelled in an address: "Developer Tools" and "developer-tools" are one."""
    return re.sub(r"[^a-z0-9]+", "-", category.casefold()).strip("-")


def tools(
    models: Models, sort: Sort, category: str | None, q: str | None, cursor: str | None, limit: int
) -> Page[Listed]:
    """A page of the listed tools. Raises `BadCursor`."""
    wanted = category_slug(category) if category else None
    words = q.casefold().split() if q else []
    keyed = [
        (_key(sort, slug, profile, tally), (slug, profile, tally))
        for slug, profile in listed(models).items()
        if (wanted is None or category_slug(profile.entry.category) == wanted)
        and _has(words, slug, profile)
        and (tally := tally_of(models, slug)) is not None
    ]
    return page(keyed, f"tools {sort}", cursor, limit)


def _has(words: list[str], slug: ToolSlug, profile: Profile) -> bool:
    if not words:
        return True
    text = f"{slug} {profile.entry.name} {profile.entry.tagline}".casefold()
    return all(word in text for word in words)


def _key(sort: Sort, slug: ToolSlug, profile: Profile, tally: Tally) -> list[Any]:
    """Ascending; the slug makes it unique."""
    match sort:
        case "top":
            return [-wilson_lower(tally.ship, tally.skip), -tally.total, slug]
        case "trending":
            return [-tally.heat, slug]
        case "new":
            return [-profile.listed_at.timestamp(), slug]
        case "controversial":
            return [-_controversy(tally), slug]


def _controversy(tally: Tally) -> float:
    """Many votes, evenly split: the total to the power of the balance, 0 where one side is none."""
    if not tally.ship or not tally.skip:
        return 0.0
    balance = min(tally.ship, tally.skip) / max(tally.ship, tally.skip)
    return float(tally.total**balance)
