"""Kept lists: a page of a list is looked up, and nothing is sorted or counted for a request.

The lists are derived from the read models of one process. They follow their changes, are built anew
with each load, and are nobody's truth.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from heapq import merge
from itertools import chain, islice
from typing import Any, Generic, TypeVar

from msgspec import Struct
from sortedcontainers import SortedList

from votes.engine.projection import Projection
from votes.engine.read_models import Changes, ReadModels

STEP_MOVED = 16
STEP_BUILT = 100
STEP_SORTED = 2_000
STEP_ADDED = 1_000
"""So much is done in one step, which takes some 2 ms; between two, the loop serves other tasks."""

Row = TypeVar("Row")
Name = TypeVar("Name", bound=Hashable)
Place = tuple[Any, ...]


class Ordering(Struct, Generic[Row, Name], frozen=True, eq=False):
    """Which lists there are, and how each is sorted.

    `row(models, key)` is what the values of the `projections` under a key give, None where that is
    in no list. `places(row)` are by the name of each list that the row is in what it is sorted by
    there, ascending; each ends with the row's key, which makes it unique.
    """

    name: str
    projections: tuple[Projection[Any], ...]
    row: Callable[[ReadModels, str], Row | None]
    places: Callable[[Row], Mapping[Name, Place]]


class Orders(Generic[Row, Name]):
    """The rows of some read models in their lists, as they were when last brought up to date."""

    def __init__(self, ordering: Ordering[Row, Name]) -> None:
        self._ordering = ordering
        self.rows: dict[str, Row] = {}
        """The rows by their keys."""
        self._lists: dict[Name, SortedList[Place]] = {}
        self._changed: set[str] = set()
        self._built = False
        self._catching_up: asyncio.Task[None] | None = None

    def follow(self, changes: Changes) -> None:
        """Note which rows the changes may move."""
        for partition in changes.partitions.values():
            for projection in self._ordering.projections:
                self._changed.update(partition.of(projection))

    async def catch_up(self, models: ReadModels) -> None:
        """Bring the lists up to date with the read models, in steps.

        One task does so for all who wait. The last step is without a pause: what is read before
        the next await is read from lists that have every change.
        """
        while not self._built or len(self._changed) > STEP_MOVED:
            if self._catching_up is None or self._catching_up.done():
                self._catching_up = asyncio.create_task(self._step_by_step(models))
            await asyncio.wait({self._catching_up})
            self._catching_up.result()
        self._move_some(models)

    async def _step_by_step(self, models: ReadModels) -> None:
        for _ in self.steps(models):
            await asyncio.sleep(0)

    def steps(self, models: ReadModels) -> Iterator[None]:
        """Bring the lists up to date; other tasks may run after each step."""
        if not self._built:
            yield from self._build(models)
        while self._changed:
            self._move_some(models)
            yield

    def counts(self) -> dict[Name, int]:
        """The number of rows of each list that is not empty."""
        return {name: len(places) for name, places in self._lists.items()}

    def count(self, names: Iterable[Name]) -> int:
        """The number of rows in the lists, which have none in common."""
        return sum(len(self._lists[name]) for name in names if name in self._lists)

    def places(self, names: Iterable[Name], start: Place = ()) -> Iterator[Place]:
        """The places in the lists, in order, from `start` on. For use before the next await."""
        found = [self._lists[name].irange(start) for name in names if name in self._lists]
        return found[0] if len(found) == 1 else merge(*found)

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
            before, after = self.rows.pop(key, None), self._ordering.row(models, key)
            if after is not None:
                self.rows[key] = after
            self._move(self._places(before), self._places(after))

    def _places(self, row: Row | None) -> Mapping[Name, Place]:
        return self._ordering.places(row) if row is not None else {}

    def _move(self, before: Mapping[Name, Place], after: Mapping[Name, Place]) -> None:
        for name in before.keys() | after.keys():
            old, new = before.get(name), after.get(name)
            if old == new:
                continue
            places = self._lists.setdefault(name, SortedList())
            if old is not None:
                places.remove(old)
            if new is not None:
                places.add(new)
            if not places:
                del self._lists[name]

    def _build(self, models: ReadModels) -> Iterator[None]:
        """Place all rows. Those that change meanwhile are moved afterwards."""
        first = self._ordering.projections[0]
        keys = [list(partition.of(first)) for partition in models.partitions]
        rows: dict[str, Row] = {}
        loose: dict[Name, list[Place]] = {}
        for number, key in enumerate(chain.from_iterable(keys), 1):
            row = self._ordering.row(models, key)
            if row is not None:
                rows[key] = row
                for name, place in self._ordering.places(row).items():
                    loose.setdefault(name, []).append(place)
            if not number % STEP_BUILT:
                yield
        lists: dict[Name, SortedList[Place]] = {}
        for name in list(loose):
            lists[name] = SortedList()
            yield from _add(lists[name], loose.pop(name))
        self.rows, self._lists, self._built = rows, lists, True


def _add(kept: "SortedList[Place]", places: list[Place]) -> Iterator[None]:
    """Add the places: sorted in runs, merged, and so added at the end one after another."""
    if len(places) <= STEP_SORTED:
        kept.update(places)
        yield
        return
    runs = []
    for start in range(0, len(places), STEP_SORTED):
        runs.append(sorted(places[start : start + STEP_SORTED]))
        yield
    merged = merge(*runs)
    while piece := list(islice(merged, STEP_ADDED)):
        for place in piece:
            kept.add(place)
        yield


async def orders_of(models: ReadModels, ordering: Ordering[Row, Name]) -> Orders[Row, Name]:
    """The lists of the read models, up to date with them. Those of new ones are built first."""
    orders = models.derived.get(ordering.name)
    if not isinstance(orders, Orders):
        orders = models.derived[ordering.name] = Orders(ordering)
    await orders.catch_up(models)
    return orders
