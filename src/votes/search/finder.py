"""Finds tools in read models, by an index that follows them.

The index is derived from the read models of this process, and is nobody's truth: it says which
tools to look at, and what is shown of them comes from the read models. It is brought up to date in
a thread, with all changes of half a second at once.
"""

import asyncio
from collections.abc import Iterable, Mapping

from msgspec import Struct

from votes.app.catalogue.listing import category_slug
from votes.app.catalogue.tool_orders import TOP, tool_orders
from votes.app.catalogue.tools import Tool
from votes.domain.terms import ToolId
from votes.engine.log import Position
from votes.engine.read_models import Changes, ReadModels
from votes.engine.reading.reader import NotYet
from votes.projections.profiles import PROFILES, Profile
from votes.projections.tallies import TALLIES, Tally
from votes.search.index import Listed, ToolIndex

FOUND_MAX = 500
"""A search finds so many tools at most, the best ones."""
WAIT_S = 3.0
PAUSE_S = 0.5
"""Between two times that the index is brought up to date."""


class SearchResult(Struct, frozen=True):
    """A tool, and how well it fits what was typed: the higher the better."""

    tool: Tool
    score: float


class Finder:
    """Finds tools. `follow` notes changes, and a task calls `catch_up` again and again."""

    def __init__(self) -> None:
        self._index = ToolIndex()
        self._models: ReadModels | None = None
        self._at: Position = 0
        self._changed: set[str] | None = set()
        """The tools that may have changed; None for all."""
        self._changes = asyncio.Event()
        self._passes_begun = self._passes_done = 0
        self._pass_done = asyncio.Event()

    def follow(self, models: ReadModels | None, changes: Changes | None) -> None:
        """Take note of changes that the read models have; of None any tool may be."""
        if models is None:
            return
        if changes is None or models is not self._models:
            self._changed = None
        elif self._changed is not None:
            self._changed.update(_tools_of(changes))
        self._models, self._at = models, models.position
        if self._changed is None or self._changed:
            self._changes.set()

    async def catch_up(self) -> bool:
        """Wait for changes, and bring the index up to date with them; whether all was looked at."""
        await self._changes.wait()
        self._changes.clear()
        models, changed, self._changed = self._models, self._changed, set()
        assert models is not None  # whoever reports changes has read models
        self._passes_begun += 1
        try:
            if changed is None:
                await tool_orders(models)  # more wait for these than for the search
                parts = []
                for partition in models.partitions:
                    parts.append((dict(partition.of(PROFILES)), dict(partition.of(TALLIES))))
                    await asyncio.sleep(0)
                await asyncio.to_thread(self._take_all, parts)
            else:
                pairs = {ToolId(key): _values(models, key) for key in changed}
                await asyncio.to_thread(self._take, pairs)
        except BaseException:
            self._changed = None
            self._changes.set()
            raise
        self._passes_done = self._passes_begun
        self._pass_done.set()
        self._pass_done = asyncio.Event()
        return changed is None

    def _take_all(self, parts: Iterable[tuple[Mapping[str, Profile], Mapping[str, Tally]]]) -> None:
        found = {
            ToolId(key): listed
            for profiles, tallies in parts
            for key, profile in profiles.items()
            if (listed := _listed(profile, tallies.get(key))) is not None
        }
        self._index.only(found)

    def _take(self, pairs: Mapping[ToolId, tuple[Profile | None, Tally | None]]) -> None:
        self._index.update((tool, _listed(*values)) for tool, values in pairs.items())

    async def find(
        self,
        models: ReadModels,
        text: str,
        category: str | None = None,
        limit: int = FOUND_MAX,
        min_position: Position = 0,
    ) -> list[SearchResult]:
        """The tools that fit the text, the best first, as they are in the read models.

        A change is found half a second later; with a `min_position` at once, as these read models
        have it. Raises `NotYet` where the index is not up to date in time.
        """
        if models is not self._models or models.position != self._at:  # folded from the log
            self.follow(models, None)
        try:
            async with asyncio.timeout(WAIT_S):
                await self._up_to_date(at_once=bool(min_position))
        except TimeoutError:
            raise NotYet("the search is not up to date yet") from None
        rows = (await tool_orders(models, TOP)).rows
        hits = self._index.find(text, category, limit)
        tools = [(score, rows.get(tool)) for score, tool in hits]
        shown = (
            SearchResult(tool, score)
            for score, tool in tools
            if tool is not None and _is_of(category, tool)
        )
        return sorted(shown, key=lambda one: (-one.score, one.tool.slug))

    async def _up_to_date(self, *, at_once: bool) -> None:
        """Wait for the first index; `at_once`: for all changes that are reported by now."""
        needed = 1
        if at_once:
            needed = self._passes_begun + self._changes.is_set()
        while self._passes_done < needed:
            await self._pass_done.wait()


def _tools_of(changes: Changes) -> Iterable[str]:
    for partition in changes.partitions.values():
        yield from partition.of(PROFILES)
        yield from partition.of(TALLIES)


def _values(models: ReadModels, key: str) -> tuple[Profile | None, Tally | None]:
    return models.get(PROFILES, key), models.get(TALLIES, key)


def _listed(profile: Profile | None, tally: Tally | None) -> Listed | None:
    if profile is None or tally is None or not profile.listed:
        return None
    return Listed(profile, tally.total.bit_length())


def _is_of(category: str | None, tool: Tool) -> bool:
    return category is None or category_slug(tool.profile.category) == category
