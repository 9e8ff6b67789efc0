"""One batch at a time for all who wait."""

import asyncio
from typing import Any

import pytest

from tests.engine.commands.sending import cast
from votes.engine.batcher import (
    ATTEMPTS_MAX,
    BATCH_COMMANDS_MAX,
    CONTENDED,
    OVERLOADED,
    QUEUE_COMMANDS_MAX,
    Batcher,
)
from votes.engine.ports import Unavailable


def name(request):
    return request.command.voter


class Handling:
    """A handle that stores nothing and answers a command's voter; `open` lets batches through."""

    def __init__(self, *, shut=False, answer=lambda request, round_: name(request)):
        self.batches = []
        self.open = asyncio.Event()
        self._answer = answer
        if not shut:
            self.open.set()

    async def __call__(self, requests):
        self.batches.append([name(request) for request in requests])
        await self.open.wait()
        return [self._answer(request, len(self.batches)) for request in requests]


async def alone(batcher, voter) -> Any:
    """What the command of this voter comes to."""
    return await batcher.submit(cast(voter, "ship"))


async def submit_all(batcher, names):
    """Submit the commands of these voters at once, in order."""
    return [asyncio.create_task(batcher.submit(cast(str(voter), "ship"))) for voter in names]


async def settle():
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_lone_command_goes_at_once():
    handling = Handling()
    assert await alone(Batcher(handling), "ann") == "ann"
    assert handling.batches == [["ann"]]


async def test_while_one_batch_is_stored_the_next_one_gathers():
    handling = Handling(shut=True)
    batcher = Batcher(handling)
    first = await submit_all(batcher, "a")
    await settle()
    others = await submit_all(batcher, "bcd")
    await settle()
    assert handling.batches == [["a"]]
    handling.open.set()
    assert await asyncio.gather(*first, *others) == list("abcd")
    assert handling.batches == [["a"], ["b", "c", "d"]]


async def test_a_batch_is_bounded_and_the_order_is_kept():
    handling = Handling()
    names = [str(number) for number in range(2 * BATCH_COMMANDS_MAX + 5)]
    assert await asyncio.gather(*await submit_all(Batcher(handling), names)) == names
    assert [len(batch) for batch in handling.batches] == [BATCH_COMMANDS_MAX] * 2 + [5]
    assert [voter for batch in handling.batches for voter in batch] == names


async def test_a_command_that_lost_a_race_is_tried_again_before_those_behind_it():
    handling = Handling(
        answer=lambda r, round_: None if round_ == 1 and name(r) in "bd" else name(r)
    )
    names = [*"abcd", *(str(number) for number in range(BATCH_COMMANDS_MAX))]
    assert await asyncio.gather(*await submit_all(Batcher(handling), names)) == names
    assert handling.batches[1][:3] == ["b", "d", names[BATCH_COMMANDS_MAX]]


async def test_a_command_that_loses_every_race_is_told_so_and_harms_nobody():
    handling = Handling(answer=lambda r, _: None if name(r) == "b" else name(r))
    answers = await asyncio.gather(*await submit_all(Batcher(handling), "abc"))
    assert answers == ["a", CONTENDED, "c"]
    assert len(handling.batches) == ATTEMPTS_MAX


class Poisoned(Handling):
    """One command makes every batch fail that it is in; the first time alone is a lost race."""

    def __init__(self, error, races=()):
        super().__init__()
        self._error = error
        self._races = set(races)

    async def __call__(self, requests):
        names = [name(request) for request in requests]
        self.batches.append(names)
        if "bad" in names:
            raise self._error
        if len(names) == 1 and names[0] in self._races:
            self._races.discard(names[0])
            return [None]
        return names


async def test_one_bad_command_fails_alone():
    batcher = Batcher(Poisoned(ValueError("no such thing")))
    answers = await asyncio.gather(
        *await submit_all(batcher, ["a", "b", "bad", "c"]), return_exceptions=True
    )
    assert answers[:2] == ["a", "b"]
    assert isinstance(answers[2], ValueError)
    assert answers[3] == "c"
    assert await alone(batcher, "later") == "later"


async def test_beside_a_bad_command_those_that_lost_a_race_keep_their_order():
    handling = Poisoned(ValueError(), races=["a", "b", "c"])
    answers = await asyncio.gather(
        *await submit_all(Batcher(handling), ["a", "b", "bad", "c"]), return_exceptions=True
    )
    assert answers[:2] == ["a", "b"]
    assert answers[3] == "c"
    assert handling.batches[-1] == ["a", "b", "c"]


async def test_a_store_that_does_not_answer_fails_all_who_wait_for_it_and_no_later_ones():
    handling = Poisoned(Unavailable("gone"))
    batcher = Batcher(handling)
    answers = await asyncio.gather(
        *await submit_all(batcher, ["a", "bad", "b"]), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [Unavailable] * 3
    assert handling.batches == [["a", "bad", "b"]]
    assert await alone(batcher, "later") == "later"


async def test_more_commands_than_can_wait_are_turned_away_and_the_others_answered():
    handling = Handling(shut=True)
    batcher = Batcher(handling)
    first = await submit_all(batcher, ["first"])
    await settle()
    waiting = await submit_all(batcher, range(QUEUE_COMMANDS_MAX))
    await settle()
    assert await asyncio.wait_for(batcher.submit(cast("late", "ship")), 10) == OVERLOADED
    handling.open.set()
    answers = await asyncio.gather(*first, *waiting)
    assert answers == ["first", *map(str, range(QUEUE_COMMANDS_MAX))]
    assert await alone(batcher, "again") == "again"


@pytest.mark.parametrize("moment", ["queued", "in flight"])
async def test_a_waiter_that_goes_away_harms_nobody(moment):
    handling = Handling(shut=True)
    batcher = Batcher(handling)
    first = await submit_all(batcher, "ab" if moment == "in flight" else "a")
    await settle()
    others = await submit_all(batcher, "cd" if moment == "in flight" else "bcd")
    await settle()
    tasks = dict(zip("abcd", [*first, *others], strict=True))
    tasks["b"].cancel()
    await settle()
    handling.open.set()
    answers = await asyncio.gather(*tasks.values(), return_exceptions=True)
    assert isinstance(answers[1], asyncio.CancelledError)
    assert [answers[0], *answers[2:]] == list("acd")


async def test_a_command_whose_asker_left_while_it_was_queued_is_not_stored():
    handling = Handling(shut=True)
    batcher = Batcher(handling)
    (first,) = await submit_all(batcher, "a")
    await settle()
    gone, there = await submit_all(batcher, "bc")
    await settle()
    gone.cancel()
    handling.open.set()
    assert [await first, await there] == ["a", "c"]
    assert handling.batches == [["a"], ["c"]]


@pytest.mark.parametrize("error", [ValueError(), Unavailable()])
async def test_a_waiter_that_went_away_does_not_mind_a_failure(error):
    release = asyncio.Event()

    async def failing(_):
        await release.wait()
        raise error

    batcher = Batcher(failing)
    gone, there = await submit_all(batcher, "ab")
    await settle()
    gone.cancel()
    release.set()
    with pytest.raises(type(error)):
        await asyncio.wait_for(there, 10)
    await batcher.close()


async def test_closing_waits_for_all_that_was_submitted():
    handling = Handling(shut=True)
    batcher = Batcher(handling)
    tasks = await submit_all(batcher, "ab")
    await settle()
    tasks += await submit_all(batcher, "cd")
    closing = asyncio.create_task(batcher.close())
    await settle()
    assert not closing.done()
    handling.open.set()
    await closing
    await settle()
    assert [task.result() for task in tasks] == list("abcd")
    await batcher.close()
