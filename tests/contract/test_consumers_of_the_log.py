"""Whoever works through the log finds what stood at a position, and goes on where it was."""

from tests.engine.commands.sending import append_to
from votes.domain.review import ReviewWithdrawn
from votes.domain.tool import ToolDelisted

SAID = (ToolDelisted,)


def append(stream, version, *words):
    return append_to(stream, version, *(ToolDelisted(word) for word in words))


async def standing(log, after, until, limit):
    found, reached = await log.standing("atlas", SAID, after, until, limit)
    return [recorded.event.slug for recorded in found], reached


async def unfinished(log, limit=9):
    found = await log.unfinished("job:", limit)
    return [(one.last.event.slug, one.reached) for one in found]


async def test_events_that_stood_at_a_position_come_page_by_page(log):
    await log.append([append("a", 0, "1", "2"), append("b", 0, "3"), append("c", 0, "4")])
    await log.append([append("b", 1, "5"), append("a", 2, "6")])
    assert await standing(log, 0, 4, limit=10) == (["2", "3", "4"], 4)
    assert await standing(log, 0, 4, limit=2) == (["2"], 2)
    assert await standing(log, 2, 4, limit=2) == (["3", "4"], 4)
    assert await standing(log, 0, 6, limit=3) == ([], 3)
    assert await standing(log, 3, 6, limit=3) == (["4", "5", "6"], 6)
    assert await standing(log, 6, 6, limit=3) == ([], 6)
    assert await log.standing("bolt", SAID, 0, 6, 9) == ([], 6)
    assert await log.standing("atlas", (ReviewWithdrawn,), 0, 6, 9) == ([], 6)


async def test_a_consumer_moves_on_and_never_back(log):
    await log.append([append("job:a", 0, "1", "2"), append("job:b", 0, "3"), append("jo", 0, "4")])
    await log.append([append("job:a", 2, "5")])
    assert await unfinished(log) == [("3", 0), ("5", 0)]
    assert await log.reached("job:a") == 0
    assert await unfinished(log, limit=1) == [("3", 0)]
    await log.finish("job:a", 4)
    await log.finish("job:a", 2)
    await log.finish("job:b", 3)
    assert await unfinished(log) == [("5", 4)]
    assert await log.reached("job:a") == 4
    await log.finish("job:a", 5)
    assert await unfinished(log) == []
