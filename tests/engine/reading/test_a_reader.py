"""Reads use the replica while it is live, else from the log; never from an older position."""

import asyncio
import gc

import pytest

from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.engine.no_time import NO_TIME, elapse
from tests.toy import EVENTS, STOCKS, TOY, Move, Stock, request
from votes.engine.bulk import submit_all
from votes.engine.ports import Unavailable
from votes.engine.projecting.projector import HEARTBEAT_TIMEOUT_S, fold_log
from votes.engine.projection import partition_of
from votes.engine.read_models import ReadModels
from votes.engine.reading.reader import LOG_FRESH_S, LOG_WAIT_S, NOTICED_S, WAIT_S, NotYet, Reader
from votes.engine.reading.replica import Replica
from votes.store.codec import Codec

loop_factories = NO_TIME


class Postgres(MemoryEventStore):
    """A log that answers after a while, or not at all. `read` are the times of its readings."""

    latency_s = 0.0
    gone = False

    def __init__(self, log):
        super().__init__(log, Codec(EVENTS))
        self.read = []

    async def epoch(self):
        await elapse(self.latency_s)
        if self.gone:
            raise Unavailable("no Postgres")
        return await super().epoch()

    def after(self, position, limit):
        self.read.append(now())
        return super().after(position, limit)


def now():
    return asyncio.get_running_loop().time()


class Scene:
    """A process without live models at first, and a log of two parcels that came to Aalen."""

    def __init__(self):
        self.log = MemoryLog()
        self.store = Postgres(self.log)
        self.replica = Replica()
        self.reader = Reader(self.replica, self.store, TOY)

    async def send(self, *parcels):
        """One event for each parcel."""
        near = MemoryEventStore(self.log, Codec(EVENTS))
        await submit_all(near, [request(Move(parcel, "aalen")) for parcel in parcels])

    async def folded(self):
        """The models of the log as it is."""
        near = MemoryEventStore(self.log, Codec(EVENTS))
        models = ReadModels(TOY, await near.epoch())
        await fold_log(near, models)
        return models

    def live(self, models):
        self.replica.changed(models, None)

    def lost(self):
        self.replica.changed(None, None)


async def scene():
    made = Scene()
    await made.send("p1", "p2")
    return made


def seen(read):
    stock = read.models.get(STOCKS, "aalen")
    return read.stale, read.models.position, stock.parcels if stock else 0


async def test_live_models_are_read_and_the_log_is_left_alone():
    site = await scene()
    models = await site.folded()
    site.live(models)
    read = await site.reader.models(min_position=2)
    assert read.models is models
    assert read.stale is False
    assert site.store.read == []
    assert site.reader.latest is models


async def test_a_read_waits_for_the_position_that_it_asks_for():
    site = await scene()
    models = await site.folded()
    site.live(models)
    reading = asyncio.create_task(site.reader.models(min_position=3))
    await elapse(WAIT_S / 2)
    assert not reading.done()
    models.position = 3
    site.live(models)
    read = await reading
    assert read.models is models
    assert read.stale is False
    assert site.store.read == []


async def test_a_position_that_nobody_projects_is_not_yet_there():
    site = await scene()
    models = await site.folded()
    keeping = asyncio.create_task(kept_fresh(site, models))
    began = now()
    with pytest.raises(NotYet, match=r"^position 3 is not projected yet$"):
        await site.reader.models(min_position=3)
    assert now() - began == pytest.approx(WAIT_S)
    keeping.cancel()


async def kept_fresh(site, models):
    """As a projector that says that the models are at the head of the log."""
    while True:
        site.live(models)
        await elapse(HEARTBEAT_TIMEOUT_S / 3)


async def test_a_position_beyond_the_log_is_not_yet_there_either():
    site = await scene()
    began = now()
    with pytest.raises(NotYet):
        await site.reader.models(min_position=3)
    assert now() - began == pytest.approx(WAIT_S)


async def test_without_live_models_the_log_is_folded_and_marked_stale():
    site = await scene()
    before = site.reader.latest
    assert seen(await site.reader.models()) == (True, 2, 2)
    assert (before, site.reader.latest.position) == (None, 2)


async def test_a_read_from_the_log_waits_for_what_is_on_its_way():
    site = await scene()
    await site.reader.models()
    reading = asyncio.create_task(site.reader.models(min_position=3))
    await elapse(LOG_FRESH_S / 2)
    await site.send("p3")
    began = now()
    assert seen(await reading) == (True, 3, 3)
    assert now() - began <= LOG_FRESH_S


async def test_what_was_just_folded_is_good_for_a_moment_and_then_the_log_is_looked_into():
    site = await scene()
    await elapse(10)
    await site.reader.models()
    await site.send("p3")
    assert seen(await site.reader.models()) == (True, 2, 2)
    await elapse(1.5 * LOG_FRESH_S)
    assert seen(await site.reader.models()) == (True, 3, 3)
    assert site.store.read == [10, 10 + 1.5 * LOG_FRESH_S]


async def test_readers_at_one_time_share_one_reading_of_the_log():
    site = await scene()
    site.store.latency_s = LOG_FRESH_S
    reads = await asyncio.gather(*(site.reader.models() for _ in range(3)))
    assert [seen(read) for read in reads] == [(True, 2, 2)] * 3
    assert len(site.store.read) == 1


async def test_the_log_is_read_on_from_the_models_that_were_lost():
    site = await scene()
    models = await site.folded()
    models.partitions[partition_of("aalen")].put("stocks", "aalen", Stock(20, 2))
    await site.send("p3")
    site.live(models)
    site.lost()
    assert site.reader.latest is models
    read = await site.reader.models()
    assert seen(read) == (True, 3, 21)
    assert models.position == 2  # the subscription goes on with them


async def test_models_of_a_log_that_went_on_otherwise_are_not_read_on_from():
    site = await scene()
    odd = await site.folded()
    odd.checksum = "another"
    site.live(odd)
    site.lost()
    await site.reader.models()
    await elapse(LOG_FRESH_S)
    read = await site.reader.models()
    assert seen(read) == (True, 2, 2)
    assert read.models is not odd


async def test_a_reader_who_waits_is_answered_from_the_log_when_the_live_models_are_lost():
    site = await scene()
    site.live(ReadModels(TOY, await site.store.epoch()))
    reading = asyncio.create_task(site.reader.models(min_position=2))
    await elapse(0.1)
    began = now()
    site.lost()
    assert seen(await reading) == (True, 2, 2)
    assert now() == began


async def test_live_models_behind_what_the_log_told_are_not_shown():
    site = await scene()
    models = await site.folded()
    await site.reader.models()
    models.position = 1
    site.live(models)
    assert seen(await site.reader.models())[:2] == (True, 2)
    models.position = 2
    site.live(models)
    read = await site.reader.models()
    assert read.models is models
    assert read.stale is False


async def test_once_they_have_caught_up_they_are_shown_wherever_they_go():
    site = await scene()
    models = await site.folded()
    await site.reader.models()
    site.live(models)
    await site.reader.models()
    models.position = 1
    site.live(models)
    assert (await site.reader.models()).stale is False


async def test_models_left_behind_what_the_log_told_are_not_read_on_from():
    """As when a projector died with them, and the log went on."""
    site = await scene()
    await site.reader.models()
    site.live(ReadModels(TOY, await site.store.epoch(), 1))
    site.lost()
    assert seen(await site.reader.models()) == (True, 2, 2)


async def test_of_what_was_live_and_what_was_folded_the_further_is_known():
    site = await scene()
    await site.reader.models()
    await site.send("p3")
    further = await site.folded()
    site.live(further)
    site.lost()
    assert site.reader.latest is further


async def test_of_two_logs_what_was_folded_is_known():
    site = await scene()
    folded = (await site.reader.models()).models
    site.live(ReadModels(TOY, "another", 9))
    site.lost()
    assert site.reader.latest is folded


async def test_live_models_of_another_log_are_shown_whatever_the_old_one_told():
    site = await scene()
    await site.reader.models()
    other = ReadModels(TOY, "another")
    site.live(other)
    assert (await site.reader.models()).models is other


async def test_a_process_that_stood_still_waits_to_hear_whether_what_it_knew_is_fresh():
    site = await scene()
    old = await site.folded()
    site.live(old)
    await elapse(HEARTBEAT_TIMEOUT_S + 0.5)
    reading = asyncio.create_task(site.reader.models())
    await elapse(3 * NOTICED_S)
    assert not reading.done()
    site.live(old)
    assert (await reading).models is old
    await elapse(HEARTBEAT_TIMEOUT_S + 0.5)
    reading = asyncio.create_task(site.reader.models())
    await elapse(3 * NOTICED_S)
    site.lost()
    assert seen(await reading) == (True, 2, 2)


async def test_live_models_that_come_back_while_the_log_is_read_are_answered_from():
    site = await scene()
    models = await site.folded()
    site.store.latency_s = 1.0
    reading = asyncio.create_task(site.reader.models(min_position=2))
    await elapse(0.5)
    site.live(models)
    read = await reading
    assert read.models is models
    assert read.stale is False


async def test_models_that_are_live_again_while_the_log_is_read_are_not_folded_on():
    """Else what the subscription adopts meanwhile would be folded once more."""
    site = await scene()
    models = await site.folded()
    site.live(models)
    site.lost()
    await site.send("p3")
    site.store.latency_s = 1.0
    reading = asyncio.create_task(site.reader.models(min_position=3))
    await elapse(0.5)
    site.live(models)
    assert seen(await reading) == (True, 3, 3)
    assert (models.position, models.get(STOCKS, "aalen").parcels) == (2, 2)


async def test_a_log_that_does_not_answer_is_waited_for_only_while_nothing_is_known():
    site = await scene()
    site.store.latency_s = WAIT_S + 1
    with pytest.raises(NotYet):
        await site.reader.models()
    assert now() == pytest.approx(WAIT_S)
    await elapse(WAIT_S)
    began = now()
    assert seen(await site.reader.models()) == (True, 2, 2)
    assert now() - began == pytest.approx(LOG_WAIT_S)
    await site.reader.models()  # the same reading has been waited for long enough
    assert now() - began == pytest.approx(LOG_WAIT_S)


async def test_where_nothing_is_known_it_is_answered_as_soon_as_the_log_is_folded():
    site = await scene()
    site.store.latency_s = 1.5 * LOG_WAIT_S
    assert seen(await site.reader.models()) == (True, 2, 2)
    assert now() == pytest.approx(1.5 * LOG_WAIT_S)


async def test_where_nothing_is_known_and_nobody_answers_it_is_unavailable():
    site = await scene()
    site.store.gone = True
    with pytest.raises(Unavailable, match="no Postgres"):
        await site.reader.models()


async def test_where_the_log_is_gone_what_is_known_is_shown():
    site, complaints = await scene(), []
    asyncio.get_running_loop().set_exception_handler(lambda _, said: complaints.append(said))
    await site.reader.models()
    site.store.gone = True
    await elapse(LOG_FRESH_S)
    assert seen(await site.reader.models()) == (True, 2, 2)
    del site
    gc.collect()
    assert complaints == []


def under_way():
    return [task for task in asyncio.all_tasks() if task.get_name() == "reading the log"]


async def test_what_is_under_way_ends_with_the_process():
    site = await scene()
    await site.reader.close()
    site.store.latency_s = WAIT_S
    reading = asyncio.create_task(site.reader.models())
    await elapse(1)
    assert len(under_way()) == 1
    await site.reader.close()
    assert under_way() == []
    reading.cancel()
