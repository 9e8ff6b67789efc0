"""Links of visitors to users: at once, again, undone, and beside rulings."""

import asyncio

import pytest

from tests.app.links.browsers import BROWSERS, TOOLS, of_tool, start
from tests.domain.names import ANN, ATLAS, BOB, FIRST
from tests.engine.commands.sending import append_to, everything, request
from votes.app import linking
from votes.app.linking import TOO_MANY
from votes.app.mine import my_votes
from votes.app.moderation.rulings import carry_out_all, preview
from votes.domain import vote
from votes.domain.moderation.finding import ClusterFound, Evidence, cluster_stream, packed
from votes.domain.moderation.ruling import LiftRuling, MakeRuling, RulingMade, Selector
from votes.domain.person import EraseSubject
from votes.domain.terms import ClusterId, user, visitor
from votes.domain.vote_events import VoteCast
from votes.engine.bulk import submit_all
from votes.projections.tallies import Counts

SUSPECTS = ClusterId("suspects")


async def test_votes_that_arrive_while_a_link_is_made_are_the_persons(log):
    one, other = await start(log, 2)
    for number in range(40):
        browser, person = f"browser-{number}", f"person-{number}"
        await one.act("atlas", "ship", None, browser)
        acts = [
            other.act("atlas", "skip", None, browser),
            one.links.join(browser, person),
            other.act("bolt", "skip", None, browser),
            other.links.join(browser, person),
            one.act("chart", "ship", None, browser),
            other.act("chart", "skip", person, None),
        ]
        await asyncio.gather(*acts)
        await one.links.settle(browser, person)
        for tool in TOOLS:
            assert (await of_tool(log, tool)).total == number + 1


async def test_who_logged_in_last_is_who_votes_there_next(log):
    process = await start(log)
    await process.act("atlas", "ship", None, "shared")
    await process.act("bolt", "ship", "ann", "shared")
    await process.act("bolt", "ship", "bob", "shared")
    await process.act("atlas", "skip", None, "shared")
    assert (await process.read("ann", "desk"))["atlas"] == "ship"
    assert (await process.read("bob", "phone"))["atlas"] == "skip"
    assert await of_tool(log) == Counts(ship=1, skip=1)


async def test_another_process_looks_again_after_a_while(log, monkeypatch):
    one, other = await start(log, 2)
    await one.act("atlas", "ship", "ann", "shared")
    await other.act("atlas", "ship", "bob", "shared")
    await one.act("atlas", "ship", "ann", "shared")
    assert await one.links.voter("shared") == user(BOB)
    one.links.clear()
    await one.act("atlas", "ship", "ann", "shared")
    assert await other.links.voter("shared") == user(ANN)


async def test_a_link_says_what_became_the_users_each_time_it_is_asked_for(log):
    process = await start(log)
    await process.act("bolt", "ship", "ann", None)
    for tool in TOOLS:
        await process.act(tool, "skip", None, "desk")
    await process.act("chart", "ship", "ann", None)
    await process.links.join("desk", "ann")
    made = await process.links.settle("desk", "ann")
    assert (made.votes, made.position) == (2, await log.head())
    assert await process.links.settle("desk", "ann") == made
    assert await log.head() == made.position


async def test_a_vote_that_is_moved_keeps_its_time(log):
    process = await start(log)
    at = await process.act("atlas", "ship", None, "desk")
    await process.links.join("desk", "ann")
    moved, withdrawn = (await everything(log))[-2:]
    assert (moved.at, withdrawn.at) == (at, at)
    assert moved.stream == vote.stream(user(ANN), ATLAS)


@pytest.mark.parametrize("known", [True, False])
async def test_a_link_to_a_person_who_was_erased_is_none(log, known):
    process = await start(log)
    await process.act("atlas", "ship", None, "desk")
    await process.links.join("desk", "ann")
    await submit_all(log, [request(EraseSubject(ANN), at=process.clock.now())])
    if known:  # what the process remembers does not matter
        await process.act("bolt", "ship", None, "desk")
        await process.act("bolt", None, None, "desk")
    assert await process.read(None, "desk") == dict.fromkeys(TOOLS)
    await process.act("atlas", "skip", None, "desk")
    assert await process.read(None, "desk") == {"atlas": "skip", "bolt": None, "chart": None}
    assert await of_tool(log) == Counts(ship=1, skip=1)
    await process.links.join("desk", "bob")
    assert (await process.read("bob", "phone"))["atlas"] == "skip"
    assert await of_tool(log) == Counts(ship=1, skip=1)


async def test_a_visitor_with_very_many_votes_is_not_linked(log, monkeypatch):
    monkeypatch.setattr(linking, "VOTES_MAX", 2)
    process = await start(log)
    for tool in TOOLS:
        await process.act(tool, "ship", None, "desk")
    assert await process.links.refusal("desk", "ann") == TOO_MANY
    await process.act("atlas", "skip", "ann", "desk")
    assert await of_tool(log) == Counts(ship=1, skip=1)


async def test_a_user_is_linked_to_so_many_visitors_and_no_more(log, monkeypatch):
    monkeypatch.setattr(linking, "VISITORS_MAX", 2)
    process = await start(log)
    for browser in BROWSERS:
        await process.act("atlas", "ship", None, browser)
        await process.links.join(browser, "ann")
    assert await of_tool(log) == Counts(ship=2)
    assert await process.links.refusal("shared", "ann") == TOO_MANY
    assert await process.links.refusal("desk", "ann") is None
    assert await process.links.refusal("shared", "bob") is None


async def test_a_ruling_finds_a_vote_that_became_a_users_before_it_was_carried_out(log):
    process = await start(log)
    await process.act("atlas", "ship", None, "desk")
    made = MakeRuling(FIRST, ATLAS, Selector(), "discount", "A burst.")
    await submit_all(log, [request(made, at=process.clock.now())])
    await process.links.join("desk", "ann")
    await process.act("atlas", "skip", "ann", None)
    assert await of_tool(log) == Counts(skip=1)
    await carry_out_all(log, process.clock.now())
    assert await of_tool(log) == Counts(ruling=1)
    await submit_all(log, [request(LiftRuling(FIRST, ATLAS), at=process.clock.now())])
    await carry_out_all(log, process.clock.now())
    assert await of_tool(log) == Counts(skip=1)


async def test_a_ruling_on_what_a_user_did_later_is_not_for_what_a_visitor_did(log):
    """The visitor's vote is no more when the ruling is made: it stands for nothing."""
    process = await start(log)
    await process.act("atlas", "ship", None, "desk")
    await process.links.join("desk", "ann")
    until = process.clock.now()
    await process.act("atlas", "skip", "ann", None)
    made = MakeRuling(FIRST, ATLAS, Selector(None, until), "discount", "A burst.")
    await submit_all(log, [request(made, at=process.clock.now())])
    said = await preview(log, ATLAS, made_event(made), await log.head())
    await carry_out_all(log, process.clock.now())
    assert (said.votes, await of_tool(log)) == (0, Counts(skip=1))


def made_event(made):
    return RulingMade(made.selector, made.verdict, made.reason)


@pytest.mark.parametrize("linked", ["before", "after"])
async def test_a_ruling_on_a_cluster_finds_a_vote_that_became_a_users(log, linked):
    process = await start(log)
    for browser in ("desk", "phone"):
        await process.act("atlas", "ship", None, browser)
    cast = [one for one in await everything(log) if isinstance(one.event, VoteCast)]
    if linked == "before":
        await process.links.join("desk", "ann")
    found = cluster_of(cast[:1], process.clock.now())
    await log.append([append_to(cluster_stream(SUSPECTS), 0, found)])
    made = MakeRuling(FIRST, ATLAS, Selector(cluster=SUSPECTS), "discount", "One hand.")
    await submit_all(log, [request(made, at=process.clock.now())])
    if linked == "after":
        await process.links.join("desk", "ann")
    await carry_out_all(log, process.clock.now())
    assert await of_tool(log) == Counts(ship=1, ruling=1)
    await process.act("atlas", "skip", "ann", None)
    assert await of_tool(log) == Counts(ship=1, ruled=1)


def cluster_of(cast, at):
    """The cluster of these votes."""
    evidence = Evidence(len(cast), len(cast), at, at, 9.0, 9.0, (), ())
    return ClusterFound(evidence, packed([one.position for one in cast]))


async def test_a_lifted_ruling_restores_a_vote_that_was_linked_before_it_was_lifted(log):
    process = await start(log)
    await process.act("atlas", "ship", None, "desk")
    made = MakeRuling(FIRST, ATLAS, Selector(), "discount", "A burst.")
    await submit_all(log, [request(made, at=process.clock.now())])
    await carry_out_all(log, process.clock.now())
    await process.links.join("desk", "ann")
    assert await of_tool(log) == Counts(ruling=1)
    await submit_all(log, [request(LiftRuling(FIRST, ATLAS), at=process.clock.now())])
    await carry_out_all(log, process.clock.now())
    assert await of_tool(log) == Counts(ship=1)


async def test_my_votes_are_those_of_the_user_newest_first_and_none_taken_back(log):
    process = await start(log)
    await process.act("atlas", "ship", "ann", None)
    await process.act("bolt", "ship", None, "desk")
    await process.act("chart", "ship", None, "desk")
    await process.act("chart", None, None, "desk")
    await process.links.join("desk", "ann")
    page = await my_votes(log, None, user(ANN), None, 1)
    assert ([one.tool for one in page.items], page.total) == (["bolt"], 2)
    rest = await my_votes(log, None, user(ANN), page.next_cursor, 1)
    assert ([one.tool for one in rest.items], rest.next_cursor) == (["atlas"], None)
    assert (await my_votes(log, None, visitor("desk"), None, 9)).items == []
