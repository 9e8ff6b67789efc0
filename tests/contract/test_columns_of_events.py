"""The log's events as columns are what its lists say, in memory and in Postgres."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.contract.test_an_event_store import AT, FIRST, append, everything
from votes.domain.tool import Entry, ToolListed
from votes.engine.log import Stream
from votes.engine.ports import Addition, Append, Meta

LONG = Entry("Rocket", "Tests", "a long text " * 40)


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
async def test_columns_of_exactly_so_many_events_are_what_the_lists_say(log, limit):
    now = datetime.now(UTC)
    times = [FIRST, now - timedelta(hours=1), now.replace(microsecond=1), now, now, AT]
    for number, at in enumerate(times):
        await log.append([append(str(number), 0, str(number), at=at)])
    long = Addition(Stream("tool:rocket"), 0, "rocket", ToolListed("rocket", LONG))
    await log.append([Append([long], Meta("test"), AT)])
    read = [each async for each in log.columns(1, limit)]
    assert [len(columns.positions) for _, columns in read] == [limit] * (6 // limit)
    places = [(number, place) for number in range(len(read)) for place in range(limit)]
    expected = (await everything(log, 1))[: len(places)]
    for (number, place), recorded in zip(places, expected, strict=True):
        subjects, columns = read[number]
        assert subjects[place] == recorded.subject
        assert columns.positions[place] == recorded.position
        assert columns.seconds[place] == recorded.at.timestamp()
        assert columns.lates[place] == recorded.late
        is_long = recorded.stream == "tool:rocket"
        assert columns.events[place] == (None if is_long else recorded.event)


async def test_there_are_no_columns_of_fewer_events(log):
    assert [each async for each in log.columns(0, 1)] == []
    await log.append([append("a", 0, "1"), append("b", 0, "2")])
    assert [each async for each in log.columns(0, 3)] == []
    assert [each async for each in log.columns(2, 1)] == []
    assert [each async for each in log.columns(9, 1)] == []
