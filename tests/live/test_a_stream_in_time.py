"""When a stream sends, how long it lives, and what ends it."""

import asyncio
import re
from itertools import pairwise

import pytest

from tests.engine.no_time import NO_TIME, elapse
from tests.live.site import Client, Site
from votes.engine.read_models import ReadModels
from votes.live.frames import BEFORE_ALL, HEARTBEAT
from votes.live.hub import SLICE, TICK_S, Listener, TooMany
from votes.live.stream import (
    BEHIND_S,
    HEARTBEAT_S,
    KEEP_S,
    LIFE_JITTER,
    LIFE_S,
    NO_PROGRESS_S,
    RETRY_MAX_MS,
    RETRY_MIN_MS,
)
from votes.projections import PROJECTIONS

loop_factories = NO_TIME


def now():
    return asyncio.get_running_loop().time()


class Open:
    """A stream of the tool `a` that is open, with its client."""

    def __init__(self, site, listener=None):
        self.site, self.client = site, Client(now)
        self.listener = listener or Listener(("a",), None)
        streams = site.streams
        self.task = asyncio.create_task(
            streams.serve(self.listener, self.client.receive, self.client.send)
        )


async def kept(site):
    """The site's keeper of streams runs."""
    task = asyncio.create_task(site.streams.supervise())
    await asyncio.sleep(0)
    return task


async def opened(site, *others):
    stream = Open(site, *others)
    await elapse(TICK_S)
    return stream


async def test_it_begins_with_the_headers_a_pause_for_the_next_attempt_and_the_states():
    stream = await opened(Site("a"))
    start, *bodies = stream.client.sent
    assert (start["type"], start["status"]) == ("http.response.start", 200)
    assert dict(start["headers"]) == {
        b"content-type": b"text/event-stream; charset=utf-8",
        b"cache-control": b"no-store, no-transform",
        b"x-accel-buffering": b"no",
    }
    assert all(body["type"] == "http.response.body" and body["more_body"] for body in bodies)
    first, states = (body["body"] for body in bodies)
    opening = re.fullmatch(rb"retry: (\d+)\n: the states follow\n\n", first)
    assert opening is not None
    retry_ms = int(opening[1])
    assert RETRY_MIN_MS <= retry_ms <= RETRY_MAX_MS
    assert states.count(b"event: ") == 2


async def test_readers_come_again_at_different_times():
    site = Site("a")
    streams = [await opened(site) for _ in range(20)]
    assert len({stream.client.bodies[0] for stream in streams}) > 10


async def test_news_come_as_they_are_and_nothing_comes_between():
    site = Site("a")
    stream = await opened(site)
    for _ in range(3):
        before = len(stream.client.sent)
        await elapse(1)
        site.vote()
        await elapse(TICK_S)
        (news,) = stream.client.bodies[before - 1 :]
        assert news.count(b"event: tally") == 1


async def test_when_the_reader_goes_the_answer_ends_and_the_hub_forgets_it():
    site = Site("a")
    stream = await opened(site)
    assert site.hub.count == 1
    stream.client.go()
    await asyncio.wait_for(stream.task, 1)
    assert stream.client.sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
    assert site.hub.count == 0
    assert site.streams._streams == set()


async def test_where_there_is_no_room_nothing_is_sent():
    site = Site("a", streams_max=1)
    await opened(site)
    second = await opened(site)
    with pytest.raises(TooMany):
        await second.task
    assert second.client.sent == []
    assert site.hub.count == 1


async def test_after_each_silence_it_beats():
    site = Site("a")
    keeping = await kept(site)
    stream = await opened(site)
    await elapse(4 * (HEARTBEAT_S + KEEP_S))
    beats = stream.client.times_of(HEARTBEAT)
    assert len(beats) >= 3
    for earlier, later in pairwise([0.0, *beats]):
        assert HEARTBEAT_S < later - earlier <= HEARTBEAT_S + 2 * KEEP_S
    keeping.cancel()


async def test_news_put_the_next_beat_off():
    site = Site("a")
    keeping = await kept(site)
    stream = await opened(site)
    for _ in range(5):
        await elapse(HEARTBEAT_S / 2)
        site.vote()
    assert HEARTBEAT not in stream.client.bodies
    keeping.cancel()


async def test_a_reader_who_takes_nothing_is_dropped_in_time_and_not_before():
    site = Site("a")
    keeping = await kept(site)
    stuck, healthy = await opened(site), await opened(site)
    stuck.client.stick()
    site.vote()
    await elapse(NO_PROGRESS_S)
    assert not stuck.task.done()
    await elapse(2 * KEEP_S)
    assert stuck.task.done()
    await stuck.task  # it ends without an error
    assert not healthy.task.done()
    assert site.hub.count == 1
    keeping.cancel()


async def test_a_reader_who_takes_not_even_the_headers_is_dropped_in_time_and_not_before():
    site = Site("a")
    keeping = await kept(site)
    stuck = Open(site)
    stuck.client.stick()
    await elapse(NO_PROGRESS_S)
    assert not stuck.task.done()
    await elapse(2 * KEEP_S)
    assert stuck.task.done()
    assert (stuck.client.sent, site.hub.count) == ([], 0)
    keeping.cancel()


async def test_a_reader_who_does_not_take_the_end_is_dropped_in_time_and_not_before():
    site = Site("a")
    keeping = await kept(site)
    stuck = await opened(site)
    stuck.client.stick()
    stuck.client.go()
    await elapse(NO_PROGRESS_S)
    assert not stuck.task.done()
    await elapse(2 * KEEP_S)
    assert stuck.task.done()
    assert site.hub.count == 0
    keeping.cancel()


async def test_a_reader_who_was_slow_once_has_all_the_time_again():
    site = Site("a")
    keeping = await kept(site)
    stream = await opened(site)
    for _ in range(3):
        stream.client.stick()
        site.vote()
        await elapse(NO_PROGRESS_S / 2)
        stream.client.take()
        await elapse(1)
    assert not stream.task.done()
    keeping.cancel()


async def test_each_lives_its_time_which_is_not_that_of_the_others():
    site = Site("a")
    keeping = await kept(site)
    streams = [await opened(site) for _ in range(20)]
    await elapse(LIFE_S * (1 - LIFE_JITTER) - 20 * TICK_S)
    assert not any(stream.task.done() for stream in streams)
    await elapse(LIFE_S * LIFE_JITTER)
    assert 0 < sum(stream.task.done() for stream in streams) < len(streams)
    await elapse(LIFE_S * LIFE_JITTER + 2 * KEEP_S)
    assert all(stream.task.done() for stream in streams)
    keeping.cancel()


async def test_a_server_that_ends_cancels_its_streams():
    stream = await opened(Site("a"))
    stream.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stream.task


async def test_who_has_seen_more_than_there_is_waits_a_little_and_then_begins_anew():
    """The one before may have been at another process, which is further; or in a log that is no
    more."""
    site = Site("a")
    keeping = await kept(site)
    stream = await opened(site, Listener(("a",), None, site.models.world, position=99))
    await elapse(BEHIND_S - TICK_S)
    assert len(stream.client.bodies) == 1
    await elapse(2 * KEEP_S)
    (states,) = stream.client.bodies[1:]
    assert states.count(b"event: ") == 2
    keeping.cancel()


async def test_who_has_seen_more_than_there_is_hears_what_comes_when_it_is_there():
    site = Site("a")
    keeping = await kept(site)
    stream = await opened(site, Listener(("a",), None, site.models.world, position=3))
    await elapse(BEHIND_S / 2)
    site.vote()
    site.vote()
    await elapse(1)
    (news,) = stream.client.bodies[1:]
    assert (news.count(b"event: "), b"e.0-4" in news) == (1, True)
    keeping.cancel()


async def test_who_has_seen_more_in_another_world_gets_no_states_from_before():
    """Read models of another release may be a little behind those that the reader comes from."""
    site = Site("a")
    keeping = await kept(site)
    stream = await opened(site, Listener(("a",), None, "e.9", position=3))
    await elapse(BEHIND_S / 2)
    assert len(stream.client.bodies) == 1
    site.vote()
    await elapse(1)
    (states,) = stream.client.bodies[1:]
    assert (states.count(b"event: "), b"e.0-3" in states) == (2, True)
    keeping.cancel()


async def test_who_was_sent_nothing_yet_is_sent_no_states_from_before_either():
    site = Site("a")
    keeping = await kept(site)
    world, position = site.models.world, site.models.position
    stream = await opened(site, Listener(("a",), None, world, position))
    site.replica.changed(ReadModels(PROJECTIONS, "e", generation=1), None)
    await elapse(BEHIND_S / 2)
    assert len(stream.client.bodies) == 1
    await elapse(BEHIND_S + 2 * KEEP_S)
    assert len(stream.client.bodies) == 2
    keeping.cancel()


async def test_of_many_that_are_kept_each_is_looked_after_once_in_a_while():
    site = Site("a")
    keeping = await kept(site)
    streams = [await opened(site) for _ in range(2 * SLICE + 1)]
    await elapse(HEARTBEAT_S + 2 * KEEP_S)
    assert all(HEARTBEAT in stream.client.bodies for stream in streams)
    keeping.cancel()


async def test_of_a_long_snapshot_the_loop_serves_others_between_two_pieces():
    tools = [f"t{number}" for number in range(60)]
    site = Site(*tools)
    stream = Open(site, Listener(tuple(tools), None))
    for _ in range(100):
        before = len(stream.client.bodies)
        await asyncio.sleep(0)
        assert len(stream.client.bodies) <= before + 1
    assert len(stream.client.bodies) > 3
    assert stream.listener.position == site.models.position


async def test_one_that_is_anew_in_another_world_gets_all_states():
    site = Site("a")
    stream = await opened(site, Listener(("a",), None, "another", position=2))
    assert stream.client.bodies[1].count(b"event: ") == 2
    assert stream.listener.position != BEFORE_ALL
