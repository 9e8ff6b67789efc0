"""Whatever stands in the log as an entry of the catalogue, its pages are shown."""

from datetime import UTC, datetime

import pytest

from tests.e2e.asking import unique
from tests.e2e.pages.reading import one, page, words
from tests.engine.commands.sending import append_to
from votes.config import Config
from votes.domain.terms import ToolId
from votes.domain.tool import Entry, Plan, SlugTaken, ToolListed, slug_stream, stream
from votes.resources import event_store

PRICES = (Plan("Least", 5e-324), Plan("Most", 1.7e308, "month"))
ENTRIES = {
    "half an address": Entry("Half", "Tests", url="http://[::1"),
    "a port that is none": Entry("Port", "Tests", url="https://a:b"),
    "letters that fold into others": Entry("Folds", "Tests", url="https://a\u2100b"),
    "an address that is all query": Entry("Query", "Tests", url="https://?"),
    "prices at the ends of numbers": Entry("Prices", "Tests", plans=PRICES),
    "marks alone": Entry("\u0301" * 120, "\u0301" * 64, tagline="\u202f", url="https://\u0301"),
}


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
async def test_all_its_pages_are_shown(live_site, http, admin, entry):
    slug, at = ToolId(unique("tool")), datetime.now(UTC)
    listed = append_to(stream(slug), 0, ToolListed(slug, entry), at=at, subject=slug)
    taken = append_to(slug_stream(slug), 0, SlugTaken(slug), at=at, subject=slug)
    async with event_store(Config(postgres_url=live_site.servers.app_url)) as store:
        await store.append([listed, taken])
        head = await store.head()
    try:
        pair = "-vs-".join(sorted((slug, "notion")))
        tree = page(http, f"/tools/{slug}?min_position={head}")
        assert words(one(tree, "h1")) == " ".join(entry.name.split())
        for path in (f"/compare/{pair}", f"/compare?a={slug}", "/?sort=new", f"/?q={slug}"):
            page(http, path)
        for path in (f"/og/{slug}.png", f"/og/{pair}.png", "/feed.xml", f"/v1/tools/{slug}"):
            assert http.get(path).status_code == 200, path
    finally:  # no import takes such an entry: it would be in the way of a test of exports
        assert http.delete(f"/v1/tools/{slug}", headers=admin).is_success
