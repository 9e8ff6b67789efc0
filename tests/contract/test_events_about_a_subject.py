"""What is about a subject is read in order, a page at a time, from both stores alike."""

from tests.contract.test_an_event_store import AT, SAID, about
from votes.domain.review import ReviewWithdrawn
from votes.engine.log import Stream
from votes.engine.ports import Addition, Append, Meta


async def test_the_events_about_a_subject_go_on_after_a_position(log):
    other_type = Append([Addition(Stream("p"), 0, "a", ReviewWithdrawn())], Meta("test"), AT)
    await log.append([about("a", "1", "1", "2"), about("b", "2", "x"), other_type])
    await log.append([about("a", "3", "3"), about("aa", "4", "x")])

    async def next_ones(position, limit):
        return [r.position for r in await log.about("a", SAID, position, limit)]

    assert await next_ones(0, 9) == [1, 2, 5]
    assert await next_ones(0, 2) == [1, 2]
    assert await next_ones(2, 9) == [5]
    assert await next_ones(5, 9) == []
    assert await log.about("nobody", SAID, 0, 9) == []
