"""The replica: what a process answers from, how fresh that is, and who waits for more."""

import asyncio
import gc

import pytest

from tests.engine.no_time import NO_TIME, elapse
from tests.toy import AT, EVENTS, STOCKS, TOY, ParcelMoved, located, parcel_of
from votes.engine.log import Recorded, Stream
from votes.engine.projecting.projector import HEARTBEAT_TIMEOUT_S
from votes.engine.projection import Projection, Projections
from votes.engine.read_models import ReadModels
from votes.engine.reading.replica import Replica

loop_factories = NO_TIME


class Framed:
    """ReadModels of where parcels are, shown as text; `shown` are the keys that were encoded."""

    def __init__(self):
        self.shown = []
        self.model = Projection(
            "places", str, dict.fromkeys(EVENTS, parcel_of), located, frame=self.frame
        )
        self.models = ReadModels(Projections([self.model], EVENTS, (), "1"), "epoch")
        self.replica = Replica()

    def frame(self, models, key, stale):
        assert stale is False
        self.shown.append(key)
        place = models.get(self.model, key)
        return None if place is None else place.encode()

    def move(self, parcel, town):
        position = self.models.position + 1
        event = Recorded(position, Stream(f"parcel:{parcel}"), 1, ParcelMoved(parcel, town), AT)
        self.replica.changed(self.models, self.models.fold([event]))

    def read(self, parcel):
        return self.replica.frame(self.model, parcel)


async def test_a_value_is_encoded_once():
    site = Framed()
    site.move("p1", "bath")
    assert [site.read("p1"), site.read("p1")] == [b"bath", b"bath"]
    assert site.shown == ["p1"]


async def test_what_has_changed_is_encoded_anew_and_nothing_else():
    site = Framed()
    site.move("p1", "bath")
    site.move("p2", "bath")
    site.read("p1"), site.read("p2")
    site.move("p1", "como")
    assert [site.read("p1"), site.read("p2")] == [b"como", b"bath"]
    assert site.shown == ["p1", "p2", "p1"]


async def test_of_other_models_everything_is_encoded_anew():
    site = Framed()
    site.move("p1", "bath")
    site.read("p1")
    site.replica.changed(site.models, None)
    assert site.read("p1") == b"bath"
    assert site.shown == ["p1", "p1"]


async def test_what_is_not_there_has_no_frame_until_it_comes():
    site = Framed()
    assert site.read("p1") is None
    site.replica.changed(site.models, None)
    assert site.read("p1") is None
    site.models.fold([Recorded(1, Stream("parcel:p1"), 1, ParcelMoved("p1", "bath"), AT)])
    assert site.read("p1") == b"bath"


async def test_a_model_that_is_not_shown_has_no_frame():
    replica = Replica()
    replica.changed(ReadModels(TOY, "epoch", 1), None)
    assert replica.frame(STOCKS, "bath") is None


async def test_frames_of_two_models_under_one_key_are_two():
    site = Framed()
    other = Projection("other", str, {}, located, frame=lambda *_: b"other")
    site.move("p1", "bath")
    assert [site.read("p1"), site.replica.frame(other, "p1")] == [b"bath", b"other"]
    assert [site.read("p1"), site.replica.frame(other, "p1")] == [b"bath", b"other"]
    assert site.shown == ["p1"]


async def test_models_are_fresh_for_the_time_of_a_beat():
    replica, models = Replica(), ReadModels(TOY, "epoch")
    assert replica.fresh() is None
    replica.changed(models, None)
    await elapse(HEARTBEAT_TIMEOUT_S)
    assert replica.fresh() is models
    await elapse(0.5)
    assert replica.fresh() is None
    assert replica.models is models


async def test_what_came_late_is_fresh_only_as_long_as_it_was_at_the_head():
    replica, models = Replica(), ReadModels(TOY, "epoch")
    await elapse(10)
    replica.changed(models, None, fresh_at=8.0)
    await elapse(HEARTBEAT_TIMEOUT_S - 2)
    assert replica.fresh() is models
    await elapse(0.5)
    assert replica.fresh() is None


async def test_the_models_that_were_live_last_are_known_until_others_come():
    replica, models = Replica(), ReadModels(TOY, "epoch")
    assert replica.lost is None
    replica.changed(models, None)
    assert (replica.models, replica.lost) == (models, None)
    replica.changed(None, None)
    assert replica.models is None
    assert replica.lost is models
    replica.changed(models, None)
    assert replica.lost is None
    replica.changed(ReadModels(TOY, "another"), None)
    assert replica.lost is None


async def test_whoever_listens_hears_of_each_change():
    replica, models, heard = Replica(), ReadModels(TOY, "epoch"), []
    replica.listeners.append(lambda *told: heard.append(told))
    changes = models.fold(())
    replica.changed(models, changes)
    replica.changed(None, None)
    assert heard == [(models, changes), (None, None)]


async def reaching(replica, position):
    """Somebody who waits for the position, and has begun to."""
    waiting = asyncio.create_task(replica.reached(position))
    await asyncio.sleep(0)
    return waiting


@pytest.mark.parametrize("position", [4, 5])
async def test_what_was_reached_before_is_not_waited_for(position):
    replica = Replica()
    replica.changed(ReadModels(TOY, "epoch", 5), None)
    waiting = await reaching(replica, position)
    assert waiting.done()


async def test_each_is_woken_at_the_position_that_it_waits_for():
    replica, models = Replica(), ReadModels(TOY, "epoch", 5)
    replica.changed(models, None)
    six, seven, eight = [await reaching(replica, position) for position in (6, 7, 8)]
    models.position = 7
    replica.changed(models, models.fold(()))
    await asyncio.sleep(0)
    assert (six.done(), seven.done(), eight.done()) == (True, True, False)
    replica.changed(None, None)
    await asyncio.wait_for(eight, 1)


async def test_who_has_given_up_does_not_keep_others_from_being_woken():
    replica, models = Replica(), ReadModels(TOY, "epoch", 5)
    replica.changed(models, None)
    waiting = [await reaching(replica, position) for position in (6, 6, 6, 7)]
    waiting[0].cancel()
    await asyncio.wait(waiting[:1])
    assert waiting[0].cancelled()
    models.position = 7
    replica.changed(models, None)
    await asyncio.wait_for(asyncio.gather(*waiting[1:]), 1)


async def test_before_there_are_models_a_position_is_waited_for():
    replica = Replica()
    waiting = await reaching(replica, 0)
    assert not waiting.done()
    replica.changed(ReadModels(TOY, "epoch"), None)
    await asyncio.wait_for(waiting, 1)


def futures():
    """How many futures there are in the process."""
    gc.collect()
    return sum(type(each) is asyncio.Future for each in gc.get_objects())


async def test_who_gives_up_leaves_nothing_behind_also_where_others_still_wait():
    replica = Replica()
    still = [await reaching(replica, 7) for _ in range(10)]
    before = futures()
    for _ in range(200):
        given_up = await reaching(replica, 7)
        given_up.cancel()
        await asyncio.wait([given_up])
    del given_up
    assert futures() - before <= len(still) + 2
    replica.changed(None, None)
    await asyncio.wait_for(asyncio.gather(*still), 1)
