"""A toy product: who claims a name is one stream, the name itself another; both move or neither."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from msgspec import Struct

from tests.domain.histories import START
from tests.engine.commands.sending import everything
from votes.engine.batcher import Batcher
from votes.engine.decider import Decider, ForStream, Rejected
from votes.engine.handle import Outcome, Request, handle
from votes.engine.heads import Heads
from votes.engine.log import Stream
from votes.engine.ports import Meta
from votes.store.codec import Codec


class NameClaimed(Struct, frozen=True):
    who: str
    name: str


class NameTaken(Struct, frozen=True):
    name: str


class Claim(Struct, frozen=True):
    who: str
    name: str


class Holder(Struct, frozen=True):
    name: str | None = None
    taken: bool = False


def evolve(state: Holder, event: Any) -> Holder:
    match event:
        case NameClaimed(name=name):
            return Holder(name, state.taken)
        case NameTaken():
            return Holder(state.name, taken=True)
        case _:
            return state


def decide(command: Claim, state: Holder) -> list[Any] | Rejected:
    if state.name == command.name:
        return []
    if state.taken:
        return Rejected("taken", "Somebody has this name.")
    taken = ForStream(Stream(f"name:{command.name}"), NameTaken(command.name))
    return [NameClaimed(command.who, command.name), taken]


claims: Decider[Claim, Holder] = Decider(
    initial=Holder(),
    streams=lambda command: (Stream(f"who:{command.who}"), Stream(f"name:{command.name}")),
    subject=lambda command: command.name,
    evolve=evolve,
    decide=decide,
)
CODEC = Codec((NameClaimed, NameTaken))


def claim(who, name, command_id=None):
    return Request(claims, Claim(who, name), Meta(who), START, command_id)


@pytest.fixture
def log(processes):
    return processes.store(CODEC)


async def handled(log, *requests):
    heads = Heads()
    batcher = Batcher(lambda batch: handle(log, batch, heads))
    return await asyncio.gather(*(batcher.submit(request) for request in requests))


def told(answers):
    return [answer.changed if isinstance(answer, Outcome) else answer.code for answer in answers]


async def test_the_events_stand_together_in_the_order_decided(log):
    (answer,) = await handled(log, claim("ann", "red"))
    assert answer == Outcome(Holder(), Holder("red", taken=True), changed=True, position=2)
    assert [(r.stream, r.version, r.event, r.subject) for r in await everything(log)] == [
        ("who:ann", 1, NameClaimed("ann", "red"), "red"),
        ("name:red", 1, NameTaken("red"), "red"),
    ]


async def test_what_changes_nothing_stands_at_the_last_event_of_its_own_stream(log):
    changed, same = await handled(log, claim("ann", "red"), claim("ann", "red"))
    assert (changed.position, same.position) == (2, 1)
    assert await handled(log, claim("ann", "red")) == [same]


async def test_of_two_in_one_batch_the_first_has_the_name(log):
    asked = claim("ann", "red"), claim("bob", "red"), claim("ann", "blue"), claim("cyd", "green")
    assert told(await handled(log, *asked)) == [True, "taken", True, True]
    assert await log.head() == 6


async def test_of_two_processes_one_has_the_name(processes):
    stores = [processes.store(CODEC), processes.store(CODEC)]
    names = [f"name-{number}" for number in range(40)]
    one, other = await asyncio.gather(
        handled(stores[0], *(claim(f"one {name}", name) for name in names)),
        handled(stores[1], *(claim(f"other {name}", name) for name in reversed(names))),
    )
    won = zip(told(one), reversed(told(other)), strict=True)
    assert {frozenset(pair) for pair in won} == {frozenset((True, "taken"))}
    assert await stores[0].head() == 2 * len(names)


async def test_a_repeated_command_gets_the_same_answer(log):
    wanted = claim("ann", "red", uuid4())
    (first,) = await handled(log, wanted)
    (again,) = await handled(log, wanted)
    assert (again.position, again.after, again.repeated) == (first.position, first.after, True)


async def test_an_event_for_a_stream_that_was_not_read_is_a_mistake_in_the_program(log):
    astray = Decider(
        initial=Holder(),
        streams=lambda command: (Stream(f"who:{command.who}"),),
        subject=lambda command: command.name,
        evolve=evolve,
        decide=decide,
    )
    with pytest.raises(ValueError, match="name:red"):
        await handle(log, [Request(astray, Claim("ann", "red"), Meta("x"), START)])
    assert await log.head() == 0
