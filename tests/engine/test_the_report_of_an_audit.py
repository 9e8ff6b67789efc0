"""What an audit found is stored for those who did not see it."""

import asyncio

import pytest
from msgspec import structs

from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.engine.no_time import NO_TIME
from tests.engine.watched_store import WatchedStore
from tests.toy import AT, EVENTS, STOCKS, TOY, Move, Stock, request
from votes.engine.bulk import submit_all
from votes.engine.ports import Unavailable
from votes.engine.projecting.projector import fold_log
from votes.engine.projecting.verify import CATCH_UP_POLL_S, CATCH_UP_S, Audit, audit, verify
from votes.engine.projection import partition_of
from votes.engine.read_model_store import AuditReport
from votes.engine.read_models import ReadModels
from votes.store.codec import Codec

loop_factories = NO_TIME


async def site():
    """A log of two parcels, and the models that are stored of it."""
    store = MemoryEventStore(MemoryLog(), Codec(EVENTS))
    await submit_all(store, [request(Move(parcel, "aalen")) for parcel in ("p1", "p2")])
    models = ReadModels(TOY, await store.epoch())
    await fold_log(store, models)
    models.fold((), every=True)
    return store, WatchedStore(TOY, models)


async def test_that_all_is_right_is_kept():
    store, stored = await site()
    found = await audit(store, stored, AT)
    assert found.ok
    assert await stored.last_report() == AuditReport(AT, events=2, models=3, drifts=0, problem=None)


async def test_how_many_models_have_drifted_is_kept():
    store, stored = await site()
    stored.live.partitions[partition_of("aalen")].put(STOCKS.name, "aalen", Stock(9, 2))
    found = await audit(store, stored, AT)
    assert not found.ok
    assert await stored.last_report() == AuditReport(AT, events=2, models=3, drifts=1, problem=None)


async def test_why_nothing_could_be_compared_is_kept():
    store, stored = await site()
    stored.live = None
    found = await audit(store, stored, AT, catch_up_s=0)
    assert found.problem is not None
    assert await stored.last_report() == AuditReport(AT, 0, 0, 0, found.problem)


async def test_models_of_another_log_are_not_compared():
    store, stored = await site()
    stored.live = structs.replace(stored.live, epoch="another")
    other = "the read models are of another log, or ahead of this one"
    assert await audit(store, stored, AT) == Audit(0, 0, [], other)
    stored.live = None
    missing = "the read models are missing or incomplete"
    assert await audit(store, stored, AT) == Audit(0, 0, [], missing)


async def test_one_event_that_is_not_projected_is_a_problem():
    store, stored = await site()
    await submit_all(store, [request(Move("p3", "bath"))])
    found = await audit(store, stored, AT, catch_up_s=0)
    assert found.problem == "1 events are not projected: does a worker run?"


async def test_what_was_found_is_told_also_where_it_cannot_be_kept():
    class Full(WatchedStore):
        async def store_report(self, report):
            raise Unavailable("no memory left")

    store, stored = await site()
    assert (await audit(store, Full(TOY, stored.live), AT)).ok


async def test_models_are_waited_for_until_they_are_where_the_log_was():
    store, stored = await site()
    there, stored.live = stored.live, None
    asyncio.get_running_loop().call_later(CATCH_UP_S / 2, setattr, stored, "live", there)
    assert (await verify(store, stored)).ok
    waited = asyncio.get_running_loop().time()
    assert CATCH_UP_S / 2 <= waited <= CATCH_UP_S / 2 + CATCH_UP_POLL_S


@pytest.mark.parametrize("patience_s", [CATCH_UP_S, 3 * CATCH_UP_S])
async def test_models_that_do_not_come_are_a_problem_in_the_end(patience_s):
    store, stored = await site()
    stored.live = None
    assert not (await audit(store, stored, AT, patience_s)).ok
    assert patience_s <= asyncio.get_running_loop().time() <= patience_s + CATCH_UP_POLL_S
