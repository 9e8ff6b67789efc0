"""A command sent twice under one key has one effect and one answer."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.domain.histories import START
from tests.domain.names import ANN, ATLAS
from tests.engine.commands.products import PARCELS, VOTES, each_product
from tests.engine.commands.sending import (
    cast,
    delisted,
    everything,
    listed,
    obeyed,
    request,
    retract,
)
from votes.domain.bookmarks.bookmark import KeepBookmark, RemoveBookmark
from votes.domain.review import Opinion, PublishReview, WithdrawReview
from votes.engine.batcher import Batcher
from votes.engine.bulk import submit_all
from votes.engine.handle import KEY_REUSED, handle


def first_time(answer):
    return replace(answer, repeated=False)


async def submit(store, *requests):
    return (await submit_all(store, requests))[-1]


NOTED = b"Mine, encrypted"
MOVED_ON = [
    (PARCELS.put("ann", "bath", key="k"), [PARCELS.put("ann", "aalen"), PARCELS.clear("ann")]),
    (PARCELS.clear("ann", key="k"), [PARCELS.put("ann", "bath")]),
    (cast("ann", "ship", key="k"), [cast("ann", "skip"), retract("ann")]),
    (retract("ann", key="k"), [cast("ann", "skip")]),
    (listed(name="Other", key="k"), [delisted()]),
    (delisted(key="k"), [listed()]),
    (
        request(KeepBookmark(ANN, ATLAS, NOTED, START), "k"),
        [request(RemoveBookmark(ANN, ATLAS))],
    ),
    (
        request(PublishReview(ATLAS, "skeptic", Opinion(9, "skip", "No.")), "k"),
        [request(WithdrawReview(ATLAS, "skeptic"))],
    ),
]


@pytest.mark.parametrize(("wanted", "since"), MOVED_ON)
async def test_its_answer_is_the_first_one_however_far_the_state_moved_on(log, wanted, since):
    await submit(log, listed(), PARCELS.put("ann", "aalen"))
    first = await submit(log, wanted)
    await submit(log, *since, cast("bob", "ship"))
    head = await log.head()
    again = await submit(log, wanted)
    assert again.repeated
    assert not first.repeated
    assert first_time(again) == first
    assert await log.head() == head


@each_product
@pytest.mark.parametrize("again", [False, True])
async def test_a_command_that_changes_nothing_is_answered_the_same_again(log, product, again):
    here, there = product.values
    put, before = product.put, [product.put("ann", here)]
    if again:
        before += [product.clear("ann"), put("ann", here)]
    await submit(log, product.first(), *before, put("bob", here))
    first = await submit(log, put("ann", here, key="k"))
    assert (first.changed, first.position) == (False, await log.head() - 1)
    await submit(log, put("ann", there))
    assert first_time(await submit(log, put("ann", here, key="k"))) == first
    assert await held(log, product, "ann") == there


async def held(log, product, who):
    stream = product.stream(who)
    return product.of((await log.last_events([stream]))[stream].event)


async def test_one_that_never_had_an_event_stands_at_nothing(log):
    await submit(log, listed(), cast("bob", "ship"))
    first = await submit(log, retract("ann", key="k"))
    await submit(log, cast("ann", "ship"))
    again = await submit(log, retract("ann", key="k"))
    assert (first.position, first_time(again)) == (0, first)


@each_product
async def test_one_that_changes_nothing_because_of_its_own_batch_keeps_its_place(log, product):
    """Commands of one sender stay in order: the last one counts."""
    here, there = product.values
    put = product.put
    await submit(log, product.first())
    batch = [put("ann", here), put("ann", here, key="k"), put("ann", there)]
    _, one, same, last = map(obeyed, await submit_all(log, [put("bob", here), *batch]))
    assert (one.changed, same.changed, last.changed) == (True, False, True)
    assert same.position == one.position
    assert first_time(await submit(log, put("ann", here, key="k"))) == same
    assert await held(log, product, "ann") == there


@each_product
async def test_another_command_under_the_key_is_refused(log, product):
    here, there = product.values
    await submit(log, product.first(), product.put("ann", here, key="k"))
    assert await submit(log, product.put("ann", there, key="k")) == KEY_REUSED
    assert await submit(log, product.put("ann", here, key="k")) != KEY_REUSED
    assert await log.head() == product.opening + 1


async def test_a_refusal_is_not_kept(log):
    refused = await submit(log, cast("ann", "ship", key="k"))
    assert refused.code == "tool_unknown"
    assert (await submit(log, listed(), cast("ann", "ship", key="k"))).changed


@each_product
async def test_sent_twice_in_one_batch_it_has_one_effect(log, product):
    here, there = product.values
    await submit(log, product.first())
    wanted = product.put("ann", here, key="k")
    batch = [wanted, wanted, product.put("bob", there)]
    first, second, other = map(obeyed, await submit_all(log, batch))
    assert (first.repeated, second.repeated) == (False, True)
    assert first_time(second) == first
    assert other.changed
    assert await log.head() == product.opening + 2


@each_product
async def test_two_commands_under_one_key_in_one_batch_are_not_both_obeyed(log, product):
    here, there = product.values
    await submit(log, product.first())
    batch = [product.put("ann", here, key="k"), product.put("ann", there, key="k")]
    first, second = await submit_all(log, batch)
    assert (product.of(obeyed(first).after), second) == (here, KEY_REUSED)


def batcher_on(store):
    async def handle_batch(requests):
        return await handle(store, requests)

    return Batcher(handle_batch)


@pytest.mark.parametrize(
    ("product", "wanted"),
    [
        (VOTES, VOTES.put("ann", "ship", key="k")),
        (VOTES, VOTES.clear("ann", key="k")),
        (PARCELS, PARCELS.put("ann", "bath", key="k")),
    ],
)
async def test_sent_to_two_processes_at_once_it_has_one_effect(processes, product, wanted):
    batchers = [batcher_on(processes.store()) for _ in range(2)]
    await batchers[0].submit(product.first())
    others = [product.put(f"v{number}", product.values[1]) for number in range(10)]
    answers = await asyncio.gather(
        *(batchers[number % 2].submit(wanted) for number in range(10)),
        *(batchers[number % 2].submit(other) for number, other in enumerate(others)),
    )
    same = answers[:10]
    assert {answer.repeated for answer in same} == {False, True}
    assert len({repr(first_time(answer)) for answer in same}) == 1
    assert sum(not answer.repeated for answer in same) == 1
    mine = [r for r in await everything(processes.store()) if r.stream == product.stream("ann")]
    assert len(mine) == same[0].changed


async def test_under_another_key_the_same_command_changes_nothing(log):
    at = START + timedelta(days=1)
    await submit(log, listed())
    first = await submit(log, request(KeepBookmark(ANN, ATLAS, NOTED, START), "k1"))
    other = await submit(log, request(KeepBookmark(ANN, ATLAS, NOTED, at), "k2"))
    assert (first.changed, other.changed) == (True, False)
    assert other.after.standing.added_at == START
