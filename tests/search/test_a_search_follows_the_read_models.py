"""The index follows the read models: what they list is found, as it is now, and nothing else."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.catalogues import AT
from votes.app.catalogue.listing import Wanted
from votes.app.catalogue.tool_orders import TOOLS as ORDERS
from votes.app.catalogue.tool_orders import TOP
from votes.domain.tool import Entry, ToolDelisted, ToolListed, ToolRenamed, ToolRevised
from votes.domain.vote_events import VoteCast
from votes.engine.log import Recorded, Stream
from votes.engine.read_models import ReadModels
from votes.engine.reading.orders import Orders
from votes.engine.reading.reader import NotYet
from votes.projections import PROJECTIONS
from votes.projections.profiles import PROFILES
from votes.search import finder as searching
from votes.search.finder import Finder
from votes.search.index import ToolIndex
from votes.search.pages import suggestions, tools_page

NAMES = ("Atlas", "Atlas Maps", "Bolt", "Café", "Chart", "Notion")
TOOLS = ("one", "two", "three")
ASKED = ("atlas", "maps", "bolt", "cafe", "chart", "notion", "fast", "tests", "o", "slug-1", "s")

tools = st.sampled_from(TOOLS)
entries = st.builds(
    Entry, st.sampled_from(NAMES), st.sampled_from(("Tests", "Maps")), st.sampled_from(("", "Fast"))
)
slugs = st.sampled_from(("slug-1", "slug-2", "slug-3"))
steps = st.one_of(
    st.tuples(st.just("list"), tools, slugs, entries),
    st.tuples(st.just("revise"), tools, slugs, entries),
    st.tuples(st.just("rename"), tools, slugs, entries),
    st.tuples(st.just("delist"), tools, slugs),
    st.tuples(st.just("vote"), tools, st.integers(1, 5)),
    st.sampled_from((("load",), ("lose",))),
)
histories = st.lists(st.tuples(steps, st.booleans()), max_size=12)
"""What happens, and whether the index is brought up to date afterwards."""
KINDS = {"list": ToolListed, "revise": ToolRevised, "rename": ToolRenamed, "delist": ToolDelisted}


class Site:
    """Read models, and a search that follows them."""

    def __init__(self) -> None:
        self.models = ReadModels(PROJECTIONS, "epoch")
        self.events: list[Recorded] = []
        self.finder = Finder()
        self.finder.follow(self.models, None)

    def happen(self, tool: str, *happened) -> None:
        new = [
            Recorded(at, Stream("any"), 1, event, AT, tool)
            for at, event in enumerate(happened, len(self.events) + 1)
        ]
        self.events += new
        self.finder.follow(self.models, self.models.fold(new))

    def load(self) -> None:
        self.models = ReadModels(PROJECTIONS, "epoch")
        self.models.fold(self.events)
        self.finder.follow(self.models, None)

    async def do(self, kind, *about) -> None:
        match kind:
            case "load":
                self.load()
            case "lose":
                self.finder.follow(None, None)
            case "vote":
                tool, votes = about
                self.happen(tool, *[VoteCast("ship")] * votes)
            case _:
                tool, slug, *rest = about  # no two tools ever have one slug
                self.happen(tool, KINDS[kind](f"{slug}-{tool}", *rest))

    async def caught_up(self) -> None:
        if self.finder._changes.is_set():
            await self.finder.catch_up()

    async def found(self, text: str) -> list[tuple[str, str, float]]:
        found = await self.finder.find(self.models, text)
        return [(one.tool.slug, one.tool.profile.name, one.score) for one in found]


async def listed_all() -> Site:
    """A site with all tools, and an index of them."""
    site = Site()
    for tool in TOOLS:
        site.happen(tool, ToolListed(f"slug-{tool}", Entry("Atlas", "Tests")))
    await site.caught_up()
    return site


async def test_all_tools_are_looked_at_after_a_load_alone():
    site = Site()
    assert await site.finder.catch_up()
    site.happen("one", ToolListed("slug-one", Entry("Atlas", "Tests")))
    assert not await site.finder.catch_up()
    site.load()
    assert await site.finder.catch_up()


async def test_after_a_load_the_lists_come_before_the_index():
    site, listed = await listed_all(), []
    site.load()

    class Watched(ToolIndex):
        def only(self, tools):
            orders = site.models.derived[ORDERS.name]
            assert isinstance(orders, Orders)
            listed.append((orders.count([TOP]), len(self)))
            super().only(tools)

    site.finder._index = Watched()
    await site.caught_up()
    assert listed == [(len(TOOLS), 0)]
    assert len(site.finder._index) == len(TOOLS)


@settings(max_examples=60)
@given(histories)
async def test_after_any_history_the_index_equals_one_built_anew(history):
    site, other = await listed_all(), Site()
    for step, caught_up in history:
        await site.do(*step)
        if caught_up:
            await site.caught_up()
    await site.caught_up()
    other.events = site.events
    other.load()
    await other.caught_up()
    listed = [profile for _, profile in site.models.items(PROFILES) if profile.listed]
    assert len(site.finder._index) == len(other.finder._index) == len(listed)
    for text in ASKED:
        assert await site.found(text) == await other.found(text)


@settings(max_examples=60)
@given(histories)
async def test_an_index_that_is_behind_shows_nothing_that_is_not_so(history):
    site = await listed_all()
    for step, caught_up in history:
        await site.do(*step)
        for text in ("atlas", "s"):
            for one in await site.finder.find(site.models, text, "tests"):
                profile = site.models.get(PROFILES, one.tool.id)
                assert profile is one.tool.profile
                assert profile.listed
                assert profile.category == "Tests"
        if caught_up:
            await site.caught_up()


async def test_the_first_search_waits_for_the_first_index():
    site = Site()
    site.happen("one", ToolListed("atlas", Entry("Atlas", "Maps")))
    asked = asyncio.create_task(site.found("atlas"))
    await asyncio.sleep(0)
    assert not asked.done()
    await site.caught_up()
    assert [slug for slug, *_ in await asked] == ["atlas"]


async def test_a_search_at_a_position_waits_for_the_changes_up_to_it():
    site = Site()
    await site.caught_up()
    site.happen("one", ToolListed("atlas", Entry("Atlas", "Maps")))
    assert await site.found("atlas") == []
    asked = asyncio.create_task(site.finder.find(site.models, "atlas", min_position=1))
    await asyncio.sleep(0)
    assert not asked.done()
    await site.caught_up()
    assert len(await asked) == 1
    assert len(await site.finder.find(site.models, "atlas", min_position=1)) == 1


async def test_a_search_that_is_not_up_to_date_in_time_says_so(monkeypatch):
    monkeypatch.setattr(searching, "WAIT_S", 0.01)
    site = Site()
    with pytest.raises(NotYet):
        await site.found("atlas")


async def test_read_models_that_are_folded_from_the_log_are_searched_too():
    """While the live ones are away nobody reports changes."""
    site = Site()
    await site.caught_up()
    folded = ReadModels(PROJECTIONS, "epoch")
    for at, name in enumerate(("Atlas", "Bolt"), 1):
        listing = ToolListed(name.casefold(), Entry(name, "Maps"))
        folded.fold([Recorded(at, Stream("any"), 1, listing, AT, name.casefold())])
        asked = asyncio.create_task(site.finder.find(folded, name, min_position=at))
        await asyncio.sleep(0)
        await site.caught_up()
        assert [one.tool.slug for one in await asked] == [name.casefold()]


async def test_changes_of_a_pass_that_failed_are_taken_in_by_the_next_one(monkeypatch):
    site = Site()
    await site.caught_up()
    site.happen("one", ToolListed("atlas", Entry("Atlas", "Maps")))

    def broken(*_: object) -> None:
        raise OSError("no thread")

    with monkeypatch.context() as patch:
        patch.setattr(site.finder, "_take", broken)
        with pytest.raises(OSError, match="no thread"):
            await site.finder.catch_up()
    await site.caught_up()
    assert [slug for slug, *_ in await site.found("atlas")] == ["atlas"]


async def test_votes_change_the_index_at_each_doubling_alone(monkeypatch):
    site = Site()
    site.happen("one", ToolListed("atlas", Entry("Atlas", "Maps")))
    await site.caught_up()
    commits = 0

    class Counting:
        def __init__(self, writer) -> None:
            self._writer = writer

        def __getattr__(self, name):
            nonlocal commits
            commits += name == "commit"
            return getattr(self._writer, name)

    index = site.finder._index
    monkeypatch.setattr(index, "_writer", Counting(index._writer))
    for _ in range(64):
        site.happen("one", VoteCast("ship"))
        await site.caught_up()
    assert commits == 7


async def nine_equals() -> Site:
    site = Site()
    for number in range(9):
        site.happen(f"tool-{number}", ToolListed(f"atlas-{number}", Entry("Atlas", "Maps")))
    await site.caught_up()
    return site


async def test_pages_of_what_is_found_have_each_tool_once_while_tools_come_and_go():
    site = await nine_equals()
    first = await tools_page(site.finder, site.models, None, Wanted("Maps"), "atlas", None, 4)
    last = first.items[-1]
    site.happen(last.id, ToolDelisted(last.slug))
    site.happen("new", ToolListed("new", Entry("Atlas", "Maps")))
    await site.caught_up()
    cursor = first.next_cursor
    rest = await tools_page(site.finder, site.models, None, Wanted("maps"), " atlas ", cursor, 100)
    shown = [tool.slug for tool in (*first.items, *rest.items) if tool.slug != "new"]
    assert sorted(shown) == [f"atlas-{number}" for number in range(9)]


async def test_suggestions_are_the_first_that_a_search_finds():
    site = await nine_equals()
    all_found = [slug for slug, *_ in await site.found("atl")]
    said = await suggestions(site.finder, site.models, "atl", 3)
    assert [one.tool for one in said.suggestions] == all_found[:3]


async def test_two_processes_find_equals_in_one_order():
    site, other = await nine_equals(), Site()
    other.events = site.events
    site.happen("tool-3", ToolDelisted("atlas-3"))
    await site.caught_up()
    site.happen("tool-3", ToolListed("atlas-3", Entry("Atlas", "Maps")))
    await site.caught_up()
    other.load()
    await other.caught_up()
    for limit in range(1, 10):
        said = [
            await suggestions(each.finder, each.models, "atlas", limit) for each in (site, other)
        ]
        assert said[0] == said[1]
