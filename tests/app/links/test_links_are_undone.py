"""A moderator undoes a link: what it took is given back, whenever and however often its worker
dies, and whatever is done meanwhile."""

import asyncio
from random import Random

import pytest

from tests.app.links.browsers import TOOLS, Dying, of_tool, start
from tests.domain.names import ANN, ATLAS, BOB
from tests.engine.commands.sending import everything, request
from votes.app import unlinking
from votes.app.moderation.rulings import carry_out_all
from votes.app.unlinking import find, name_of, tell, undo_all
from votes.domain import link, vote
from votes.domain.link import UndoLink, VisitorLinked
from votes.domain.moderation.ruling import LiftRuling, MakeRuling, Selector
from votes.domain.terms import LinkId, ToolId, VisitorId, user, visitor
from votes.domain.vote_events import VOTE_EVENTS
from votes.engine.bulk import submit_all
from votes.engine.ports import Unavailable
from votes.engine.read_models import ReadModels
from votes.projections import PROJECTIONS, tallies
from votes.projections.rulings import RULINGS
from votes.projections.tallies import Counts


async def links_of(log, browser):
    """The events that linked the browser, oldest first."""
    stream = link.stream(browser)
    events = [one for one in await everything(log) if one.stream == stream]
    return [one for one in events if isinstance(one.event, VisitorLinked)]


async def undo(log, process, browser, number=-1):
    """A moderator undoes the link of that number, and a worker has yet to carry it out."""
    made = (await links_of(log, browser))[number]
    asked = UndoLink(browser, made.event.person, made.position)
    await submit_all(log, [request(asked, at=process.clock.now())])


async def standing(log):
    """Every vote there is, by its stream: the choice, what stands against it, its rulings, when it
    was cast."""
    last = {one.stream: one for one in await everything(log) if type(one.event) in VOTE_EVENTS}
    found = {}
    for stream, one in last.items():
        now = vote.evolve(vote.Vote(), one.event)
        if now.choice is not None:
            found[stream] = now.as_before, one.at
    return found


async def linked(log):
    """A visitor with votes on all tools, and a user with an older one, a later one, and none."""
    process = await start(log)
    await process.act("atlas", "ship", "ann", None)
    for tool in TOOLS:
        await process.act(tool, "skip", None, "desk")
    await process.act("bolt", "ship", "ann", None)
    before = await standing(log)
    await process.links.join("desk", "ann")
    return process, before


async def test_votes_are_what_they_were_before_the_link(log):
    process, before = await linked(log)
    assert await of_tool(log) == Counts(skip=1)
    await undo(log, process, "desk")
    await undo_all(log, process.clock.now())
    assert await standing(log) == before
    assert [await of_tool(log, tool) for tool in TOOLS] == [
        Counts(ship=1, skip=1),
        Counts(ship=1, skip=1),
        Counts(skip=1),
    ]
    head = await log.head()
    await undo(log, process, "desk")
    await undo_all(log, process.clock.now())
    assert await log.head() == head


@pytest.mark.parametrize("anew", [False, True])
async def test_tallies_change_in_no_hour_but_that_of_the_visitors_votes(log, anew):
    process, _ = await linked(log)
    times = {one.stream: one.at for one in await everything(log)}
    await undo(log, process, "desk")
    if anew:
        await process.act("atlas", "skip", None, "desk")
    first = await log.head()
    await undo_all(log, process.clock.now())
    for one in await everything(log):
        change = tallies.moved(one.event)
        if one.position > first and change != Counts():
            assert one.at == times[vote.stream(visitor("desk"), ToolId(one.subject))]


async def test_what_was_done_later_stands(log):
    process, _ = await linked(log)
    await process.act("chart", "ship", "ann", None)
    await undo(log, process, "desk")
    await process.act("atlas", "ship", None, "desk")  # before the worker comes
    await undo_all(log, process.clock.now())
    await process.act("bolt", None, None, "desk")
    assert await of_tool(log) == Counts(ship=2)
    assert await of_tool(log, "bolt") == Counts(ship=1)
    assert await of_tool(log, "chart") == Counts(ship=1, skip=1)
    assert await process.links.voter("desk") == visitor("desk")


async def test_what_another_browser_brought_is_the_users_vote_again(log):
    """Of an earlier act than that of the link that is undone, moved before it or after."""
    process = await start(log)
    for browser, choice in (("phone", "ship"), ("shared", "ship"), ("desk", "skip")):
        await process.act("atlas", choice, None, browser)
    for browser in ("phone", "desk", "shared"):
        await process.links.join(browser, "ann")
    assert await of_tool(log) == Counts(skip=1)
    await undo(log, process, "desk")
    await undo_all(log, process.clock.now())
    assert await of_tool(log) == Counts(ship=1, skip=1)
    await undo(log, process, "shared")
    await undo_all(log, process.clock.now())
    assert await of_tool(log) == Counts(ship=2, skip=1)
    await undo(log, process, "phone")
    await undo_all(log, process.clock.now())
    assert await of_tool(log) == Counts(ship=2, skip=1)
    assert await process.read("ann", "sofa") == dict.fromkeys(TOOLS)


async def test_it_is_not_made_again_by_itself_but_when_it_is_asked_for(log):
    process, before = await linked(log)
    await undo(log, process, "desk")
    await undo_all(log, process.clock.now())
    process.links.clear()
    await process.links.join("desk", "ann")
    assert await standing(log) == before
    linking = link.LinkVisitor(VisitorId("desk"), ANN)
    await submit_all(log, [request(linking, at=process.clock.now())])
    await process.links.settle("desk", "ann")
    assert [await of_tool(log, tool) for tool in TOOLS] == [
        Counts(skip=1),
        Counts(ship=1),
        Counts(skip=1),
    ]
    await process.links.join("desk", "bob")
    assert await process.links.voter("desk") == user(BOB)


async def test_undone_and_linked_to_another_before_it_is_carried_out(log):
    process, _ = await linked(log)
    await undo(log, process, "desk")
    await process.links.join("desk", "bob")
    await undo_all(log, process.clock.now())
    assert (await process.read("bob", "phone")) == dict.fromkeys(TOOLS, "skip")
    assert (await process.read("ann", "sofa")) == {"atlas": "ship", "bolt": "ship", "chart": None}
    await undo(log, process, "desk", 0)  # once more, though it is the last no more
    await undo_all(log, process.clock.now())
    assert (await process.read("bob", "phone"))["atlas"] == "skip"


async def test_an_earlier_link_is_undone_and_the_last_one_stands(log):
    process, _ = await linked(log)
    await process.links.join("desk", "bob")
    await process.act("atlas", "ship", None, "desk")
    await undo(log, process, "desk", 0)
    await undo_all(log, process.clock.now())
    assert await process.links.voter("desk") == user(BOB)
    assert await process.read("bob", "phone") == {"atlas": "ship", "bolt": "skip", "chart": "skip"}


async def test_while_the_link_is_still_being_carried_out(log):
    """A process that moves votes is faster than the moderator on some tools, and slower on others;
    on each the vote is the visitor's in the end."""
    one, other = await start(log, 2)
    for number in range(30):
        browser = VisitorId(f"browser-{number}")
        for tool in TOOLS:
            await one.act(tool, "ship", None, browser)
        await submit_all(log, [request(link.LinkVisitor(browser, ANN), at=one.clock.now())])
        await asyncio.gather(
            other.links.settle(browser, "ann"),
            undo(log, one, browser),
            undo_all(log, one.clock.now()),
            undo_all(log, one.clock.now()),
        )
        await undo_all(log, one.clock.now())
        for tool in TOOLS:
            assert await of_tool(log, tool) == Counts(ship=number + 1)


@pytest.mark.parametrize("seed", range(5))
async def test_a_worker_may_die_anywhere_and_two_may_work_at_once(log, seed):
    process, before = await linked(log)
    await process.act("chart", "ship", None, "phone")
    await process.links.join("phone", "ann")
    await undo(log, process, "phone")
    await undo(log, process, "desk")
    random = Random(seed)
    dying = [Dying(log, random) for _ in range(2)]
    for _ in range(20):
        for one in dying:
            one.deadly = True
        done = await asyncio.gather(
            *(undo_all(one, process.clock.now()) for one in dying), return_exceptions=True
        )
        assert all(one is None or isinstance(one, Unavailable) for one in done), done
    await undo_all(log, process.clock.now())
    phone = vote.stream(visitor("phone"), ToolId("chart"))
    assert {s: v for s, v in (await standing(log)).items() if s != phone} == before
    assert await log.unfinished(link.PREFIX, 9) == []


async def ruled(log, process, name, selector=None):
    made = MakeRuling(name, ATLAS, selector or Selector(), "discount", "A burst.")
    await submit_all(log, [request(made, at=process.clock.now())])


async def lift(log, process, name):
    await submit_all(log, [request(LiftRuling(name, ATLAS), at=process.clock.now())])


@pytest.mark.parametrize("lifted", ["linked", "undone", "between", "carried out", None])
@pytest.mark.parametrize("whose", ["both", "visitor", "user"])
async def test_a_ruling_from_before_the_link_holds_for_whose_vote_it_was_on(log, whose, lifted):
    process = await start(log)
    await process.act("atlas", "ship", "ann", None)
    middle = process.clock.now()
    await process.act("atlas", "skip", None, "desk")
    of = {"both": Selector(), "user": Selector(None, middle), "visitor": Selector(middle)}
    plain = await standing(log)
    await ruled(log, process, "first", of[whose])
    await carry_out_all(log, process.clock.now())
    under, counted = await standing(log), await of_tool(log)

    async def lift_at(when):
        if when == lifted:
            await lift(log, process, "first")
            if when != "between":
                await carry_out_all(log, process.clock.now())

    await process.links.join("desk", "ann")
    await lift_at("linked")
    await undo(log, process, "desk")
    await lift_at("undone")
    await lift_at("between")
    await undo_all(log, process.clock.now())
    await carry_out_all(log, process.clock.now())
    await lift_at("carried out")
    assert await standing(log) == (under if lifted is None else plain)
    assert await of_tool(log) == (counted if lifted is None else Counts(ship=1, skip=1))
    models = ReadModels(PROJECTIONS, "here")
    models.fold(await everything(log))
    ruling = models.get(RULINGS, "first")
    assert ruling is not None
    assert ruling.votes == (counted.ruling if lifted is None else 0)


@pytest.mark.parametrize("late", [False, True])
async def test_a_ruling_on_a_vote_that_was_moved_goes_back_with_it(log, late):
    """Also one that is carried out when the link is undone already."""
    process = await start(log)
    await process.act("atlas", "skip", None, "desk")
    await process.links.join("desk", "ann")
    await ruled(log, process, "first")
    if not late:
        await carry_out_all(log, process.clock.now())
    await undo(log, process, "desk")
    await undo_all(log, process.clock.now())
    await carry_out_all(log, process.clock.now())
    assert await of_tool(log) == Counts(ruling=1)
    assert await process.read(None, "desk") == {"atlas": "skip", "bolt": None, "chart": None}
    await lift(log, process, "first")
    await carry_out_all(log, process.clock.now())
    assert await of_tool(log) == Counts(skip=1)


async def test_a_link_is_found_by_its_name_alone(log):
    await linked(log)
    (made,) = await links_of(log, "desk")
    name = name_of(made)
    assert await find(log, name) == made
    assert not any(word in name for word in ("desk", "ann"))
    for other in ("", "0", f"{made.position}", f"{made.position}-", f"{made.position}-{0:012}"):
        assert await find(log, LinkId(other)) is None
    for position in range(made.position + 3):
        if position != made.position:
            assert await find(log, LinkId(f"{position}-{name.partition('-')[2]}")) is None
    for odd in ("9" * 400 + "-0", "٣-000000000000", "-1-000000000000", "\0"):
        assert await find(log, LinkId(odd)) is None


async def test_what_is_told_of_a_link(log):
    process, _ = await linked(log)
    (made,) = await links_of(log, "desk")
    told = await tell(log, made)
    assert (told.votes, told.undone_at, told.carried_out) == (3, None, False)
    await undo(log, process, "desk")
    at = (await everything(log))[-1].at
    told = await tell(log, made)
    assert (told.votes, told.undone_at, told.carried_out) == (3, at, False)
    await undo_all(log, process.clock.now())
    told = await tell(log, made)
    assert (told.votes, told.made_at, told.carried_out) == (0, made.at, True)


async def test_a_visitor_with_many_votes(log, monkeypatch):
    monkeypatch.setattr(unlinking, "VOTES_AT_ONCE_MAX", 2)
    monkeypatch.setattr(unlinking, "STREAMS_READ_MAX", 1)
    process, before = await linked(log)
    await undo(log, process, "desk")
    await undo_all(log, process.clock.now())
    assert await standing(log) == before
