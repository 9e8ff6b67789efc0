"""The hub wakes those who listen to what has changed, in turns."""

import asyncio

import pytest

from tests.engine.no_time import NO_TIME, elapse
from tests.live.site import Site, said
from votes.domain.tool import Entry, ToolRenamed
from votes.live.frames import BEFORE_ALL
from votes.live.hub import SLICE, SPREAD_S, TICK_S, Hub, Listener, TooMany

loop_factories = NO_TIME


def now():
    return asyncio.get_running_loop().time()


async def quiet(site):
    """All that was told so far is over."""
    await elapse(1)
    return site


async def test_news_after_a_silence_wake_at_once():
    site = await quiet(Site("a"))
    woken, before = site.listener().woken(), now()
    site.vote()
    await woken
    assert now() == before


async def test_news_upon_news_are_gathered_for_a_tick():
    site = await quiet(Site("a"))
    listener, before = site.listener(), now()
    woken = listener.woken()
    site.vote()
    await woken
    woken = listener.woken()
    site.vote()
    await elapse(TICK_S / 2)
    assert not woken.done()
    site.vote()
    await woken
    assert now() - before == pytest.approx(TICK_S)
    woken = listener.woken()
    await elapse(5 * TICK_S)
    assert not woken.done()


async def test_news_that_come_together_are_one_tick(monkeypatch):
    site = await quiet(Site("a"))
    site.listener()
    ticks = []
    monkeypatch.setattr(site.hub.frames, "forget_pieces", lambda: ticks.append(now()))
    for _ in range(3):
        site.vote()
    await elapse(1)
    assert len(ticks) == 1


async def test_those_who_listen_to_something_else_are_not_woken():
    site = await quiet(Site("a", "b"))
    other, woken = site.listener("a").woken(), site.listener("b").woken()
    site.vote("a")
    await elapse(1)
    assert (other.done(), woken.done()) == (True, False)
    site.vote("b")
    await woken


async def test_who_listens_to_two_tools_is_woken_by_each():
    site = await quiet(Site("a", "b"))
    listener = site.listener("a", "b")
    for tool in ("a", "b"):
        woken = listener.woken()
        site.vote(tool)
        await asyncio.wait_for(woken, 1)


async def test_who_listens_by_a_former_slug_is_woken():
    site = Site("a")
    site.tell(("tool:a", ToolRenamed("b", Entry("B", "c"))))
    await quiet(site)
    by_former, by_own = site.listener("a").woken(), site.listener("b").woken()
    site.vote("a")
    await asyncio.wait_for(asyncio.gather(by_former, by_own), 1)


async def test_who_listens_to_what_is_not_listed_yet_is_woken_by_the_listing():
    site = await quiet(Site("a"))
    woken = site.listener("new").woken()
    site.list("new")
    await asyncio.wait_for(woken, 1)


async def test_a_crowd_is_woken_a_slice_at_a_time_within_a_tick():
    site = await quiet(Site("a"))
    crowd = [site.listener().woken() for _ in range(3 * SLICE + 1)]
    site.vote()
    await elapse(0)
    assert sum(woken.done() for woken in crowd) == SLICE
    await elapse(SPREAD_S / 2)
    assert SLICE < sum(woken.done() for woken in crowd) < len(crowd)
    await elapse(SPREAD_S / 2 + 0.001)
    assert all(woken.done() for woken in crowd)
    assert SPREAD_S < TICK_S


async def test_small_audiences_are_woken_before_crowds():
    site = await quiet(Site("a", "b"))
    crowd = [site.listener("a").woken() for _ in range(2 * SLICE)]
    few = site.listener("b").woken()
    site.vote("a")
    site.vote("b")
    await elapse(0)
    assert few.done()
    assert not all(woken.done() for woken in crowd)


async def test_other_models_wake_everybody():
    site = await quiet(Site("a", "b"))
    waiting = [site.listener(tool).woken() for tool in ("a", "b", "nobody")]
    site.replica.changed(site.models, None)
    await asyncio.wait_for(asyncio.gather(*waiting), 1)


async def test_other_models_wake_everybody_even_if_news_follow_at_once():
    site = await quiet(Site("a", "b"))
    waiting = [site.listener(tool).woken() for tool in ("a", "b", "nobody")]
    site.replica.changed(site.models, None)
    site.vote("a")
    await asyncio.wait_for(asyncio.gather(*waiting), 1)


async def test_who_has_left_is_not_woken():
    site = await quiet(Site("a"))
    gone, other = site.listener(), site.listener()
    woken, still = gone.woken(), other.woken()
    site.hub.leave(gone)
    assert site.hub.count == 1
    site.vote()
    await still
    assert not woken.done()


async def test_to_be_woken_twice_is_to_be_woken():
    listener = Listener(("a",), None)
    listener.wake()
    woken = listener.woken()
    listener.wake()
    listener.close()
    await woken
    assert listener.closed


async def test_room_that_is_left_can_be_taken_again():
    site = Site("a", streams_max=3, per_network_max=1)
    one = site.listener(network="n")
    with pytest.raises(TooMany, match=r"^too many streams from this network$") as here:
        site.listener(network="n")
    assert here.value.here
    site.hub.leave(one)
    site.listener(network="n")
    site.listener(network="m")
    site.listener()
    with pytest.raises(TooMany, match=r"^too many streams$") as anywhere:
        site.listener()
    assert not anywhere.value.here
    assert site.hub.count == 3


async def test_of_one_that_leaves_a_network_the_others_are_still_counted():
    site = Site("a", per_network_max=2)
    one = site.listener(network="n")
    site.listener(network="n")
    site.hub.leave(one)
    site.listener(network="n")
    with pytest.raises(TooMany):
        site.listener(network="n")


async def test_this_very_machine_has_no_limit_of_its_own():
    site = Site("a", per_network_max=1)
    for _ in range(5):
        site.listener()
    assert site.hub.count == 5


async def test_before_there_are_models_nothing_is_shown():
    site = Site("a")
    hub = Hub(site.replica, 10, 10)
    listener = Listener(("a",), None, position=5)
    assert hub.next_piece(listener) == b""
    assert (listener.position, hub.is_behind(listener)) == (5, False)


async def test_whoever_is_beyond_what_is_shown_is_behind():
    site = Site("a")
    at = site.models.position
    for position, behind in ((at - 1, False), (at, False), (at + 1, True)):
        assert site.hub.is_behind(Listener(("a",), None, "e.0", position)) == behind


async def test_who_has_seen_nothing_gets_all_states_once():
    site = Site("a")
    listener = Listener(("a",), None)
    assert listener.position == BEFORE_ALL
    assert len(said(site.hub.next_piece(listener))) == 2
    assert site.hub.next_piece(listener) == b""
