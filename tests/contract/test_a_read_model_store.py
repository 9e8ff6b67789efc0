"""What every store of read models does, the one in memory and the one in Redis."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from votes import __version__
from votes.domain.terms import Choice
from votes.domain.tool import Entry, ToolListed
from votes.domain.vote_events import VoteCast
from votes.engine.log import Recorded, Stream, Unreadable
from votes.engine.projection import Parked, partition_of
from votes.engine.read_model_store import AuditReport, ReadModelStore
from votes.engine.read_models import Changes, ReadModels
from votes.projections import PROJECTIONS
from votes.projections.profiles import PROFILES
from votes.projections.tallies import TALLIES

EPOCH = "e1e1e1e1"
AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
A, B = "tool-0", "tool-1"
assert partition_of(A) != partition_of(B)

Stores = Callable[[], ReadModelStore]
Loaded = tuple[ReadModelStore, ReadModels]


def recorded(position: int, event: Any, tool: str = A, stream: str = "any") -> Recorded:
    return Recorded(position, Stream(stream), 1, event, AT, tool)


def models_of_two_tools(epoch: str = EPOCH) -> ReadModels:
    models = ReadModels(PROJECTIONS, epoch)
    models.fold([recorded(n, ToolListed(t, Entry(t, "Tests")), t) for n, t in ((1, A), (2, B))])
    models.fold((), every=True)
    return models


def cast(models: ReadModels, *votes: tuple[str, Choice], position: int = 3) -> Changes:
    """The changes of votes that follow one another."""
    return models.fold(
        recorded(position + n, VoteCast(choice), tool) for n, (tool, choice) in enumerate(votes)
    )


async def loaded(store: ReadModelStore) -> ReadModels:
    models = await store.load()
    assert models is not None
    return models


@pytest.fixture
async def two(stores: Stores) -> tuple[Loaded, Loaded]:
    """Two processes' stores of the same read models, each with models of its own."""
    first, second = stores(), stores()
    await first.load()
    await first.replace(models_of_two_tools())
    return (first, await loaded(first)), (second, await loaded(second))


async def test_where_nothing_is_stored_there_is_nothing(stores):
    store = stores()
    assert await store.load() is None
    assert await store.values(1, [(TALLIES, A)]) is None
    assert not await store.matches(0, models_of_two_tools().partitions[0])
    assert await store.heartbeat() is None
    assert await store.last_report() is None
    assert not await store.apply(cast(models_of_two_tools(), (A, "ship")))


async def test_what_was_applied_is_loaded(stores):
    store, models = stores(), models_of_two_tools()
    assert await store.load() is None
    await store.replace(models)
    unknown = recorded(5, Unreadable("NewEvent", 2, "too new"), stream="new:stream")
    assert await store.apply(cast(models, (A, "ship"), (B, "skip")))
    assert await store.apply(models.fold([unknown]))
    assert await store.apply(models.fold((), every=True))
    assert await store.load() == models == await stores().load()
    assert models.parked() == {5: Parked("NewEvent/2", "too new", __version__)}


async def test_what_was_loaded_is_not_what_is_stored(two, stores):
    """To fold into it changes nothing for others."""
    (_, models), _ = two
    cast(models, (A, "ship"))
    assert await stores().load() == models_of_two_tools_as(models.generation)


def models_of_two_tools_as(generation: int) -> ReadModels:
    models = models_of_two_tools()
    models.generation = generation
    return models


async def test_a_projector_that_was_overtaken_is_refused(two, stores):
    (leader, leading), (zombie, following) = two
    assert await leader.apply(cast(leading, (A, "ship"), (B, "ship")))
    now = await stores().load()
    assert not await zombie.apply(cast(following, (A, "skip"), (B, "skip")))
    assert await stores().load() == now


async def test_what_a_zombie_applied_to_a_partition_is_not_applied_again(two, stores):
    (leader, leading), (zombie, following) = two
    assert await leader.apply(cast(leading, (A, "ship")))
    assert not await zombie.apply(cast(following, (A, "ship"), (B, "skip")))
    next_one = stores()
    models = await loaded(next_one)
    assert models.position == 3
    assert not await leader.apply(cast(leading, (B, "skip"), position=4))
    assert await next_one.apply(cast(models, (B, "skip"), (A, "ship"), position=4))
    tallies = [(await loaded(next_one)).get(TALLIES, tool) for tool in (A, B)]
    assert [tally and (tally.ship, tally.skip) for tally in tallies] == [(2, 0), (0, 1)]


async def test_changes_of_another_log_are_refused(two, stores):
    (store, models), _ = two
    changes = cast(models_of_two_tools("f2f2f2f2"), (A, "ship"))
    assert not await store.apply(changes)
    assert await stores().load() == models


async def test_a_projector_that_goes_on_from_models_applies_what_follows(two, stores):
    (store, models), _ = two
    await store.resume(models)
    assert await store.apply(cast(models, (A, "ship")))
    assert await stores().load() == models


async def test_a_rebuild_takes_the_place_of_the_live_generation(two, stores):
    (leader, leading), (rebuilder, _) = two
    old, rebuilt = leading.generation, models_of_two_tools()
    await rebuilder.replace(rebuilt)
    assert rebuilt.generation not in (0, old)
    assert not await leader.apply(cast(leading, (A, "ship")))
    assert await stores().values(old, [(TALLIES, A)]) is None
    assert await leader.load() == rebuilt


async def test_of_two_rebuilds_the_second_leaves_what_the_first_made(two, stores):
    (first, _), (second, _) = two
    made, other = models_of_two_tools(), models_of_two_tools()
    await first.replace(made)
    cast(other, (A, "ship"), (B, "ship"))
    await second.replace(other)
    assert await stores().load() == made


async def test_a_rebuild_takes_over_from_a_busy_projector(two):
    (leader, leading), (rebuilder, _) = two
    rebuilt = models_of_two_tools()
    assert await leader.apply(cast(leading, (A, "ship")))
    cast(rebuilt, (A, "ship"))
    rebuilt.fold((), every=True)
    await rebuilder.replace(rebuilt)
    assert not await leader.apply(cast(leading, (A, "ship"), position=4))
    assert await leader.load() == rebuilt


async def test_values_are_read_by_their_keys(two, stores):
    (_, models), _ = two
    keys = [(TALLIES, A), (PROFILES, A)]
    found = await stores().values(models.generation, keys)
    assert found == [models.get(projection, key) for projection, key in keys]
    assert None not in found


async def test_a_partition_with_other_values_does_not_match(two):
    (store, models), _ = two
    number = partition_of(A)
    assert await store.matches(number, models.partitions[number])
    changes = cast(models, (A, "ship"))
    assert not await store.matches(number, models.partitions[number])
    assert await store.apply(changes)
    assert await store.matches(number, models.partitions[number])


async def test_a_heartbeat_says_which_models_are_at_the_head(two, stores):
    (store, models), _ = two
    changes = cast(models, (A, "ship"))
    assert await store.apply(changes)
    assert await stores().heartbeat() is None
    changes = models.fold((), every=True)
    changes.read_at = 12.5
    assert await store.apply(changes)
    beat = await stores().heartbeat()
    assert (beat.generation, beat.read_at) == (models.generation, 12.5)
    assert beat.age_s >= 0


async def test_the_last_report_is_stored(stores):
    store = stores()
    for drifts in (2, 0):
        report = AuditReport(AT, 5, 4, drifts, None)
        await store.store_report(report)
        assert await stores().last_report() == report
