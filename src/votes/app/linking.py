"""Links of visitors to users: made at once, and the visitor's votes moved one by one.

A link is made first: then no vote is stored as the visitor's own, so their votes are all known.
Each is moved by a command of its own, which can be repeated. So whoever dies half-way leaves votes
that are moved and votes that are not, and the next request of the visitor goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from cachetools import TTLCache
from msgspec import Struct

from votes.domain import link, moved_vote
from votes.domain import person as persons
from votes.domain import vote as votes
from votes.domain.link import Link, LinkCommand, LinkVisitor, UnlinkVisitor, VisitorLinked
from votes.domain.moved_vote import MoveVote
from votes.domain.terms import PersonId, ToolId, VisitorId, VoterId, user, visitor
from votes.domain.vote import Vote
from votes.domain.vote_events import VoteWithdrawn
from votes.engine.batcher import ATTEMPTS_MAX, CONTENDED
from votes.engine.decider import Rejected
from votes.engine.handle import ENDED, Request, Result
from votes.engine.log import POSITION_MAX, Position, Recorded, Stream, Unreadable
from votes.engine.ports import EventStore, Meta, Unavailable

VOTES_MAX = 1_000
"""A visitor with more votes is not linked."""
VISITORS_MAX = 1_000
"""So many times visitors are linked to one user, and no more."""
REMEMBERED_MAX = 20_000
REMEMBERED_S = 60.0
"""About 5 MB. A visitor who was linked to another user meanwhile is looked at again after that."""
ACTOR = Meta(actor="link")

TOO_MANY = Rejected(
    "link_refused",
    f"At most {VISITORS_MAX} visitors can be linked to a user, each with {VOTES_MAX} votes.",
)

Send = Callable[[VoterId, VisitorId | None, tuple[Stream, ...]], Awaitable[Result]]
"""Sends a vote for a voter. Where that is not the visitor from whom it comes: with the visitor, and
with the stream that has an event when the voter is erased."""


class Linked(Struct, frozen=True):
    """A link: how many of the visitor's votes became the user's, and the position of its last
    event."""

    votes: int
    position: Position


def _brought(event: object, person: PersonId) -> bool:
    """Whether a visitor's vote became the person's, by its last event."""
    if not isinstance(event, VoteWithdrawn) or event.to != person:
        return False
    return event.before.choice is not None


class Links:
    """The links of visitors to persons. Methods raise `Unavailable`."""

    def __init__(
        self,
        store: EventStore,
        submit: Callable[[Request], Awaitable[Result]],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._submit = submit
        self._now = now
        self._remembered: TTLCache[VisitorId, PersonId] = TTLCache(REMEMBERED_MAX, REMEMBERED_S)

    def clear(self) -> None:
        """Forget all links, for example when the log may have been restored."""
        self._remembered.clear()

    async def vote(self, who: VisitorId, send: Send) -> Result:
        """Send the visitor's vote for the voter whose it is, and return what came of it. What is
        remembered may be old: the rules refuse a vote for anybody else, and then it is sent again.
        """
        own, known = visitor(who), self._remembered
        person = known.get(who) if who in known else None  # `get` alone takes thrice as long
        voter = own if person is None else user(person)
        for _ in range(ATTEMPTS_MAX):
            unless = () if person is None else (persons.stream(person),)
            result = await send(voter, None if person is None else who, unless)
            if result not in (votes.LINKED, ENDED):
                return result
            person = await self.person(who)
            voter = own if person is None else user(person)
        return CONTENDED

    async def voter(self, who: VisitorId) -> VoterId:
        """Whose votes the visitor's are now, in the log itself."""
        person = await self.person(who)
        return visitor(who) if person is None else user(person)

    async def person(self, who: VisitorId) -> PersonId | None:
        """The person to whom the visitor is linked, with all votes moved. A link to a person who
        was erased is taken back."""
        person = await self._person(who)
        if person is None:
            return None
        if await self._store.last_events([persons.stream(person)]):
            await self._decide(UnlinkVisitor(who, person))
            self._remembered.pop(who, None)
            return None
        await self.settle(who, person)
        return person

    async def join(self, who: VisitorId, person: PersonId) -> None:
        """Link the visitor to the person, unless that was done a moment ago, or is refused, or the
        person is erased. A link that a moderator undid is not made again by itself."""
        if self._remembered.get(who) == person or await self.refusal(who, person) is not None:
            return
        await self._decide(LinkVisitor(who, person, by_itself=True), persons.stream(person))
        if await self._person(who) == person:
            await self.settle(who, person)

    async def refusal(self, who: VisitorId, person: PersonId) -> Rejected | None:
        """Why the visitor cannot be linked to the person; None for one that can be, or is.

        Counted without a lock: those who link at the same moment may be a few more.
        """
        if await self._person(who) == person:
            return None
        what = person, [VisitorLinked], POSITION_MAX, VISITORS_MAX
        if len(await self._store.last_about(*what)) >= VISITORS_MAX:
            return TOO_MANY
        prefix = votes.prefix(visitor(who))
        there = await self._store.last_of_prefix(prefix, VOTES_MAX + 1)
        return TOO_MANY if len(there) > VOTES_MAX else None

    async def _person(self, who: VisitorId) -> PersonId | None:
        last = (await self._store.last_events([link.stream(who)])).get(link.stream(who))
        if last is None or isinstance(last.event, Unreadable):
            return None
        return link.evolve(Link(), last.event).person

    async def settle(self, who: VisitorId, person: PersonId) -> Linked:
        """Move the votes of a linked visitor that are not moved yet."""
        there = await self._votes(who)
        left = [last for last, vote in there if not vote.withdrawn]
        unless = persons.stream(person)
        tools = [ToolId(last.subject) for last in left]
        moving = (self._decide(MoveVote(who, person, tool), unless) for tool in tools)
        await asyncio.gather(*moving)
        if left:
            there = await self._votes(who)
        self._remembered[who] = person
        links = await self._store.last_events([link.stream(who)])
        positions = [last.position for last in [*links.values(), *(last for last, _ in there)]]
        moved = sum(_brought(last.event, person) for last, _ in there)
        return Linked(moved, max(positions, default=0))

    async def _votes(self, who: VisitorId) -> list[tuple[Recorded, Vote]]:
        """The last event of each of the visitor's votes, and the vote after it."""
        lasts = await self._store.last_of_prefix(votes.prefix(visitor(who)), 2 * VOTES_MAX)
        return [
            (last, votes.evolve(Vote(), last.event))
            for last in lasts
            if not isinstance(last.event, Unreadable)
        ]

    async def _decide(self, command: LinkCommand | MoveVote, *unless: Stream) -> bool:
        """False where a stream `unless` has ended."""
        decider = moved_vote.decider if isinstance(command, MoveVote) else link.decider
        asked = Request(decider, command, ACTOR, self._now(), unless=unless)
        result = await self._submit(asked)
        if isinstance(result, Rejected) and result != ENDED:
            raise Unavailable(f"a link: {result.detail}")
        return result != ENDED
