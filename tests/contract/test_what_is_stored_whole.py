"""What is stored whole or not at all, as imports do, in memory and on Postgres."""

from uuid import UUID, uuid4

import pytest

from tests.contract.test_an_event_store import AT, TIMES_REFUSED, answer, append, said, words
from tests.engine.commands.sending import everything
from votes.engine.log import Stream
from votes.engine.ports import Meta, Part, StoredResult, Whole


def part(stream, version, word, command_id=None, at=AT):
    """What a command of an import adds; nothing but its result without a word."""
    event = None if word is None else said(word)
    return Part(stream, version, "atlas", event, at, command_id or uuid4().hex, f"[{version}]")


def whole(*parts, **guards):
    return Whole(parts, Meta("import"), {Stream(name): version for name, version in guards.items()})


async def test_what_is_stored_whole_is_stored_in_order_each_with_its_result(log):
    await log.append([append("a", 0, "1"), append("t", 0, "2")])
    news = part("a", 1, "3"), part("b", 0, "4"), part("b", 1, None), part("t", 1, None)
    more = part("b", 1, "5"), part("b", 2, None), part("c", 0, None)
    assert await log.append_whole(whole(*news, *more, t=1, u=0))
    read = await everything(log)
    assert [(r.position, r.stream, r.version, r.event.slug) for r in read] == [
        *((1, "a", 1, "1"), (2, "t", 1, "2"), (3, "a", 2, "3"), (4, "b", 1, "4")),
        (5, "b", 2, "5"),
    ]
    assert [(r.at, r.subject, r.late) for r in read[2:]] == [(AT, "atlas", True)] * 3
    ids = [one.command_id for one in (*news, *more)]
    kept = await log.results([UUID(one) for one in ids])
    assert [kept[UUID(one)].position for one in ids] == [3, 4, 4, 2, 5, 5, 0]
    assert kept[UUID(ids[1])] == StoredResult(b"", "[0]", 4)
    assert await log.taken([*ids, uuid4().hex]) == set(ids)
    assert await log.append([append("a", 2, "6")]) == [6]


FALLS = {
    "moved": (part("a", 0, "x"), {}),
    "guarded": (part("d", 0, "x"), {"a": 0}),
    "guarded ahead": (part("d", 0, "x"), {"a": 2}),
    "guarded, not there": (part("d", 0, "x"), {"u": 1}),
    "taken": (part("d", 0, "x", UUID(int=7).hex), {}),
    "taken, without an event": (part("d", 0, None, UUID(int=7).hex), {}),
    "twice": (part("d", 0, "x", UUID(int=8).hex), {}),
    "the stream twice": (part("b", 0, "x"), {}),
}


@pytest.mark.parametrize(("falls", "guards"), FALLS.values(), ids=list(FALLS))
async def test_of_what_is_not_stored_whole_nothing_is_stored(log, falls, guards):
    await log.append([append("a", 0, "1", keyed=answer(1, UUID(int=7)))])
    good = part("b", 0, "2", UUID(int=8).hex), part("c", 0, None)
    for order in ([*good, falls], [falls, *good]):
        assert not await log.append_whole(whole(*order, **guards))
    assert await words(log) == ["1"]
    ids = {one.command_id for one in (*good, falls)}
    assert await log.taken(ids) == ids & {UUID(int=7).hex}
    assert await log.append_whole(whole(*good))
    assert await words(log) == ["1", "2"]


@pytest.mark.parametrize("at", TIMES_REFUSED.values(), ids=list(TIMES_REFUSED))
async def test_nothing_of_an_impossible_time_is_stored_whole(log, at):
    with pytest.raises(ValueError, match="an event is of"):
        await log.append_whole(whole(part("a", 0, "1"), part("b", 0, "2", at=at)))
    assert await log.head() == 0
