"""Folds a log from its beginning, by columns: for a rebuild, where many events are folded at once.

Most events are folded together, by thing. Any other that changes values is read with its stream,
and folded after all before it, as in `ReadModels.fold`, to the same values.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import compress
from operator import itemgetter
from typing import Any

from votes.engine.log import Columns, Position, Recorded
from votes.engine.ports import EventStore
from votes.engine.projection import PART
from votes.engine.read_models import Partition, ReadModels, checksum_of


async def fold_columns(store: EventStore, models: ReadModels, at_once: int) -> None:
    """Fold the events after the position of the read models, `at_once` in each step. The last ones
    are left, and those after a gap. No partition is ahead, and no checkpoint is moved."""
    began = models.position
    async for subjects, columns in store.columns(models.position, at_once):
        await _Step(store, models, subjects, columns).fold()
        models.position = columns.positions[-1]
    if models.position > began:
        (last,) = await store.at([models.position])
        models.checksum = checksum_of(last)


class _Step:
    """Some events to fold. What they change is in the read models alone."""

    def __init__(
        self, store: EventStore, models: ReadModels, subjects: Sequence[str], columns: Columns
    ) -> None:
        self._store, self._models = store, models
        self._subjects, self._columns = subjects, columns
        self._together, self._by_event = models.projections.bulk.types, models.projections.by_event
        self._changed: dict[int, Partition] = {}

    async def fold(self) -> None:
        done = 0
        for recorded in await self._read(self._alone()):
            place = recorded.position - self._columns.positions[0]
            if not self._ignored(recorded.event):
                await self._fold_by_thing(range(done, place))
                self._models.fold_one(recorded, self._changed)
                done = place + 1
        await self._fold_by_thing(range(done, len(self._subjects)))

    def _alone(self) -> list[Position]:
        """The events that are not folded together, but for those known to change nothing."""
        events = self._columns.events
        kinds = {kind for kind in set(map(type, events)) if not self._is_known(kind)}
        subjects = {subject for subject in set(self._subjects) if PART in subject}
        if not kinds and not subjects:
            return []
        columns = zip(self._columns.positions, self._subjects, map(type, events), strict=True)
        return [
            position
            for position, subject, kind in columns
            if kind in kinds or (subject in subjects and kind in self._together)
        ]

    def _is_known(self, kind: type) -> bool:
        return kind in self._together or self._by_event.get(kind) == ()

    def _ignored(self, event: Any) -> bool:
        return self._by_event.get(type(event)) == ()

    async def _read(self, positions: Sequence[Position]) -> list[Recorded]:
        return await self._store.at(positions) if positions else []

    async def _fold_by_thing(self, places: range) -> None:
        """Fold the events at these places that may be folded together."""
        by_thing: defaultdict[str, list[int]] = defaultdict(list)
        step = slice(places.start, places.stop)
        together = map(self._together.__contains__, map(type, self._columns.events[step]))
        for place, subject in compress(zip(places, self._subjects[step], strict=True), together):
            by_thing[subject].append(place)
        for thing, own in by_thing.items():
            events = _at(self._columns, own)
            if not self._models.fold_together(thing, events, self._changed):
                for recorded in await self._read(events.positions):
                    self._models.fold_one(recorded, self._changed)


def _at(columns: Columns, places: Sequence[int]) -> Columns:
    """The events at these places."""
    if len(places) == 1:
        only = slice(places[0], places[0] + 1)
        return Columns(
            columns.positions[only],
            columns.events[only],
            columns.seconds[only],
            columns.lates[only],
        )
    those = itemgetter(*places)
    return Columns(
        those(columns.positions),
        those(columns.events),
        those(columns.seconds),
        those(columns.lates),
    )
