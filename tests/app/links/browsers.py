"""API processes on one log, as far as they vote and link visitors, for tests."""

from datetime import timedelta

from msgspec.structs import replace

from tests.domain.histories import START
from tests.engine.commands.sending import everything, listed, request
from votes.app.linking import Links
from votes.app.states import states
from votes.domain.terms import ToolId, VisitorId, user
from votes.domain.vote import CastVote, RetractVote
from votes.engine.batcher import Batcher
from votes.engine.bulk import submit_all
from votes.engine.decider import Rejected
from votes.engine.handle import handle
from votes.engine.heads import Heads
from votes.engine.ports import Unavailable
from votes.projections import tallies

TOOLS = ("atlas", "bolt", "chart")
PERSONS = ("ann", "bob")
BROWSERS = tuple(map(VisitorId, ("desk", "phone", "shared")))
CHOICES = ("ship", "skip")


class Clock:
    """One minute passes with each look."""

    def __init__(self):
        self.minutes = 0

    def now(self):
        self.minutes += 1
        return START + timedelta(minutes=self.minutes)


class Dying:
    """A process whose next writes may not arrive, or may arrive with nobody told."""

    def __init__(self, store, random):
        self._store, self._random = store, random
        self.deadly = False

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def append(self, batch):
        fate = self._random.random() if self.deadly else 1
        if fate < 0.3:
            raise Unavailable("died before it was stored")
        positions = await self._store.append(batch)
        if fate < 0.6:
            raise Unavailable("died after it was stored")
        return positions


class Process:
    """An API process: what it does with votes and logins."""

    def __init__(self, store, clock):
        self.store, self.clock = store, clock
        heads = Heads(10)

        async def handled(requests):
            return await handle(store, requests, heads)

        self.submit = Batcher(handled).submit
        self.links = Links(store, self.submit, clock.now)

    async def act(self, tool, choice, person, browser):
        """As a person in a browser, or in no browser that was ever used without a login."""
        at = self.clock.now()

        async def send(voter, by, unless=()):
            command: CastVote | RetractVote = RetractVote(tool, voter, by)
            if choice is not None:
                command = CastVote(tool, voter, choice, None, by)
            return await self.submit(replace(request(command, at=at), unless=unless))

        if person is None:
            result = await self.links.vote(browser, send)
        else:
            if browser is not None:
                await self.links.join(browser, person)
            result = await send(user(person), None)
        assert not isinstance(result, Rejected), result
        return at

    async def read(self, person, browser):
        """The choices that a page shows."""
        if person is not None:
            await self.links.join(browser, person)
            voter = user(person)
        else:
            voter = await self.links.voter(browser)
        found = await states(
            self.store, voter, None, {ToolId(tool): ToolId(tool) for tool in TOOLS}
        )
        assert found is not None
        return {tool: state.vote for tool, state in found.items()}


async def start(log, number=1):
    """So many processes on a log with the tools."""
    await submit_all(log, [listed(tool) for tool in TOOLS])
    clock = Clock()
    found = [Process(log, clock) for _ in range(number)]
    return found[0] if number == 1 else found


async def of_tool(log, tool="atlas"):
    """The votes on the tool, counted from the log."""
    found = None
    for recorded in await everything(log):
        if recorded.subject == tool:
            found = tallies.evolve(found, recorded)
    assert found is not None
    return found.counts
