"""The audit counts the log anew and tells every read model that differs."""

from msgspec.structs import replace

from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.domain.names import ATLAS
from tests.engine.commands.sending import append_to, cast, everything, listed, request
from tests.engine.watched_store import WatchedStore
from votes.domain.events import EVENT_TYPES
from votes.domain.review import Opinion, PublishReview
from votes.domain.vote_events import VoteCast
from votes.engine.bulk import submit_all
from votes.engine.projecting.projector import fold_log
from votes.engine.projecting.verify import verify
from votes.engine.projection import PARKED, partition_of
from votes.engine.read_models import ReadModels
from votes.projections import PROJECTIONS
from votes.projections.cohorts import COHORTS
from votes.projections.findings import BURSTS, CLUSTERS
from votes.projections.profiles import PROFILES
from votes.projections.rulings import RULINGS
from votes.projections.tallies import TALLIES, Counts
from votes.store.codec import Codec


class Kept(WatchedStore):
    """Read models as they were kept."""

    def __init__(self, models):
        super().__init__(PROJECTIONS, models)


WITH_TWO_VALUES = [
    model for model in PROJECTIONS.all if model not in (COHORTS, PARKED, RULINGS, CLUSTERS, BURSTS)
]
TWO_OF_EACH = 2 * len(WITH_TWO_VALUES)
REVIEW = request(PublishReview(ATLAS, "skeptic", Opinion(9, "skip")))
HISTORY = [listed(), listed("bolt"), cast("ann", "ship"), cast("bob", "skip", "bolt"), REVIEW]


async def site(codec=None):
    """A log with a short history, and the models folded from it."""
    store = MemoryEventStore(MemoryLog(), codec=codec)
    await submit_all(MemoryEventStore(store._log), HISTORY)
    models = ReadModels(PROJECTIONS, await store.epoch())
    await fold_log(store, models)
    models.fold((), every=True)
    return store, models


def part(models, tool="atlas"):
    return models.partitions[partition_of(tool)]


async def test_models_that_are_right_pass():
    store, models = await site()
    audit = await verify(store, Kept(models))
    assert audit.ok
    assert (audit.events, audit.models, audit.drifts) == (7, TWO_OF_EACH, [])


async def test_an_empty_log_has_models_without_anything():
    store = MemoryEventStore(MemoryLog())
    assert (await verify(store, Kept(ReadModels(PROJECTIONS, await store.epoch())))).ok


async def test_a_tally_that_is_off_by_one_is_told():
    store, models = await site()
    right = part(models).of(TALLIES)["atlas"]
    wrong = part(models).of(TALLIES)["atlas"] = replace(right, counts=right.counts + Counts(ship=1))
    (drift,) = (await verify(store, Kept(models))).drifts
    assert (drift.model, drift.key, drift.stored, drift.expected) == (
        "tallies",
        "atlas",
        wrong,
        right,
    )


async def test_a_model_that_is_missing_and_one_too_many_are_told():
    store, models = await site()
    missing = part(models).of(PROFILES).pop("atlas")
    extra = part(models).of(TALLIES)["ghost"] = part(models).of(TALLIES)["atlas"]
    audit = await verify(store, Kept(models))
    assert not audit.ok
    assert [(d.key, d.stored, d.expected) for d in audit.drifts] == [
        ("ghost", extra, None),
        ("atlas", None, missing),
    ]


async def test_parked_events_are_compared_too():
    known = Codec(tuple(kind for kind in EVENT_TYPES if kind is not VoteCast))
    store, models = await site(known)
    assert [parked.kind for parked in models.parked().values()] == ["VoteCast/1", "VoteCast/1"]
    found = await verify(store, Kept(models))
    assert (found.ok, found.parked) == (True, 2)
    part(models, "vote:3:ann:atlas").of(PARKED).clear()
    told = {(d.model, d.key) for d in (await verify(store, Kept(models))).drifts}
    assert ("parked", "5") in told


async def test_models_behind_the_log_are_compared_at_their_own_position():
    store, models = await site()
    await submit_all(store, [cast("cyd", "ship"), cast("dan", "skip", "bolt")])
    audit = await verify(store, Kept(models), catch_up_s=0)
    assert audit.drifts == []
    assert audit.events == 7


async def test_models_that_stay_behind_the_log_are_a_problem():
    store, models = await site()
    await submit_all(store, [cast("cyd", "ship"), cast("dan", "skip", "bolt")])
    audit = await verify(store, Kept(models), catch_up_s=0)
    assert not audit.ok
    assert audit.problem == "2 events are not projected: does a worker run?"


async def test_models_that_catch_up_are_waited_for():
    store, behind = await site()
    await submit_all(store, [cast("cyd", "ship")])
    there = ReadModels(PROJECTIONS, behind.epoch)
    await fold_log(store, there)
    there.fold((), every=True)

    class Moving(Kept):
        async def load(self):
            return loads.pop(0)

    loads = [behind, behind, there]
    assert (await verify(store, Moving(None))).ok


async def test_each_partition_is_compared_where_it_is():
    """One partition was written further than the others by a worker that died."""
    store, models = await site()
    await submit_all(store, [cast("cyd", "ship"), cast("dan", "skip", "bolt")])
    newer = ReadModels(PROJECTIONS, models.epoch)
    await fold_log(store, newer)
    assert partition_of("atlas") != partition_of("bolt")
    models.partitions[partition_of("atlas")] = part(newer)
    assert not (await verify(store, Kept(models), catch_up_s=0)).drifts
    part(models).checkpoint -= 2
    drifts = (await verify(store, Kept(models), 0)).drifts
    assert {d.key.partition("@")[0] for d in drifts} == {"atlas"}
    assert "tallies" in {d.model for d in drifts}


async def test_what_cannot_be_compared_is_a_problem():
    store, models = await site()
    assert "missing" in ((await verify(store, Kept(None), 0)).problem or "")
    other = ReadModels(PROJECTIONS, "another", models.position, models.partitions)
    assert "another log" in ((await verify(store, Kept(other))).problem or "")
    part(models).checkpoint += 1
    audit = await verify(store, Kept(models))
    assert "ahead" in (audit.problem or "")
    assert not audit.ok


async def test_a_vote_before_any_listing_counts_for_nothing():
    store, models = await site()
    stray = VoteCast("ship")
    await store.append([append_to("vote:3:ann:ghost", 0, stray, subject="ghost")])
    models.fold((await everything(store))[-1:])
    audit = await verify(store, Kept(models))
    assert (audit.ok, models.get(TALLIES, "ghost")) == (True, None)
