"""While the live read models are away the hub shows the log to whoever listens."""

import asyncio

import pytest
from structlog.testing import capture_logs

from tests.engine.no_time import NO_TIME, elapse
from tests.live.site import Site, said
from votes.engine.ports import Unavailable
from votes.engine.read_models import ReadModels
from votes.engine.reading.reader import NotYet, ReadSource
from votes.live.hub import LOG_S
from votes.projections import PROJECTIONS

loop_factories = NO_TIME


def now():
    return asyncio.get_running_loop().time()


async def quiet(site):
    """All that was told so far is over."""
    await elapse(1)
    return site


class Source:
    """What a process would answer from: the live models or, while those are away, the log's."""

    def __init__(self, site):
        self.site, self.log, self.error = site, None, None
        self.asked = []

    async def models(self):
        self.asked.append(now())
        if self.error is not None:
            raise self.error
        live = self.site.replica.models
        models = live or self.log
        assert models is not None
        return ReadSource(models, stale=live is None)


async def following(site):
    """The hub follows the log where the live models are away."""
    source = Source(site)
    source.log = ReadModels(PROJECTIONS, "e")
    task = asyncio.create_task(site.hub.follow_log(source))
    await asyncio.sleep(0)
    return source, task


def shown(site):
    return site.hub.frames.world, site.hub.models


async def test_while_the_live_models_are_there_the_log_is_not_asked():
    site = Site("a")
    source, _ = await following(site)
    site.listener()
    await elapse(3 * LOG_S)
    assert source.asked == []
    assert shown(site) == ("e.0", site.models)


async def test_while_they_are_away_the_log_is_shown_to_whoever_listens():
    site = await quiet(Site("a"))
    source, _ = await following(site)
    began, woken = now(), site.listener().woken()
    site.replica.changed(None, None)
    assert shown(site) == ("", None)
    await woken
    assert now() - began == pytest.approx(LOG_S)
    assert shown(site) == ("e.0.stale", source.log)
    await elapse(2.5 * LOG_S)
    assert source.asked == pytest.approx([began + LOG_S * number for number in (1, 2, 3)])


async def test_while_nobody_listens_the_log_is_not_asked():
    site = Site("a")
    source, _ = await following(site)
    site.replica.changed(None, None)
    await elapse(3 * LOG_S)
    assert source.asked == []
    assert shown(site) == ("", None)


async def test_when_they_are_back_they_are_shown_at_the_next_look():
    site = Site("a")
    _, _ = await following(site)
    listener = site.listener()
    site.replica.changed(None, None)
    await elapse(1.5 * LOG_S)
    site.replica.changed(site.models, None)
    assert shown(site)[0] == "e.0.stale"  # until source say that they have caught up
    woken = listener.woken()
    await asyncio.wait_for(woken, LOG_S)
    assert shown(site) == ("e.0", site.models)


async def test_when_they_are_back_and_nobody_listens_they_are_shown_too():
    site = Site("a")
    _, _ = await following(site)
    listener = site.listener()
    site.replica.changed(None, None)
    await elapse(LOG_S)
    site.hub.leave(listener)
    site.replica.changed(site.models, None)
    await elapse(LOG_S)
    assert shown(site) == ("e.0", site.models)


@pytest.mark.parametrize("error", [NotYet("late"), Unavailable("gone"), ValueError("odd")])
async def test_a_log_that_cannot_be_shown_is_asked_again(error):
    site = Site("a")
    source, task = await following(site)
    site.listener()
    site.replica.changed(None, None)
    source.error = error
    with capture_logs() as logged:
        await elapse(2.5 * LOG_S)
    odd = {
        "event": "the log cannot be shown to streams",
        "error": repr(error),
        "log_level": "warning",
    }
    assert logged == ([odd] * 2 if isinstance(error, ValueError) else [])
    assert not task.done()
    source.error = None
    await elapse(LOG_S)
    assert shown(site) == ("e.0.stale", source.log)


async def test_live_models_that_came_back_while_the_log_was_read_stay():
    site = Site("a")
    source, _ = await following(site)
    site.listener()
    site.replica.changed(None, None)
    slow = asyncio.Event()

    async def from_log():
        await slow.wait()
        return ReadSource(source.log, stale=True)

    source.models = from_log
    await elapse(LOG_S)
    site.replica.changed(site.models, None)
    slow.set()
    await elapse(LOG_S / 2)
    assert shown(site) == ("e.0", site.models)


async def test_live_models_that_were_lost_again_before_they_could_be_shown_are_not():
    site = Site("a")
    source, _ = await following(site)
    site.listener()
    site.replica.changed(None, None)
    lost = ReadModels(PROJECTIONS, "e")

    async def of_before():
        return ReadSource(lost, stale=False)

    source.models = of_before
    await elapse(2 * LOG_S)
    assert shown(site) == ("", None)


async def test_who_goes_on_from_live_models_to_the_log_needs_no_new_snapshot_but_back_again_does():
    site = await quiet(Site("a"))
    source, _ = await following(site)
    source.log.fold(())
    source.log.partitions, source.log.position = site.models.partitions, site.models.position
    listener = site.listener()
    site.replica.changed(None, None)
    await elapse(LOG_S)
    assert shown(site) == ("e.0.stale", source.log)
    assert site.hub.next_piece(listener) == b""
    source.log.position += 1
    listener.position = 1
    stale = said(site.hub.next_piece(listener))
    assert {frame[0] for frame in stale} == {"e.0.stale-2", "e.0.stale-1"}
    site.replica.changed(site.models, None)
    await elapse(LOG_S)
    assert listener.world == "e.0.stale"
    live = said(site.hub.next_piece(listener))
    assert [frame[0] for frame in live] == ["e.0-1", "e.0-2"]
    assert listener.world == "e.0"


async def test_who_was_told_nothing_from_the_log_goes_on_where_it_was():
    site = await quiet(Site("a"))
    source, _ = await following(site)
    source.log.partitions, source.log.position = site.models.partitions, site.models.position
    listener = site.listener()
    site.replica.changed(None, None)
    await elapse(1.5 * LOG_S)
    assert site.hub.next_piece(listener) == b""
    site.replica.changed(site.models, None)
    await elapse(LOG_S)
    assert shown(site) == ("e.0", site.models)
    assert site.hub.next_piece(listener) == b""
