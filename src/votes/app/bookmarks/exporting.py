"""All bookmarks and unmatched pages of a user, for a file. An import of it leads back to them."""

import asyncio

from votes.app.bookmarks import unmatched
from votes.app.bookmarks.importing import paths
from votes.app.bookmarks.shelves import Shelf
from votes.domain import tool as tools
from votes.domain.terms import ToolId, ToolSlug
from votes.domain.tool import Entry, ToolDelisted, ToolEvent
from votes.engine.ports import EventStore
from votes.engine.read_models import ReadModels
from votes.formats.saved import Saved
from votes.projections.profiles import PROFILES

Called = dict[ToolId, tuple[ToolSlug, Entry]]
"""What tools are called."""

CALLED_AT_ONCE = 100
"""So many entries are unpacked in some 2 ms; in between, the loop serves other tasks."""


async def all_saved(
    store: EventStore, models: ReadModels | None, shelf: Shelf, here: str
) -> list[Saved]:
    """A tool without an address has its page on this site, which is `here`.

    Raises `Unavailable`.
    """
    found = _bookmarks(shelf, await _called(store, models, shelf), here)
    async for some in unmatched.kept_by(store, shelf.person):
        opened = await asyncio.to_thread(unmatched.opened, shelf.person, some)
        found += [one.page for one in opened]
    return found


def _bookmarks(shelf: Shelf, called: Called, here: str) -> list[Saved]:
    folders = paths(shelf)
    found = []
    for kept in shelf.kept.values():
        if kept.tool not in called:
            continue
        slug, entry = called[kept.tool]
        written = kept.written
        page = Saved(
            written.url or entry.url or f"{here}/tools/{slug}",
            entry.name,
            folders.get(written.collection, ()) if written.collection is not None else (),
            written.tags,
            written.note.strip(),
            kept.standing.added_at,
            slug,
        )
        found.append(page)
    return found


async def _called(store: EventStore, models: ReadModels | None, shelf: Shelf) -> Called:
    """Tools that the read models lack are looked up in the log."""
    called: Called = {}
    missing = []
    for number, tool in enumerate(list(shelf.kept)):
        if not number % CALLED_AT_ONCE:
            await asyncio.sleep(0)
        profile = models.get(PROFILES, tool) if models is not None else None
        if profile is not None:
            called[tool] = profile.slug, profile.entry
        else:
            missing.append(tools.stream(tool))
    for last in (await store.last_events(missing)).values() if missing else ():
        if isinstance(last.event, ToolEvent) and not isinstance(last.event, ToolDelisted):
            called[ToolId(last.subject)] = last.event.slug, last.event.entry
    return called
