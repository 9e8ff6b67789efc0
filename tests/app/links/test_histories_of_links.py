"""Random histories of votes, logins and links that are undone, by processes that die: what counts
is what the votes themselves and the links in the log come to."""

import asyncio
from datetime import datetime
from random import Random

import pytest
from msgspec import Struct

from tests.app.links.browsers import BROWSERS, CHOICES, PERSONS, TOOLS, Clock, Dying, Process
from tests.app.links.test_a_person_has_one_vote import settled
from tests.app.links.test_links_are_undone import links_of
from tests.engine.commands.sending import everything, listed, request
from votes.app.unlinking import undo_all
from votes.domain import link, vote
from votes.domain.link import LinkUndone, UndoLink, VisitorLinked
from votes.domain.terms import user, visitor
from votes.domain.vote_events import VoteCast, VoteRetracted
from votes.engine.bulk import submit_all
from votes.projections import tallies
from votes.projections.tallies import Counts, Tally


class Act(Struct):
    """What somebody did themselves, and whose it is now, by which link."""

    tool: str
    at: datetime
    choice: str | None
    owner: str
    by: int = 0


class Owners:
    """Whose each act is, by the events of votes of their own and of links alone."""

    def __init__(self, events):
        self.acts, self.linked, self.made = [], {}, {}
        for one in events:
            match one.event:
                case VoteCast() | VoteRetracted():
                    choice = getattr(one.event, "choice", None)
                    self.acts.append(Act(one.subject, one.at, choice, vote.voter_of(one.stream)))
                case VisitorLinked(person):
                    who = self.made[one.position] = link.visitor_of(one.stream)
                    self.linked[who] = one.position, person
                    self.move(who)
                case LinkUndone():
                    undone = link.link_of(one.stream)
                    self.part(self.made[undone], undone)
                case _:
                    pass

    def move(self, who):
        for act in self.acts:
            if act.owner == visitor(who):
                act.by, person = self.linked[who]
                act.owner = user(person)

    def part(self, who, undone):
        for act in self.acts:
            if act.by == undone:
                act.owner, act.by = visitor(who), 0
        if self.linked.get(who, (0, None))[0] == undone:
            del self.linked[who]
        if who in self.linked:
            self.move(who)


async def check(log):
    events, expected = await everything(log), {tool: Counts() for tool in TOOLS}
    acts = sorted(Owners(events).acts, key=lambda act: act.at)
    newest = {(act.owner, act.tool): act for act in acts}
    for act in newest.values():
        if act.choice is not None:
            expected[act.tool] += Counts(**{act.choice: 1})
    found: dict[str, Tally | None] = dict.fromkeys(TOOLS)
    for one in events:
        if one.subject in TOOLS:
            found[one.subject] = tallies.evolve(found[one.subject], one)
    assert {tool: tally and tally.counts for tool, tally in found.items()} == expected


async def one_more(log, random, processes, clock):
    """A vote, in a browser or in none; a look, which links; or a link undone."""
    process, browser = random.choice(processes), random.choice(BROWSERS)
    person, kind = random.choice((*PERSONS, None)), random.random()
    process.store.deadly = random.random() < 0.3
    made = await links_of(log, browser)
    if kind < 0.2 and made:
        one = random.choice(made)
        asked = UndoLink(browser, one.event.person, one.position)
        await submit_all(log, [request(asked, at=clock.now())])
        for _ in range(random.randrange(3)):  # before a worker comes
            who, where = random.choice(((person or "ann", None), (None, browser)))
            await vote_of(random, process, who, where)
        workers = [Dying(log, random) for _ in range(2)]
        for worker in workers:
            worker.deadly = True
        await asyncio.gather(
            *(undo_all(worker, clock.now()) for worker in workers), return_exceptions=True
        )
        await undo_all(log, clock.now())
    elif kind < 0.4 and person is not None:
        wish = link.LinkVisitor(browser, person)  # the user asks for it
        await submit_all(log, [request(wish, at=clock.now())])
        await process.links.settle(browser, person) if not process.store.deadly else None
        await settled(process.store, process.read, person, browser)
    else:
        await vote_of(
            random, process, person, random.choice((browser, None)) if person else browser
        )


async def vote_of(random, process, person, browser):
    tool, choice = random.choice(TOOLS), random.choice((*CHOICES, None))
    await settled(process.store, process.act, tool, choice, person, browser)


@pytest.mark.parametrize("seed", range(6))
async def test_each_person_has_the_vote_of_their_newest_act_through_every_undoing(log, seed):
    random, clock = Random(seed), Clock()
    await submit_all(log, [listed(tool) for tool in TOOLS])
    processes = [Process(Dying(log, random), clock) for _ in range(2)]
    for _ in range(60):
        await one_more(log, random, processes, clock)
        for browser in BROWSERS:  # whoever looks next goes on where a process died
            await Process(log, clock).links.voter(browser)
        await check(log)
