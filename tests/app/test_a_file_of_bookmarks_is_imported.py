"""Whatever is in a file is kept: as bookmarks of tools, with all that is written beside them, or as
it came. Again it changes nothing, also where it was broken off."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.app.imported import ANN, BOB, HERE, Site, now
from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.domain.histories import START
from tests.engine.commands.sending import request
from votes.app.bookmarks import collecting, matching, unmatched
from votes.app.bookmarks import importing as bookmark_import
from votes.app.bookmarks.importing import Erased, Failed
from votes.app.bookmarks.lists import keep
from votes.app.bookmarks.shelves import Shelf
from votes.domain.bookmarks import collection
from votes.domain.bookmarks.bookmark import Annotations
from votes.domain.bookmarks.collection import Named
from votes.domain.person import EraseSubject
from votes.domain.terms import CollectionId, ToolId
from votes.domain.tool import DelistTool, Entry, ListTool
from votes.engine.bulk import submit_all
from votes.engine.handle import Request
from votes.engine.ports import Meta, Unavailable
from votes.formats.saved import Saved, tidy

LABELS = st.sampled_from(("Work", "Models", "a/b", "Later / now", "[x]", "é", "w" * 130, "W" * 120))
TAGS = st.one_of(LABELS, st.integers(0, 30).map(str))
PAGES = st.builds(
    Saved,
    url=st.sampled_from(
        [
            *("https://atlas.example/app", "http://www.atlas.example/app/?utm_source=x#top"),
            *("https://chart.example/", "https://chart.example?v=2", "https://other.example/bolt"),
            *(
                f"{HERE}/tools/bolt",
                "https://other.example/a",
                "https://other.example/b",
                "place:x",
            ),
        ]
    ),
    title=st.sampled_from(("", "Atlas", "Bolt", " bolt ", "Chart", "Something else")),
    folder=st.lists(LABELS, max_size=3).map(tuple),
    tags=st.lists(TAGS, max_size=25).map(tuple),
    note=st.sampled_from(("", "mine", "mine too", "n" * 2_500, "m" * 2_500)),
    added_at=st.one_of(
        st.none(),
        st.integers(1, 40).map(lambda day: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(day)),
    ),
).map(tidy)
ATLAS, BOLT, NEW = map(ToolId, ("id-atlas", "id-bolt", "id-new"))
FEW = settings(max_examples=3 * settings().max_examples // 10)
FILES = st.lists(PAGES, min_size=1, max_size=8)


def is_kept(page: Saved, kept: list[Saved]) -> bool:
    """Whether all that is said of a page is said in one of those that are kept."""
    return any(
        (same_page(one.url, page.url) or page.url == f"{HERE}/tools/{one.tool}")
        and set(page.tags) <= set(one.tags)
        and page.note in one.note
        and (not page.folder or one.folder == page.folder or one.folder == joined(page.folder))
        for one in kept
    )


def same_page(one: str, other: str) -> bool:
    return (matching.address(one) or one) == (matching.address(other) or other)


def joined(folder: tuple[str, ...]) -> tuple[str, ...]:
    return (folder[0], " / ".join(folder[1:])) if len(folder) > 1 else folder


def run(steps) -> None:
    asyncio.run(steps)


@FEW
@given(FILES)
def test_nothing_in_a_file_is_lost(pages):
    async def steps() -> None:
        site = await Site().opened()
        await site.bring(pages)
        kept = await site.kept()
        assert [page for page in pages if not is_kept(page, kept)] == []

    run(steps())


@FEW
@given(st.lists(FILES, min_size=1, max_size=3))
def test_what_came_before_changes_nothing(several):
    async def steps() -> None:
        site = await Site().opened()
        for pages in several:
            await site.bring(pages)
        head, kept = await site.store.head(), await site.kept()
        again = await site.bring(several[-1])
        assert (await site.store.head(), await site.kept()) == (head, kept)
        assert (again.added, again.revised, again.collections, again.unmatched) == (0, 0, 0, 0)

    run(steps())


@FEW
@given(FILES, st.sampled_from(("html", "json", "csv")))
def test_an_export_that_is_imported_elsewhere_is_exported_as_the_same(pages, form):
    async def steps() -> None:
        here, there = await Site().opened(), await Site().opened()
        await here.bring(pages)
        first = await here.file(form)
        await there.bring(first, BOB)
        assert await there.file(form, BOB) == first
        head = await here.store.head()
        if form != "html":  # which has no parts of seconds
            await here.bring(first)
            assert await here.store.head() == head

    run(steps())


class Dies(MemoryEventStore):
    """Its process dies before or after so many appends."""

    def __init__(self, log: MemoryLog, appends: int, *, stored: bool) -> None:
        super().__init__(log)
        self.left, self.stored = appends, stored

    async def append(self, batch):
        self.left -= 1
        if self.left < 0 and not self.stored:
            raise Unavailable("dead")
        positions = await super().append(batch)
        if self.left < 0:
            raise Unavailable("dead")
        return positions


@FEW
@given(FILES, st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=4))
def test_an_import_that_is_broken_off_comes_to_the_same_end(pages, deaths):
    async def steps(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bookmark_import, "COMMANDS_AT_ONCE", 2)
        whole, broken = await Site().opened(), await Site().opened()
        await whole.bring(pages)
        log = broken.store._log
        for appends, stored in deaths:
            broken.store = Dies(log, appends, stored=stored)
            with suppress(Unavailable):
                await broken.bring(pages)
        broken.store = MemoryEventStore(log)
        await broken.bring(pages)
        assert ends(await broken.kept()) == ends(await whole.kept())

    with pytest.MonkeyPatch.context() as monkeypatch:
        run(steps(monkeypatch))


def ends(kept: list[Saved]) -> list[tuple]:
    """What is kept; a bookmark without a time in the file has that of its import."""
    said = ((page.url, page.folder, page.tags, page.note, page.tool) for page in kept)
    return sorted(said, key=repr)


async def test_pages_become_bookmarks_of_the_tools_that_they_are():
    site = await Site().opened()
    at = datetime(2020, 1, 2, tzinfo=UTC)
    view = await site.bring(
        [
            Saved(
                "http://atlas.example/app?utm_source=x#y", "Maps!", ("Work", "Now"), ("a",), "n", at
            ),
            Saved("https://bolt.example/", "Bolt", added_at=at),
            Saved("https://news.example/chart", "Chart", added_at=at),
            Saved("https://chart.example/?v=2", "Which one?", added_at=at),
            Saved("javascript:alert(1)", "x"),
        ]
    )
    assert (view.entries, view.left_out, view.added, view.collections) == (5, 1, 3, 2)
    assert (view.unmatched, view.done, view.total) == (1, 6, 6)
    shelf = await site.shelf()
    assert set(shelf.kept) == {"id-atlas", "id-bolt", "id-chart-2"}
    atlas = shelf.kept[ATLAS]
    assert (atlas.written.note, atlas.written.tags, atlas.standing.added_at) == ("n", ("a",), at)
    assert atlas.written.url is None
    assert atlas.written.collection is not None
    inside = shelf.collections[atlas.written.collection].named
    assert inside.parent is not None
    assert (inside.name, shelf.collections[inside.parent].named.name) == ("Now", "Work")
    assert shelf.kept[BOLT].written.url == "https://bolt.example/"
    assert await site.unmatched() == ["https://news.example/chart"]


async def test_what_is_there_stays_and_is_added_to():
    site = await Site().opened()
    mine = Named(CollectionId("mine"), "Mine")
    await submit_all(
        site.store,
        [
            Request(collection.decider, collecting.save(ANN, mine, None, START), Meta(), START),
            request(keep(ANN, ATLAS, Annotations("old", ("a",), mine.id), START), at=START),
        ],
    )
    view = await site.bring(
        [Saved("https://atlas.example/app", "", ("Mine",), ("b", "a"), "new", now())]
    )
    assert (view.added, view.revised, view.collections, view.unmatched) == (0, 1, 0, 0)
    kept = (await site.shelf()).kept[ATLAS]
    assert kept.written == Annotations("old\n\nnew", ("a", "b"), mine.id)
    assert kept.standing.added_at == START
    assert kept.standing.changed_at > START


async def test_what_a_bookmark_cannot_hold_is_kept_as_it_came():
    site = await Site().opened()
    pages = [
        Saved("https://atlas.example/app", "One", ("A",)),
        Saved("https://atlas.example/app", "Two", ("B",)),
        Saved("https://chart.example/?v=2", "Many", (), tuple(f"t{n}" for n in range(30))),
        Saved(f"{HERE}/tools/bolt", "Long", (), (), "x" * 5_000),
    ]
    await site.bring(pages)
    found = await unmatched.listed(site.store, ANN, None, 100)
    assert sorted(one.title for one in found.unmatched) == ["Long", "Many", "Two"]


async def test_a_collection_of_a_name_that_is_there_is_used_and_none_is_made_twice():
    site = await Site().opened()
    pages = [
        Saved("https://atlas.example/app", "", ("Work", "Maps")),
        Saved(f"{HERE}/tools/bolt", "", ("Work",)),
    ]
    await site.bring(pages)
    await site.bring([Saved("https://chart.example/?v=2", "", ("Work", "Maps"))])
    shelf = await site.shelf()
    assert sorted(one.named.name for one in shelf.collections.values()) == ["Maps", "Work"]
    assert len({one.written.collection for one in shelf.kept.values()}) == 2


async def test_a_bookmark_of_a_tool_that_is_no_longer_listed_stays_one():
    site = await Site().opened()
    await site.bring([Saved("https://atlas.example/app", "Atlas", (), ("a",))])
    first = await site.file()
    await site.ask(DelistTool(ATLAS))
    head = await site.store.head()
    await site.bring(first)
    assert await site.store.head() == head


async def test_a_broken_file_and_an_erased_person_store_nothing():
    site = await Site().opened()
    head = await site.store.head()
    with pytest.raises(Failed, match="archive"):
        await site.bring(b"PK\x03\x04")
    await site.ask(EraseSubject(ANN.id))
    with pytest.raises(Erased):
        await site.bring([Saved("https://other.example/", "x")])
    assert await site.store.head() == head + 1


async def test_a_list_that_would_be_too_long_stores_nothing(monkeypatch):
    monkeypatch.setattr(bookmark_import, "UNMATCHED_MAX", 2)
    site = await Site().opened()
    await site.bring([Saved(f"https://other.example/{n}") for n in range(2)])
    head = await site.store.head()
    with pytest.raises(Failed, match="remove some"):
        await site.bring([Saved("https://other.example/3"), Saved("https://atlas.example/app")])
    assert await site.store.head() == head


async def test_a_bookmark_that_changes_meanwhile_is_not_overwritten(monkeypatch):
    site = await Site().opened()
    await site.bring([Saved("https://atlas.example/app", "", (), ("a",))])
    shelves: list[Shelf] = []

    class Interrupted(Shelf):
        async def catch_up(self, store):
            await super().catch_up(store)
            if not shelves:
                written = Annotations("mine", ("z",))
                await site.ask(keep(ANN, ATLAS, written, now()))
            shelves.append(self)

    monkeypatch.setattr(bookmark_import, "Shelf", Interrupted)
    await site.bring([Saved("https://atlas.example/app", "", (), ("b",), "new")])
    kept = (await site.shelf()).kept[ATLAS].written
    assert kept == Annotations("mine\n\nnew", ("z", "b"))
    assert len(shelves) == 2


@FEW
@given(FILES, FILES)
def test_two_imports_at_once_lose_nothing(one, other):
    async def steps(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bookmark_import, "COMMANDS_AT_ONCE", 2)
        site = await Site().opened()
        await asyncio.gather(site.bring(one), site.bring(other))
        kept = await site.kept()
        assert [page for page in (*one, *other) if not is_kept(page, kept)] == []
        names = [one.named for one in (await site.shelf()).collections.values()]
        assert len({(each.name, each.parent) for each in names}) == len(names)

    with pytest.MonkeyPatch.context() as monkeypatch:
        run(steps(monkeypatch))


async def test_a_page_becomes_a_bookmark_when_its_tool_comes():
    site = await Site().opened()
    page = Saved("https://new.example/?utm_source=x", "New", ("Work",), ("a",), "n", now())
    await site.bring([page, Saved("https://other.example/")])

    async def again(since=0) -> int:
        index = await matching.index_of(site.store)
        (found,) = [one async for one in unmatched.of_all(site.store)]
        pages = unmatched.opened(ANN, found[ANN.id])
        return await bookmark_import.match_again(site.store, ANN, pages, index, since, now)

    assert await again() == 0
    await site.ask(ListTool(NEW, "new", Entry("New", "Maps", url="https://new.example")))
    assert await again(since=await site.store.head()) == 0
    assert await again() == 1
    kept = (await site.shelf()).kept[NEW]
    assert (kept.written.note, kept.written.tags, kept.standing.added_at) == (
        "n",
        ("a",),
        page.added_at,
    )
    assert await site.unmatched() == ["https://other.example/"]
    assert await again() == 0


async def test_pages_are_listed_from_the_newest_and_page_by_page():
    site = await Site().opened()
    day = datetime(2020, 1, 1, tzinfo=UTC)
    pages = [Saved(f"https://other.example/{n}", added_at=day + timedelta(n)) for n in range(7)]
    await site.bring([*pages, Saved("https://other.example/undated")])
    seen, cursor = [], None
    while True:
        found = await unmatched.listed(site.store, ANN, cursor, 3)
        seen += [one.url for one in found.unmatched]
        if (cursor := found.next_cursor) is None:
            break
    assert seen == [*(page.url for page in reversed(pages)), "https://other.example/undated"]
    assert await site.unmatched(BOB) == []
