"""What every event store does, the one in memory and the one on Postgres."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest

from tests.toy import ParcelMoved
from votes.domain.events import EVENT_TYPES
from votes.domain.review import ReviewWithdrawn
from votes.domain.tool import Entry, Plan, ToolDelisted, ToolListed
from votes.engine.log import POSITION_MAX, Stream, Unreadable
from votes.engine.ports import (
    Addition,
    Append,
    CountQuery,
    EventCount,
    KeyedResult,
    Meta,
    StoredResult,
)
from votes.store.codec import Codec

AT = datetime(2026, 3, 1, 12, 30, 15, 123_456, tzinfo=UTC)
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)


SAID = (ToolDelisted,)


def said(word):
    """An event that can be told from others."""
    return ToolDelisted(word)


def append(stream, version, *words, keyed=None, at=AT, guards=None):
    events = [
        Addition(stream, version + number, "atlas", said(word)) for number, word in enumerate(words)
    ]
    keyed = keyed and keyed(stream)
    return Append(events, Meta("test"), at, guards or {}, keyed)


def answer(version, command_id=None, outcome="[1]"):
    """An answer to keep at a version of the stream that it is appended with."""
    return partial(KeyedResult, command_id or uuid4(), b"asked", outcome, version=version)


async def everything(store, position=0, limit=100):
    return [recorded async for events in store.after(position, limit) for recorded in events]


async def words(store):
    return [recorded.event.slug for recorded in await everything(store)]


async def test_an_empty_log_has_nothing(log):
    assert await log.head() == 0
    assert await everything(log) == []
    assert await log.last_events(["a"]) == {}
    assert await log.results([uuid4()]) == {}
    for late in (True, False):
        assert (
            await log.count_events(CountQuery("a", SAID, late, 0, POSITION_MAX, AT, FOREVER)) == []
        )
    assert await log.last_of_prefix("a", 10) == []


ENTRY = Entry("Ünïcödé \U0001f680", "\u4e2d\u6587", 'quotes "and" \\', plans=(Plan("p", 0.1),))


@pytest.mark.parametrize("event", [ToolListed("rocket", ENTRY), ParcelMoved("\u4e2d", 'a "b" \\')])
async def test_an_event_comes_back_as_it_was_appended(log, event):
    stream = Stream("tool:\u00e9\U0001f680 a:b%_")
    added = Addition(stream, 0, "\u00fc \U0001f680", event)
    assert await log.append([Append([added], Meta("test"), AT)]) == [1]
    (recorded,) = await everything(log)
    assert (recorded.position, recorded.stream, recorded.version) == (1, stream, 1)
    assert (recorded.event, recorded.at, recorded.subject) == (event, AT, "\u00fc \U0001f680")
    assert await log.last_events([stream, "other"]) == {stream: recorded}
    (counted,) = await log.count_events(
        CountQuery("\u00fc \U0001f680", (type(event),), True, 1, 1, AT, AT)
    )
    assert counted == EventCount(event, 1, 1)
    assert await log.last_of_prefix("tool:\u00e9\U0001f680", 1) == [recorded]


async def test_positions_follow_the_order_of_decision(log):
    batch = [
        append("b", 0, "1", "2"),
        append("a", 0, "3"),
        append("b", 2, "4"),
        append("c", 0, "5"),
    ]
    assert await log.append(batch) == [2, 3, 4, 5]
    assert await log.append([append("a", 1, "6"), append("b", 3, "7")]) == [6, 7]
    assert await words(log) == list("1234567")
    assert [recorded.version for recorded in await everything(log)] == [1, 2, 1, 3, 1, 2, 4]
    assert await log.head() == 7


async def test_a_stream_that_has_moved_is_refused_and_its_neighbours_are_stored(log):
    await log.append([append("a", 0, "first")])
    batch = [
        append("b", 0, "b"),
        append("a", 0, "late"),
        append("c", 0, "c"),
        append("a", 1, "too"),
    ]
    assert await log.append(batch) == [2, None, 3, None]
    assert await words(log) == ["first", "b", "c"]
    assert await log.append([append("a", 1, "second")]) == [4]


async def test_a_version_that_is_not_there_yet_is_refused(log):
    assert await log.append([append("a", 1, "early"), append("b", 0, "b")]) == [None, 1]
    assert await words(log) == ["b"]


@pytest.mark.parametrize("versions", [(0, 2), (1, 0), (0, 0)], ids=["hole", "order", "twice"])
async def test_events_of_a_stream_that_do_not_follow_one_another_are_refused(log, versions):
    batch = [append("a", version, "x") for version in versions]
    assert await log.append([*batch, append("b", 0, "b")]) == [None, None, 1]
    assert await words(log) == ["b"]


FIRST = datetime(1970, 1, 1, tzinfo=UTC)
TIMES_REFUSED = {
    "the year 1": datetime(1, 1, 1, tzinfo=UTC),
    "1969": FIRST - timedelta(microseconds=1),
    "tomorrow": datetime.now(UTC) + timedelta(days=1),
    "4713": datetime(4713, 1, 1, tzinfo=UTC),
    "9999": datetime(9999, 12, 31, tzinfo=UTC),
}


@pytest.mark.parametrize("at", TIMES_REFUSED.values(), ids=list(TIMES_REFUSED))
async def test_an_event_of_no_possible_time_is_refused_with_its_batch(log, at):
    with pytest.raises(ValueError, match="an event is of"):
        await log.append([append("a", 0, "1"), append("b", 0, "2", at=at), append("c", 0, "3")])
    assert await log.head() == 0


async def test_an_event_may_be_old_and_its_clock_a_little_ahead(log):
    ahead = datetime.now(UTC) + timedelta(minutes=59)
    assert await log.append([append("a", 0, "1", at=FIRST), append("b", 0, "2", at=ahead)]) == [
        1,
        2,
    ]
    assert [recorded.at for recorded in await everything(log)] == [FIRST, ahead]


async def test_a_refused_batch_leaves_no_gap(log):
    await log.append([append("a", 0, "1")])
    for _ in range(3):
        assert await log.append([append("a", 0, "x", "y"), append("a", 2, "z")]) == [None, None]
    assert await log.append([append("a", 1, "2")]) == [2]
    assert [recorded.position for recorded in await everything(log)] == [1, 2]


async def test_a_command_id_that_is_taken_is_refused_with_all_that_goes_with_it(log):
    key = uuid4()
    assert await log.append([append("a", 0, "1", keyed=answer(1, key))]) == [1]
    batch = [append("b", 0, "x"), append("b", 1, "y", keyed=answer(2, key)), append("c", 0, "2")]
    assert await log.append(batch) == [None, None, 2]
    assert await log.append([append("d", 0, keyed=answer(0, key, "[2]"))]) == [None]
    assert await words(log) == ["1", "2"]
    assert await log.results([key]) == {key: StoredResult(b"asked", "[1]", 1)}


async def test_an_answer_is_kept_with_its_event_or_not_at_all(log):
    kept, lost = uuid4(), uuid4()
    await log.append([append("a", 0, "1", "2", keyed=answer(2, kept))])
    await log.append([append("a", 0, "x", keyed=answer(1, lost))])
    assert await log.results([kept, lost, uuid4()]) == {kept: StoredResult(b"asked", "[1]", 2)}


async def test_an_answer_alone_stands_at_the_event_that_it_was_given_after(log):
    at_one, at_none = uuid4(), uuid4()
    await log.append([append("a", 0, "1"), append("a", 1, "2"), append("b", 0, "3")])
    alone = [append("a", 1, keyed=answer(1, at_one)), append("z", 0, keyed=answer(0, at_none))]
    assert None not in await log.append(alone)
    kept = await log.results([at_one, at_none])
    assert (kept[at_one].position, kept[at_none].position) == (1, 0)
    assert await log.head() == 3


async def test_an_answer_may_follow_an_event_of_its_own_batch(log):
    key = uuid4()
    batch = [append("b", 0, "1"), append("a", 0, "2"), append("a", 1, keyed=answer(1, key))]
    assert (await log.append(batch))[:2] == [1, 2]
    assert (await log.results([key]))[key].position == 2


async def test_an_answer_alone_does_not_hide_that_its_stream_has_moved(log):
    await log.append([append("a", 0, "1"), append("b", 0, "2")])
    refused = [append("a", 0, "x"), append("a", 1, keyed=answer(1)), append("b", 1, "3")]
    assert await log.append(refused) == [None, None, 3]
    assert await words(log) == ["1", "2", "3"]


def onto(*places, word="x", guards=None):
    """An append of an event to each of the streams, given as "a1": to `a`, after version 1."""
    events = [Addition(place[0], int(place[1:]), "atlas", said(word)) for place in places]
    guarded = {place[0]: int(place[1:]) for place in guards or ()}
    return Append(events, Meta("test"), AT, guarded)


async def test_an_append_adds_to_several_streams_or_to_none(log):
    assert await log.append([onto("a0", "b0", "a1", word="1"), onto("b1", "c0", word="2")]) == [
        3,
        5,
    ]
    assert await log.append([onto("a2", "c0"), onto("a2", "d0")]) == [None, None]
    assert await log.append([onto("a2", "d0", word="3")]) == [7]
    assert [(r.stream, r.version, r.event.slug) for r in await everything(log)] == [
        *(("a", 1, "1"), ("b", 1, "1"), ("a", 2, "1"), ("b", 2, "2"), ("c", 1, "2")),
        *(("a", 3, "3"), ("d", 1, "3")),
    ]


@pytest.mark.parametrize("guard", ["t0", "t2", "u1"])
async def test_an_append_guarded_by_a_stream_that_stands_elsewhere_is_refused(log, guard):
    await log.append([onto("t0")])
    assert await log.append([onto("a0", guards=["v0", guard]), onto("b0", guards=["v0"])]) == [
        None,
        2,
    ]
    assert [recorded.stream for recorded in await everything(log)] == ["t", "b"]


async def test_a_guard_that_holds_lets_pass(log):
    await log.append([onto("t0")])
    assert await log.append([onto("a0", guards=["t1", "u0"]), onto("b0", guards=["t1"])]) == [2, 3]


async def test_a_guard_holds_in_the_append_s_turn_in_the_batch(log):
    batch = [onto("a0", guards=["t0"]), onto("t0"), onto("b0", guards=["t1"])]
    assert await log.append(batch) == [1, 2, 3]
    assert await log.append([onto("t1"), onto("c0", guards=["t1"]), onto("d0")]) == [None, None, 4]


async def test_what_builds_on_a_refused_append_is_refused_too_and_so_on(log):
    await log.append([onto("t0")])
    batch = [
        onto("a0", guards=["t0"]),
        onto("a1", "b0"),
        onto("c0", guards=["b1"]),
        append("c", 1, keyed=answer(1)),
        onto("z0", guards=["y0"]),
    ]
    assert await log.append(batch) == [None, None, None, None, 2]
    assert await log.append([onto("a0"), onto("c0")]) == [3, 4]


async def test_a_key_that_is_taken_refuses_all_that_builds_on_its_append(log):
    key = uuid4()
    await log.append([append("k", 0, keyed=answer(0, key))])
    batch = [append("a", 0, "x", keyed=answer(1, key)), onto("b0", guards=["a1"]), onto("c0")]
    assert await log.append(batch) == [None, None, 1]


async def test_an_answer_may_stand_at_an_event_of_any_stream_of_its_append(log):
    key = uuid4()
    keyed = KeyedResult(key, b"asked", "[1]", Stream("b"), 1)
    events = [Addition(Stream("b"), 0, "s", said("1")), Addition(Stream("a"), 0, "s", said("2"))]
    assert await log.append([Append(events, Meta("test"), AT, {}, keyed)]) == [2]
    assert (await log.results([key]))[key].position == 1


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6, 100])
async def test_events_after_a_position_come_in_lists_up_to_the_head(log, limit):
    await log.append([append(str(number), 0, str(number)) for number in range(6)])
    lists = [events async for events in log.after(1, limit)]
    assert [len(events) <= limit for events in lists] == [True] * len(lists)
    assert [recorded.position for events in lists for recorded in events] == [2, 3, 4, 5, 6]
    assert [events async for events in log.after(6, limit)] == []
    assert [events async for events in log.after(7, limit)] == []


def about(subject, stream, *words, at=AT):
    events = [Addition(stream, number, subject, said(word)) for number, word in enumerate(words)]
    return Append(events, Meta("test"), at)


async def test_late_is_what_happened_more_than_ten_minutes_before_it_was_stored(log):
    now = datetime.now(UTC)
    minutes = (-59, 0, 9, 11, 60)
    times = [*(now - timedelta(minutes=ago) for ago in minutes), FIRST]
    await log.append([append(str(at), 0, "1", at=at) for at in times])
    late = [False, False, False, True, True, True]
    assert [recorded.late for recorded in await everything(log)] == late
    assert [recorded.late for recorded in await log.at(range(7))] == late
    last = [recorded.late for recorded in await log.last_about("atlas", SAID, POSITION_MAX, 9)]
    assert last == late
    by_stream = await log.last_events([str(at) for at in times])
    assert [by_stream[str(at)].late for at in times] == late
    by_prefix = {recorded.at: recorded.late for recorded in await log.last_of_prefix("", 9)}
    assert [by_prefix[at] for at in times] == late


@pytest.mark.parametrize("late", [True, False])
async def test_alike_are_those_about_a_subject_within_positions_and_times(log, late):
    then, other = (AT, datetime.now(UTC)) if late else (datetime.now(UTC), AT)
    later = then + timedelta(seconds=1)
    other_type = Append([Addition(Stream("p"), 0, "a", ReviewWithdrawn())], Meta("test"), then)
    one, two = about("a", "1", "x", at=then), about("a", "3", "x", at=then)
    await log.append([one, about("b", "2", "x", at=then), two])
    await log.append([about("a", "4", "x", at=later), other_type, about("ab", "5", "x", at=then)])
    await log.append([about("a", "6", "y", at=then), about("a", "7", "x", at=then)])
    await log.append([about("a", "8", "x", "y", at=other)])

    async def found(first, last, since, until, *without):
        counts = await log.count_events(
            CountQuery("a", SAID, late, first, last, since, until, without)
        )
        return sorted((same.event.slug, same.count, same.position) for same in counts)

    assert await found(0, POSITION_MAX, FIRST, FOREVER) == [("x", 4, 8), ("y", 1, 7)]
    assert await found(0, POSITION_MAX, then, FOREVER, 3, 7, 99) == [("x", 3, 8)]
    assert await found(0, POSITION_MAX, then, then) == [("x", 3, 8), ("y", 1, 7)]
    assert await found(0, POSITION_MAX, later, later) == [("x", 1, 4)]
    assert await found(2, 4, then, FOREVER) == [("x", 2, 4)]
    assert await found(0, 0, then, FOREVER) == []


async def test_the_last_events_about_a_subject_are_in_order(log):
    other_type = Append([Addition(Stream("p"), 0, "a", ReviewWithdrawn())], Meta("test"), AT)
    await log.append([about("a", "1", "1", "2"), about("b", "2", "x"), other_type])
    await log.append([about("a", "3", "3")])

    async def last(position, limit):
        return [r.position for r in await log.last_about("a", SAID, position, limit)]

    assert await last(POSITION_MAX, 9) == [1, 2, 5]
    assert await last(POSITION_MAX, 2) == [2, 5]
    assert await last(4, 2) == [1, 2]
    assert await last(0, 2) == []


async def test_the_last_events_of_a_prefix_are_one_a_stream_in_the_order_of_streams(log):
    await log.append(
        [append("v:a:2", 0, "1", "2"), append("v:a:1", 0, "3"), append("v:b:1", 0, "4")]
    )
    await log.append(
        [append("v:a:\u00e9", 0, "5"), append("v:a:Z", 0, "6"), append("v:a:1", 1, "7")]
    )
    last = await log.last_of_prefix("v:a:", 10)
    assert [recorded.event.slug for recorded in last] == ["7", "2", "6", "5"]
    assert [recorded.version for recorded in last] == [2, 2, 1, 1]
    assert await log.last_of_prefix("v:a:", 2) == last[:2]
    assert await log.last_of_prefix("v:a:", 2, last[0].stream) == last[1:3]
    assert await log.last_of_prefix("v:a:", 9, "v:a:1") == last[1:]
    assert await log.last_of_prefix("v:a:", 9, "v:a:10") == last[1:]
    assert await log.last_of_prefix("v:a:", 9, last[-1].stream) == []
    assert [r.event.slug for r in await log.last_of_stream("v:a:1", 9)] == ["3", "7"]
    assert await log.last_of_stream("v:a:1", 1) == last[:1]


async def test_the_last_event_of_each_stream_is_found_among_many(log):
    await log.append([append(f"s{number}", 0, *"abc"[: number + 1]) for number in range(3)])
    last = await log.last_events(["s0", "s2", "s9"])
    assert {stream: recorded.event.slug for stream, recorded in last.items()} == {
        "s0": "a",
        "s2": "c",
    }
    assert {stream: recorded.version for stream, recorded in last.items()} == {"s0": 1, "s2": 3}


async def test_an_event_of_a_newer_release_cannot_be_read_and_is_still_there(processes):
    older = processes.store(
        codec=Codec(tuple(kind for kind in EVENT_TYPES if kind is not ToolDelisted))
    )
    await processes.store().append([append("a", 0, "1")])
    (recorded,) = await everything(older)
    assert isinstance(recorded.event, Unreadable)
    assert recorded.event.kind == "ToolDelisted/1"
    (read,) = await processes.store().at([1, 2])
    assert (read.position, read.event.slug) == (1, "1")


async def test_all_processes_agree_on_which_log_it_is(processes):
    one, other = processes.store(), processes.store()
    assert await one.epoch() == await other.epoch()
    await one.append([append("a", 0, "1")])
    assert await other.epoch() == await one.epoch()
    assert await other.head() == 1


async def test_of_many_who_append_after_one_version_exactly_one_succeeds(processes):
    stores = [processes.store(), processes.store()]
    for version in range(5):
        raced = await asyncio.gather(
            *(stores[number % 2].append([append("a", version, str(number))]) for number in range(8))
        )
        assert sorted(raced, key=str) == [[version + 1], *[[None]] * 7]
    assert [recorded.version for recorded in await everything(stores[0])] == [1, 2, 3, 4, 5]
