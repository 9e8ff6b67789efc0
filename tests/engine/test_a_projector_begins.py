"""What a projector begins with: the stored read models, or others built anew from the log."""

from typing import Literal, get_args

import pytest
from msgspec import Struct

from tests.contract.memory_store import MemoryEventStore
from tests.engine.commands.sending import append_to
from tests.engine.no_time import NO_TIME
from tests.engine.parcels import REBUILDING, Scene
from tests.toy import EVENTS, PLACES, STOCKS, TOY, ParcelMoved, Stock
from votes.engine.projecting.projector import PARKED_LOGGED_MAX, rebuild
from votes.engine.projection import PARKED, Parked, Projections, partition_of
from votes.engine.read_models import ReadModels
from votes.store.codec import Codec

loop_factories = NO_TIME


class ParcelWeighed(Struct, frozen=True):
    """An event of a later release."""

    parcel: str


async def test_where_nothing_is_stored_the_models_are_built_from_the_log():
    scene = Scene()
    await scene.send("p1", "p2")
    models = await scene.projector.load()
    assert await scene.is_right()
    assert (models.position, models.generation) == (2, 1)
    assert (scene.logged, scene.stored.resumed) == ([REBUILDING], [])


async def test_models_that_are_of_use_are_gone_on_from():
    scene = Scene()
    await scene.send("p1")
    scene.stored.live = await scene.folded()
    await scene.send("p2")
    models = await scene.projector.load()
    assert (models.position, models.generation) == (1, 0)
    assert (scene.logged, scene.stored.resumed) == ([], [1])


Part = Literal["epoch", "checksum", "position", "checkpoint"]


@pytest.mark.parametrize("of_no_use", get_args(Part))
async def test_models_of_another_log_or_from_beyond_its_head_are_built_anew(of_no_use: Part):
    scene = Scene()
    await scene.send("p1", "p2")
    odd = await scene.folded()
    match of_no_use:
        case "epoch" | "checksum":
            setattr(odd, of_no_use, "another")
        case "position":
            odd.position += 1
        case "checkpoint":
            odd.partitions[3].checkpoint += 1
    scene.stored.live = odd
    assert (await scene.projector.load()).generation == 1
    assert await scene.is_right()
    assert scene.logged == [REBUILDING]


async def test_models_of_an_empty_log_are_of_use_whatever_their_checksum():
    scene = Scene()
    scene.stored.live = ReadModels(TOY, await scene.near.epoch(), checksum="none")
    assert (await scene.projector.load()).generation == 0


@pytest.fixture
def newer():
    """Reads and writes the event of a later release, too."""
    return Codec((*EVENTS, ParcelWeighed))


async def weigh(scene, newer, times=1):
    """What a later release writes, after a first event."""
    await scene.send("p1")
    store = MemoryEventStore(scene.log, newer)
    weighed = [ParcelWeighed("p1")] * times
    await store.append([append_to("parcel:p1", 1, *weighed, subject="p1")])


async def test_what_is_parked_is_logged_with_its_reason(newer):
    scene = Scene()
    await weigh(scene, newer)
    models = await scene.projector.load()
    reason = models.parked()[2].reason
    assert scene.logged == [REBUILDING, f"event 2 is parked: ParcelWeighed/1: {reason}"]


async def test_of_much_that_is_parked_the_first_is_logged(newer):
    scene = Scene()
    await weigh(scene, newer, times=PARKED_LOGGED_MAX + 5)
    await scene.projector.load()
    logged = [line.split()[1] for line in scene.logged[1:]]
    assert logged == [str(position) for position in range(2, 2 + PARKED_LOGGED_MAX)]


async def test_models_that_lack_an_event_are_of_use_while_nobody_can_read_it(newer):
    scene = Scene()
    await weigh(scene, newer)
    await scene.projector.load()
    scene.logged.clear()
    assert (await scene.projector.load()).generation == 1
    assert (scene.logged, scene.stored.resumed) == ([], [2])


async def test_models_that_lack_an_event_that_can_be_read_by_now_are_built_anew(newer):
    scene = Scene()
    await weigh(scene, newer)
    await scene.projector.load()
    models = await scene.projector_on(MemoryEventStore(scene.log, newer)).load()
    assert (models.generation, models.parked()) == (2, {})


@pytest.mark.parametrize(("release", "generation"), [(TOY.release, 1), ("another", 2)])
async def test_what_could_not_be_folded_is_tried_again_by_another_release_alone(
    release, generation
):
    scene = Scene()
    odd = ParcelMoved("p1", "aalen", left="bath")  # where it never was
    await scene.near.append([append_to("parcel:p1", 0, odd, subject="p1")])
    models = await scene.projector.load()
    assert [parked.kind for parked in models.parked().values()] == ["ParcelMoved"]
    scene.stored.projections = Projections(TOY.all[:-1], EVENTS, (), release)
    assert (await scene.projector.load()).generation == generation


async def test_one_model_is_built_anew_and_the_others_stay_as_they_are_stored():
    scene = Scene()
    await scene.send("p1", "p2")
    odd = await scene.folded()
    stocks = odd.partitions[partition_of("aalen")].of(STOCKS)
    places = odd.partitions[partition_of("p1")].of(PLACES)
    stocks["aalen"], places["p1"] = Stock(99, 1), "nowhere"
    scene.stored.live = odd
    await scene.send("p3")
    built = await rebuild(scene.near, scene.stored, only=STOCKS)
    assert (built.get(STOCKS, "aalen"), built.get(PLACES, "p1")) == (Stock(3, 3), "nowhere")
    assert scene.stored.live == built
    assert {part.checkpoint for part in built.partitions} == {3}


async def test_of_one_model_that_is_built_anew_nothing_stays_that_is_not_in_the_log():
    scene = Scene()
    await scene.send("p1")
    odd = await scene.folded()
    odd.partitions[partition_of("como")].put(STOCKS.name, "como", Stock(1, 1))
    odd.partitions[partition_of("como")].put(PARKED.name, "9", Parked("Odd", "why", "1"))
    scene.stored.live = odd
    await rebuild(scene.near, scene.stored, only=STOCKS)
    assert await scene.is_right()


@pytest.mark.parametrize("stored", ["nothing", "another log"])
async def test_where_nothing_of_use_is_stored_all_models_are_built(stored):
    scene = Scene()
    await scene.send("p1")
    if stored == "another log":
        scene.stored.live = ReadModels(TOY, "another", 1, checksum="none")
    await rebuild(scene.near, scene.stored, only=STOCKS)
    assert await scene.is_right()
