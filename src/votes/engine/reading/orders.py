"""Kept lists: a page of a list is looked up, and nothing is sorted or counted for a request.

The lists are derived from the read models of one process. They follow their changes, are built anew
with each load, and are nobody's truth.
"""

import asyncio
from bisect import bisect
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from heapq import merge
from itertools import chain, islice, pairwise
from typing import Any, Generic, TypeVar

from msgspec import Struct
from sortedcontainers import SortedList

from votes.engine.projection import Projection
from votes.engine.read_models import Changes, ReadModels

STEP_MOVED = 16
STEP_BUILT = 100
STEP_SORTED = 1_000
"""So much is done in one step, which takes some 2 ms; between two, the loop serves other tasks."""
SAMPLED = 64
"""One place in so many is looked at to split places into what can be sorted in one step."""

Row = TypeVar("Row")
Name = TypeVar("Name", bound=Hashable)
Found = TypeVar("Found")
Place = tuple[Any, ...]


class Ordering(Struct, Generic[Row, Name], frozen=True, eq=False):
    """Which lists there are, and how each is sorted.

    `row(models, key)` is what the values of the `projections` under a key give, None where that is
    in no list. Each of the `families` has its own lists, which are built together:
    `families[family](row)` says in which of them the row is, and what it is sorted by there,
    ascending. Lists of names that stand together are sorted alike, and the first has all rows of
    the others. Each place ends with the row's key, which makes it unique.
    """

    name: str
    projections: tuple[Projection[Any], ...]
    row: Callable[[ReadModels, str], Row | None]
    families: Mapping[str, Callable[[Row], Mapping[tuple[Name, ...], Place]]]


class Orders(Generic[Row, Name]):
    """The rows of some read models in their lists, as they were when last brought up to date."""

    def __init__(self, ordering: Ordering[Row, Name]) -> None:
        self._ordering = ordering
        self.rows: dict[str, Row] = {}
        """The rows by their keys."""
        self._lists: dict[Name, SortedPlaces] = {}
        self._changed: set[str] = set()
        self._gathered = False
        """Whether the rows are there."""
        self._built: set[str] = set()
        """The families whose lists are there."""
        self._since: dict[str, Row | None] | None = None
        """The rows that changed since a build began, as they were then; None without a build."""
        self._catching_up: asyncio.Task[None] | None = None
        self._kept: dict[str, Any] = {}

    def follow(self, changes: Changes) -> None:
        """Note which rows the changes may move."""
        for partition in changes.partitions.values():
            for projection in self._ordering.projections:
                self._changed.update(partition.of(projection))

    async def catch_up(self, models: ReadModels, families: Collection[str]) -> None:
        """Bring the lists of these families up to date with the read models, in steps.

        One task does so for all who wait, one family after another. The last step is without a
        pause: what is read before the next await is read from lists that have every change.
        """
        while (missing := self._missing(families)) or len(self._changed) > STEP_MOVED:
            task = self._catching_up
            if task is None or task.done():
                task = asyncio.create_task(self._step_by_step(models, missing[:1]))
                self._catching_up = task
            await asyncio.wait({task})
            task.result()
        self._move_some(models)

    def _missing(self, families: Iterable[str]) -> list[str]:
        return [family for family in families if family not in self._built]

    async def _step_by_step(self, models: ReadModels, families: Collection[str]) -> None:
        for _ in self.steps(models, families):
            await asyncio.sleep(0)

    def steps(self, models: ReadModels, families: Collection[str]) -> Iterator[None]:
        """Bring the lists up to date; other tasks may run after each step."""
        if not self._gathered:
            yield from self._gather(models)
        for family in self._missing(families):
            yield from self._build(family)
        while self._changed:
            self._move_some(models)
            yield

    def kept(self, name: str, find: Callable[[], Found]) -> Found:
        """What `find` finds in these lists. It is kept under the name until a row or a list
        changes, so whoever gets it leaves it as it is."""
        if name not in self._kept:
            self._kept[name] = find()
        found: Found = self._kept[name]
        return found

    def counts(self) -> dict[Name, int]:
        """The number of rows of each list that is not empty."""
        return {name: len(places) for name, places in self._lists.items()}

    def count(self, names: Iterable[Name]) -> int:
        """The number of rows in the lists, which have none in common."""
        return sum(len(self._lists[name]) for name in names if name in self._lists)

    def places(self, names: Iterable[Name], start: Place = ()) -> Iterator[Place]:
        """The places in the lists, in order, from `start` on. For use before the next await."""
        lists = [self._lists[name].irange(start) for name in names if name in self._lists]
        return lists[0] if len(lists) == 1 else merge(*lists)

    def first(self, name: Name, number: int) -> list[Row]:
        """So many first rows of the list."""
        return [self.rows[place[-1]] for place in islice(self.places([name]), number)]

    def last(self, name: Name, start: int, number: int) -> list[Row]:
        """So many rows from the end of the list, the last first, after the `start` last ones."""
        places = self._lists.get(name, ())
        end = len(places) - start
        return [
            self.rows[place[-1]] for place in reversed(places[max(end - number, 0) : max(end, 0)])
        ]

    def _move_some(self, models: ReadModels) -> None:
        """Move some of the changed rows to their new places."""
        for _ in range(min(STEP_MOVED, len(self._changed))):
            key = self._changed.pop()
            self._kept.clear()
            before, after = self.rows.pop(key, None), self._ordering.row(models, key)
            if after is not None:
                self.rows[key] = after
            if self._since is not None:
                self._since.setdefault(key, before)
            for family in self._built:
                self._move(family, self._lists, before, after)

    def _move(
        self, family: str, lists: dict[Name, "SortedPlaces"], before: Row | None, after: Row | None
    ) -> None:
        olds, news = self._places(family, before), self._places(family, after)
        for name in olds.keys() | news.keys():
            old, new = olds.get(name), news.get(name)
            if old == new:
                continue
            places = lists.setdefault(name, SortedPlaces())
            if old is not None:
                places.remove(old)
            if new is not None:
                places.add(new)
            if not places:
                del lists[name]

    def _places(self, family: str, row: Row | None) -> Mapping[Name, Place]:
        if row is None:
            return {}
        places = self._ordering.families[family](row)
        return {name: place for names, place in places.items() for name in names}

    def _gather(self, models: ReadModels) -> Iterator[None]:
        """Look at all rows. Those that change meanwhile are looked at again afterwards."""
        first = self._ordering.projections[0]
        keys = [list(partition.of(first)) for partition in models.partitions]
        rows: dict[str, Row] = {}
        for number, key in enumerate(chain.from_iterable(keys), 1):
            row = self._ordering.row(models, key)
            if row is not None:
                rows[key] = row
            if not number % STEP_BUILT:
                yield
        self.rows, self._gathered = rows, True

    def _build(self, family: str) -> Iterator[None]:
        """Place all rows in the lists of the family. Those that change meanwhile are moved
        afterwards, in these lists too."""
        places_of, since = self._ordering.families[family], dict[str, Row | None]()
        self._since = since
        try:
            loose: dict[Name, dict[tuple[Name, ...], list[Place]]] = {}
            for number, row in enumerate(list(self.rows.values()), 1):
                for names, place in places_of(row).items():
                    loose.setdefault(names[0], {}).setdefault(names, []).append(place)
                if not number % STEP_BUILT:
                    yield
            lists: dict[Name, SortedPlaces] = {}
            for name in list(loose):
                yield from _sort(loose.pop(name), lists)
            while since:
                for _ in range(min(STEP_MOVED, len(since))):
                    key, before = since.popitem()
                    self._move(family, lists, before, self.rows.get(key))
                yield
            self._lists.update(lists)
            self._built.add(family)
            self._kept.clear()
        finally:
            self._since = None


class SortedPlaces(SortedList[Place]):
    """A sorted list of places."""

    def fill(self, places: list[Place]) -> None:
        """Put sorted places into the empty list. To `update` it would compare them all again."""
        length = self.DEFAULT_LOAD_FACTOR
        # As the library's own `update` sets them, after it has sorted what it was given.
        self._lists = [places[at : at + length] for at in range(0, len(places), length)]
        self._maxes = [each[-1] for each in self._lists]
        self._len = len(places)


def _sort(
    loose: dict[tuple[Name, ...], list[Place]], lists: dict[Name, SortedPlaces]
) -> Iterator[None]:
    """Add the lists of these names, which are sorted alike, so each place is sorted once for all:
    the places are split by value into parts, which are sorted, and handed on to the lists."""
    sample = sorted(chain.from_iterable(places[::SAMPLED] for places in loose.values()))
    bounds = sample[STEP_SORTED // SAMPLED :: STEP_SORTED // SAMPLED]
    parts: list[list[Place]] = [[] for _ in range(len(bounds) + 1)]
    found: dict[Name, list[Place]] = {}
    into: dict[Any, list[list[Place]]] = {}
    places = _each_place(loose, found, into)
    while some := sorted(islice(places, STEP_SORTED)):
        edges = [0, *(bisect(some, bound) for bound in bounds), len(some)]
        for part, (start, end) in zip(parts, pairwise(edges), strict=True):
            part.extend(some[start:end])
        yield
    for part in parts:
        part.sort()
        for place in part:
            for each in into[place[-1]]:
                each.append(place)
        part.clear()
        yield
    while found:
        name, sorted_places = found.popitem()
        lists[name] = SortedPlaces()
        lists[name].fill(sorted_places)
        yield


def _each_place(
    loose: dict[tuple[Name, ...], list[Place]],
    found: dict[Name, list[Place]],
    into: dict[Any, list[list[Place]]],
) -> Iterator[Place]:
    """The places. In which lists each belongs is then found by its row's key."""
    while loose:
        names, places = loose.popitem()
        lists = [found.setdefault(name, []) for name in names]
        for place in places:
            into[place[-1]] = lists
            yield place


async def orders_of(
    models: ReadModels, ordering: Ordering[Row, Name], *families: str
) -> Orders[Row, Name]:
    """The lists of these families, by default of all, up to date with the read models. Those of new
    ones are built first; lists of other families may not be there yet."""
    orders = models.derived.get(ordering.name)
    if not isinstance(orders, Orders):
        orders = models.derived[ordering.name] = Orders(ordering)
    await orders.catch_up(models, families or ordering.families)
    return orders
