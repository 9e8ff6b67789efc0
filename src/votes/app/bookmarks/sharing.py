"""What everybody may see of a public collection: its name, and its tools in their order.

Nothing that is the user's alone is in it: no note and no tag, not the id that the user has given
it, and not who the user is.
"""

from datetime import datetime
from email.utils import format_datetime
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from votes.app.bookmarks import lists as bookmarks
from votes.app.bookmarks.responses import SharedCollection, SharedTool
from votes.app.bookmarks.shelves import Kept, KeptCollection, Shelf
from votes.app.catalogue import tools as catalogue
from votes.app.catalogue.paging import Page, sorted_page
from votes.domain.verdict import panel_verdict
from votes.engine.reading.orders import Place
from votes.engine.reading.reader import ReadSource
from votes.projections.tallies import call_of

FEED_ENTRIES_MAX = 50


def view(
    source: ReadSource, shelf: Shelf, kept: KeptCollection, cursor: str | None, limit: int
) -> SharedCollection:
    """A page of the collection. Raises `BadCursor`."""

    def place(one: Kept) -> Place:
        return one.rank, one.position

    found = bookmarks.in_own_order(shelf, kept.named.id)
    page = sorted_page(found, place, "shared", cursor, limit)
    return _shared(source, kept, page)


def newest(source: ReadSource, shelf: Shelf, kept: KeptCollection) -> SharedCollection:
    """The tools that were added last, for a feed."""
    found = bookmarks.in_own_order(shelf, kept.named.id)
    last = sorted(found, key=lambda one: (-one.added, -one.position))[:FEED_ENTRIES_MAX]
    return _shared(source, kept, Page(last, None, len(found)))


def _shared(source: ReadSource, kept: KeptCollection, page: Page[Kept]) -> SharedCollection:
    public = kept.saved.public
    assert public is not None
    tools = [tool for one in page.items if (tool := _tool(source, one)) is not None]
    return SharedCollection(public, kept.named.name, tools, page.next_cursor, page.total)


def _tool(source: ReadSource, kept: Kept) -> SharedTool | None:
    tool = catalogue.tool_of(source.models, kept.tool)
    if tool is None or not tool.profile.listed:
        return None
    entry = tool.profile.entry
    panel = panel_verdict([review.opinion.choice for review in tool.profile.reviews])
    added = kept.standing.added_at
    said = entry.name, entry.tagline, entry.category, panel, call_of(tool.tally), added
    return SharedTool(tool.slug, *said)


def json_feed(shared: SharedCollection, base: str) -> dict[str, Any]:
    """JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/)."""
    page = f"{base}/collections/{shared.public}"
    items = [
        {
            "id": f"{page}#{one.tool}",
            "url": f"{base}/tools/{one.tool}",
            "title": one.name,
            "content_text": one.tagline or one.name,
            "date_published": one.added_at,
            "tags": [one.category],
        }
        for one in shared.tools
    ]
    return {
        "version": "https://jsonfeed.org/version/1.1",
        "title": shared.name,
        "home_page_url": page,
        "feed_url": f"{base}/v1/collections/{shared.public}.json",
        "items": items,
    }


def rss(shared: SharedCollection, base: str) -> bytes:
    """RSS 2.0 (https://www.rssboard.org/rss-specification)."""
    page = f"{base}/collections/{shared.public}"
    root = Element("rss", version="2.0")
    channel = SubElement(root, "channel")
    _add(channel, title=shared.name, link=page, description=f"Tools in {shared.name}")
    for one in shared.tools:
        item = SubElement(channel, "item")
        _add(item, title=one.name, link=f"{base}/tools/{one.tool}", description=one.tagline)
        _add(item, category=one.category, pubDate=_date(one.added_at))
        SubElement(item, "guid", isPermaLink="false").text = f"{page}#{one.tool}"
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _add(parent: Element, **texts: str) -> None:
    for name, text in texts.items():
        SubElement(parent, name).text = text.translate(_NO_XML)


_NO_XML = dict.fromkeys((0xFFFE, 0xFFFF))
"""What names may have and XML may not (https://www.w3.org/TR/xml/#charsets)."""


def _date(at: datetime) -> str:
    return format_datetime(at)
