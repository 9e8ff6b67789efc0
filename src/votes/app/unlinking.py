"""Links that a moderator undoes: what a link took from a visitor is given back, vote by vote.

A link is named by its place in the log and a part of a hash of its stream: so one has to have been
told the name, and it says nothing of the visitor or the user. An undone link is the consumer of its
own stream, as a ruling is: carrying it out may be broken off anywhere, and goes on there.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import structlog

from votes.app.moderation.queue import LinkTold
from votes.app.my_responses import LinkTo
from votes.domain import link as links
from votes.domain import moved_vote, returned_vote
from votes.domain import vote as votes
from votes.domain.link import Link, LinkUndone, VisitorLinked, link_of
from votes.domain.moderation import ruled_vote
from votes.domain.moderation.ruled_vote import CarryOut
from votes.domain.moved_vote import MoveVote, OfferVote
from votes.domain.person import stream as person_stream
from votes.domain.returned_vote import ReturnVote
from votes.domain.terms import LinkId, PersonId, ToolId, VisitorId, user, visitor
from votes.domain.vote import Vote
from votes.domain.vote_events import VoteWithdrawn
from votes.engine.bulk import submit_all
from votes.engine.decider import Decider, Rejected
from votes.engine.handle import ENDED, Request
from votes.engine.log import POSITION_MAX, Position, Recorded, Stream, Unreadable
from votes.engine.ports import EventStore, Meta, Unfinished

VOTES_AT_ONCE_MAX = 64
PAUSE_S = 0.005
"""As of rulings."""
LINKS_READ_MAX = 10_000
STREAMS_READ_MAX = 5_000
UNFINISHED_MAX = 100
ACTOR = Meta(actor="link")
HASH_LETTERS = 12
POSITION_DIGITS_MAX = 18

logger = structlog.get_logger("votes.links")


def name_of(linked: Recorded) -> LinkId:
    """The name of the link that the event made."""
    digest = sha256(linked.stream.encode()).hexdigest()
    return LinkId(f"{linked.position}-{digest[:HASH_LETTERS]}")


async def by_which(store: EventStore, who: VisitorId) -> LinkId | None:
    """The link by which the visitor is a user. Raises `Unavailable`."""
    last = await store.last_events([links.stream(who)])
    linked = [name_of(one) for one in last.values() if isinstance(one.event, VisitorLinked)]
    return linked[0] if linked else None


async def to(store: EventStore, person: PersonId) -> list[LinkTo]:
    """The links to the person that stand, oldest first. Raises `Unavailable`."""
    made = await store.last_about(person, [VisitorLinked], POSITION_MAX, LINKS_READ_MAX)
    undone = await store.last_events([links.undone_stream(one.position) for one in made])
    return [
        LinkTo(name_of(one), one.at)
        for one in made
        if links.undone_stream(one.position) not in undone
    ]


async def find(store: EventStore, name: LinkId) -> Recorded | None:
    """The event that made the link; None where there is no such link. Raises `Unavailable`."""
    for linked in await store.at([position_of(name)]):
        if isinstance(linked.event, VisitorLinked) and name_of(linked) == name:
            return linked
    return None


def position_of(name: LinkId) -> Position:
    """Where the link of that name would be in the log; 0, where no link is, for no name."""
    digits = name.partition("-")[0]
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= POSITION_DIGITS_MAX
    return int(digits) if is_number else 0


async def tell(store: EventStore, linked: Recorded) -> LinkTold:
    """What became of the link. Raises `Unavailable`."""
    stream = links.undone_stream(linked.position)
    undone = (await store.last_events([stream])).get(stream)
    held = [
        last
        async for last in _votes_of(store, links.visitor_of(linked.stream))
        if isinstance(last.event, VoteWithdrawn)
        and (last.event.link, last.event.before.choice is None) == (linked.position, False)
    ]
    return LinkTold(
        id=name_of(linked),
        made_at=linked.at,
        undone_at=None if undone is None else undone.at,
        votes=len(held),
        carried_out=undone is not None and await store.reached(stream) >= undone.position,
    )


async def _votes_of(store: EventStore, who: VisitorId) -> AsyncIterator[Recorded]:
    """The last event of each of the visitor's votes, however many these are."""
    prefix, after = votes.prefix(visitor(who)), None
    while page := await store.last_of_prefix(prefix, STREAMS_READ_MAX, after):
        for last in page:
            yield last
        after = page[-1].stream


async def undo_all(store: EventStore, at: datetime) -> None:
    """Give back what every undone link took. Several processes may do this at once. Raises
    `Unavailable`."""
    for undone in await store.unfinished(links.PREFIX, UNFINISHED_MAX):
        if not await undo(store, undone, at):
            logger.error("a link cannot be undone", link=link_of(undone.last.stream))


async def undo(store: EventStore, undone: Unfinished, at: datetime) -> bool:
    """Give back what the link took. False where it, or a vote, cannot be decided on for now."""
    last = undone.last
    made = await store.at([link_of(last.stream)])
    if not isinstance(last.event, LinkUndone) or not made:
        return False
    work = _Undoing(store, made[0], at)
    tools = [ToolId(last.subject) async for last in _votes_of(store, work.visitor)]
    for start in range(0, len(tools), VOTES_AT_ONCE_MAX):
        if not await work.give_back(tools[start : start + VOTES_AT_ONCE_MAX]):
            return False
        await asyncio.sleep(PAUSE_S)
    await store.finish(last.stream, last.position)
    return True


class _Undoing:
    """One link that is being undone. Each step can be repeated."""

    def __init__(self, store: EventStore, linked: Recorded, at: datetime) -> None:
        self._store, self._at = store, at
        self.visitor, self._person = links.visitor_of(linked.stream), PersonId(linked.subject)
        self._link = linked.position

    async def give_back(self, tools: Sequence[ToolId]) -> bool:
        """The votes on these tools. False where one cannot be decided on for now."""
        returned = [ReturnVote(self.visitor, self._person, tool, self._link) for tool in tools]
        if not await self._all(returned_vote.decider, returned):
            return False
        for tool in tools:
            if not await self._all(moved_vote.offering, await self._offers(tool)):
                return False
        if not await self._all(ruled_vote.decider, await self._rulings(tools)):
            return False
        return await self._move_on(tools)

    async def _offers(self, tool: ToolId) -> list[OfferVote]:
        """What other links to the person took on the tool, oldest first."""
        made = await self._store.last_about(
            self._person, [VisitorLinked], POSITION_MAX, LINKS_READ_MAX
        )
        by = {one.position: links.visitor_of(one.stream) for one in made}
        streams = {votes.stream(visitor(who), tool) for who in by.values()}
        last = (await self._store.last_events(streams)).values() if streams else ()
        return [
            OfferVote(by[one.event.link], self._person, tool, one.event.link)
            for one in sorted(last, key=lambda one: one.at)
            if isinstance(one.event, VoteWithdrawn) and one.event.link in by
        ]

    async def _rulings(self, tools: Sequence[ToolId]) -> list[CarryOut]:
        """Each ruling that a vote fell under before: it may have been lifted while that was no
        vote."""
        both = visitor(self.visitor), user(self._person)
        streams = {votes.stream(who, tool): tool for who in both for tool in tools}
        lasts = await self._store.last_events(streams)
        return [
            CarryOut(stream, streams[stream], ruling)
            for stream, last in lasts.items()
            if not isinstance(last.event, Unreadable)
            for vote in [votes.evolve(Vote(), last.event)]
            for ruling in (vote.discounted_by, vote.released_by)
            if ruling is not None
        ]

    async def _move_on(self, tools: Sequence[ToolId]) -> bool:
        """To whom the visitor is linked by now, if to anybody."""
        stream = links.stream(self.visitor)
        last = (await self._store.last_events([stream]))[stream]
        person = links.evolve(Link(), last.event).person
        if person is None:
            return True
        moved = [MoveVote(self.visitor, person, tool) for tool in tools]
        return await self._all(moved_vote.decider, moved, person_stream(person))

    async def _all(
        self, decider: Decider[Any, Any], commands: Sequence[object], *unless: Stream
    ) -> bool:
        requests = [
            Request(decider, command, ACTOR, self._at, unless=unless) for command in commands
        ]
        results = await submit_all(self._store, requests)
        return all(result == ENDED or not isinstance(result, Rejected) for result in results)
