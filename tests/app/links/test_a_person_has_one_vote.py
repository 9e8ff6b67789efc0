"""Whatever a person does, in however many browsers and with whoever else: one vote a tool."""

from random import Random

import pytest
from msgspec import Struct, field

from tests.app.links.browsers import BROWSERS, CHOICES, PERSONS, TOOLS, Clock, Dying, Process
from tests.engine.commands.sending import everything, listed
from votes.domain import link
from votes.domain.terms import VisitorId
from votes.engine.bulk import submit_all
from votes.engine.log import TIME_MIN
from votes.engine.ports import Unavailable
from votes.projections import tallies
from votes.projections.tallies import Counts, Tally


class Model(Struct):
    """What each voter did last on each tool, and when. To whom a browser is linked the log says: a
    process looks once a minute whether another one has linked it since."""

    acts: dict = field(default_factory=dict)
    linked: dict = field(default_factory=dict)

    def voter(self, person, browser):
        return person or self.linked.get(browser, browser)

    def act(self, tool, choice, who, at):
        if choice != self.acts.get((who, tool), (None, None))[0]:  # again, it is no other act
            self.acts[who, tool] = choice, at

    async def join(self, log, person, browser):
        last = await log.last_events([link.stream(browser)])
        self.linked[browser] = last[link.stream(browser)].event.person
        for tool in TOOLS:
            there = self.acts.pop((browser, tool), None)
            own = self.acts.get((person, tool), (None, TIME_MIN))
            if there is not None and there[1] >= own[1]:
                self.acts[person, tool] = there

    def choices(self, who):
        return {tool: self.acts.get((who, tool), (None, None))[0] for tool in TOOLS}

    def counts(self):
        found = {tool: Counts() for tool in TOOLS}
        for (_, tool), (choice, _) in self.acts.items():
            if choice is not None:
                found[tool] += Counts(**{choice: 1})
        return found


async def tallies_after(log, position):
    """The tallies at the position, then each other one that a tool has had since, in order."""
    now: dict[str, Tally] = {}
    since: dict[str, list[Counts]] = {tool: [] for tool in TOOLS}
    for recorded in await everything(log):
        if recorded.position == position + 1:
            since = {tool: [tally.counts] for tool, tally in now.items()}
        if (tool := recorded.subject) in TOOLS:
            before, after = now.get(tool), tallies.evolve(now.get(tool), recorded)
            if after is not None:
                now[tool] = after
                if recorded.position > position and before and before.counts != after.counts:
                    since[tool].append(after.counts)
    return {tool: now[tool].counts for tool in TOOLS}, since


async def rounds(log, random, number, deadly):
    """So many random acts of two persons in three browsers, which may forget who they are, through
    two processes."""
    clock, model, browsers = Clock(), Model(), list(BROWSERS)
    await submit_all(log, [listed(tool) for tool in TOOLS])
    stores = [Dying(log, random) for _ in range(2)]
    processes = [Process(store, clock) for store in stores]
    for turn in range(number):
        which = random.randrange(2)
        if random.random() < 0.1:
            browsers[random.randrange(len(browsers))] = VisitorId(f"new in {turn}")
        person, browser = random.choice((*PERSONS, None)), random.choice(browsers)
        position, before = await log.head(), model.counts()
        if deadly and random.random() < 0.2:  # a new process takes over
            processes[which] = Process(stores[which], clock)
        store, process = stores[which], processes[which]
        store.deadly = deadly and random.random() < 0.5
        if random.random() < 0.2:
            await settled(store, process.read, person, browser)
            if person is not None:
                await model.join(log, person, browser)
        else:
            tool, choice = random.choice(TOOLS), random.choice((*CHOICES, None))
            alone = person is not None and random.random() < 0.2
            where = None if alone else browser
            at = await settled(store, process.act, tool, choice, person, where)
            if person is not None and where is not None:
                await model.join(log, person, browser)
            model.act(tool, choice, model.voter(person, where), at)
        if turn % 50 == 0 or number < 100:
            await check(log, model, position, before)
            shown = await processes[1 - which].read(None, browser)
            assert shown == model.choices(model.voter(None, browser))


async def settled(store, act, *args):
    """The act, asked again where it is not known what became of it."""
    while True:
        try:
            return await act(*args)
        except Unavailable:
            store.deadly = False


async def check(log, model, position, before):
    now, since = await tallies_after(log, position)
    assert now == model.counts()
    for tool, seen in since.items():
        steps = {(one.ship, one.skip) for one in seen}
        assert len(steps) <= 3, tool  # before, after the link, and after the act
        people = {who for who, about in model.acts if about == tool}
        most = max(before[tool].total, len(people))
        assert all(one.total <= most for one in seen)


@pytest.mark.parametrize("deadly", [False, True])
@pytest.mark.parametrize("seed", range(3))
async def test_one_vote_counts_through_a_hundred_random_acts(log, seed, deadly):
    await rounds(log, Random(seed), 90, deadly)


async def test_one_vote_counts_after_a_thousand_logins(log):
    await rounds(log, Random(1), 1_000, deadly=True)
