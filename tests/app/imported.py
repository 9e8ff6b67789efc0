"""A log of tools into which files of bookmarks are imported."""

from datetime import UTC, datetime

from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.domain.histories import START
from tests.engine.commands.sending import request
from votes.app.bookmarks import unmatched
from votes.app.bookmarks.exporting import all_saved
from votes.app.bookmarks.importing import bring
from votes.app.bookmarks.responses import ImportView
from votes.app.bookmarks.shelves import Shelf
from votes.domain import tool
from votes.domain.person import Person
from votes.domain.terms import PersonId, ToolId
from votes.domain.tool import DelistTool, Entry, ListTool
from votes.engine.bulk import submit_all
from votes.engine.handle import Request
from votes.engine.ports import Meta
from votes.formats import files
from votes.formats.saved import Saved

ANN, BOB = (
    Person(PersonId(name), bytes(range(start, start + 64)), START)
    for name, start in (("ann", 0), ("bob", 9))
)
HERE = "https://votes.example"
ENTRIES = {
    "atlas": Entry("Atlas", "Maps", url="https://www.atlas.example/app/"),
    "bolt": Entry("Bolt", "Tools"),
    "chart": Entry("Chart", "Maps", url="https://chart.example"),
    "chart-2": Entry("Chart", "Maps", url="https://chart.example/?v=2"),
}


class Site:
    """A log with tools, and what a worker does to it."""

    def __init__(self) -> None:
        self.store = MemoryEventStore(MemoryLog())
        self.views: list[ImportView] = []

    async def opened(self) -> "Site":
        await self.ask(
            *(ListTool(ToolId(f"id-{slug}"), slug, entry) for slug, entry in ENTRIES.items())
        )
        return self

    async def ask(self, *commands):
        requests = [
            Request(tool.decider, each, Meta("import"), START)
            if isinstance(each, ListTool | DelistTool)
            else request(each, at=START)
            for each in commands
        ]
        return await submit_all(self.store, requests)

    async def bring(self, pages, person=ANN, form="json") -> ImportView:
        data = pages if isinstance(pages, bytes) else written(pages, form)

        async def tell(view: ImportView) -> None:
            self.views.append(view)

        begun = ImportView("a", "running")
        return await bring(self.store, person, data, begun, "votes.example", now, tell)

    async def kept(self, person=ANN) -> list[Saved]:
        return await all_saved(self.store, None, await self.shelf(person), HERE)

    async def shelf(self, person=ANN) -> Shelf:
        shelf = Shelf(person)
        await shelf.catch_up(self.store)
        return shelf

    async def unmatched(self, person=ANN) -> list[str]:
        return [
            one.url for one in (await unmatched.listed(self.store, person, None, 100)).unmatched
        ]

    async def file(self, form="json", person=ANN) -> bytes:
        return written(await self.kept(person), form)


def now() -> datetime:
    return datetime.now(UTC)


def written(pages, form="json") -> bytes:
    return "".join(files.write(pages, form)).encode()
