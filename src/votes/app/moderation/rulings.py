"""Rulings: which votes one selects, what it would change, and carrying it out.

A ruling is the consumer of its tool's votes, under the name of its stream. It is carried out when
it has reached its own last event. So carrying out may be broken off anywhere, and goes on there.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import structlog
from msgspec import Struct
from msgspec.structs import replace

from votes.domain import link as links
from votes.domain import vote as votes
from votes.domain.moderation import finding as findings
from votes.domain.moderation import ruled_vote
from votes.domain.moderation import ruling as rulings
from votes.domain.moderation.finding import ClusterFound
from votes.domain.moderation.ruled_vote import CarryOut, RuledVote
from votes.domain.moderation.ruling import RulingMade, Selector, ruling_of
from votes.domain.terms import ClusterId, RulingId, ToolId, user, visitor
from votes.domain.vote import Vote
from votes.domain.vote_events import VOTE_EVENTS, VoteWithdrawn
from votes.engine.bulk import submit_all
from votes.engine.decider import Rejected
from votes.engine.handle import Request
from votes.engine.log import Position, Recorded, Stream, Unreadable
from votes.engine.ports import EventStore, Meta, Unfinished
from votes.projections.tallies import Counts, moved

VOTES_AT_ONCE_MAX = 64
PAUSE_S = 0.005
"""One append changes so many votes, and then there is a pause: meanwhile those who vote wait."""
VOTES_READ_MAX = 1_000
UNFINISHED_MAX = 100
MEMBERS_READ_MAX = 5_000
ACTOR = Meta(actor="ruling")

logger = structlog.get_logger("votes.rulings")


Members = dict[ClusterId, set[Stream]]


class Preview(Struct, frozen=True):
    """What a ruling would do: how many votes it would change, and the change of the tally."""

    votes: int
    change: Counts


async def preview(store: EventStore, tool: ToolId, made: RulingMade, position: Position) -> Preview:
    """What the ruling would do if it were made now, at the position. Raises `Unavailable`."""
    members = await members_of(store, tool, made.selector)
    number, change, reached = 0, Counts(), 0
    while reached < position:
        page, reached = await store.standing(tool, VOTE_EVENTS, reached, position, VOTES_READ_MAX)
        for last in page:
            if _falls_under(last, made, _NOT_YET_MADE, members):
                asked = CarryOut(last.stream, tool, _NOT_YET_MADE)
                state = RuledVote(votes.evolve(Vote(), last.event), made.verdict)
                for event in ruled_vote.decide(asked, state):
                    number, change = number + 1, change + moved(event)
    return Preview(number, change)


_NOT_YET_MADE = RulingId("")


async def carry_out_all(store: EventStore, at: datetime) -> None:
    """Carry out every ruling that was made or lifted since it was last carried out.

    Several processes may do this at once. Raises `Unavailable`.
    """
    for ruling in await store.unfinished(rulings.PREFIX, UNFINISHED_MAX):
        if not await carry_out(store, ruling, at):
            logger.error("a ruling cannot be carried out", ruling=ruling_of(ruling.last.stream))


async def carry_out(store: EventStore, ruling: Unfinished, at: datetime) -> bool:
    """Carry the ruling out. False where it, or a vote, cannot be read or decided on for now."""
    decided, tool, reached = ruling.last, ToolId(ruling.last.subject), ruling.reached
    name = ruling_of(decided.stream)
    if isinstance(decided.event, Unreadable):
        return False
    members: Members = {}
    if isinstance(decided.event, RulingMade):
        members = await members_of(store, tool, decided.event.selector)
    while reached < decided.position:
        page, reached = await store.standing(
            tool, VOTE_EVENTS, reached, decided.position, VOTES_AT_ONCE_MAX
        )
        selected = [last for last in page if _falls_under(last, decided.event, name, members)]
        streams = [last.stream for last in selected] + await _given_back(store, selected)
        commands = [CarryOut(stream, tool, name) for stream in streams]
        if commands:
            if not await _carry_out(store, commands, at):
                return False
            await store.finish(decided.stream, reached)
            await asyncio.sleep(PAUSE_S)
    await store.finish(decided.stream, decided.position)
    return True


async def members_of(store: EventStore, tool: ToolId, selector: Selector) -> Members:
    """Of each cluster that the selector names the votes on the tool. Raises `Unavailable`."""
    names = {findings.cluster_stream(name): name for name in selector.clusters}
    lasts = await store.last_events(names) if names else {}
    members: Members = {}
    for stream, last in lasts.items():
        if isinstance(last.event, ClusterFound):
            places = findings.places(last.event)
            members[names[stream]] = votes_on = set[Stream]()
            for start in range(0, len(places), MEMBERS_READ_MAX):
                cast = await store.at(places[start : start + MEMBERS_READ_MAX])
                streams = {one.stream for one in cast if one.subject == tool}
                votes_on |= streams | await _became(store, tool, streams)
    return members


async def _became(store: EventStore, tool: ToolId, streams: set[Stream]) -> set[Stream]:
    """The streams of the users' votes that visitors' votes have become by links."""
    last = (await store.last_events(streams)).values() if streams else ()
    moved = [one.event.to for one in last if isinstance(one.event, VoteWithdrawn)]
    return {votes.stream(user(person), tool) for person in moved if person is not None}


async def _given_back(store: EventStore, selected: Sequence[Recorded]) -> list[Stream]:
    """The streams of the visitors' votes that users' votes were, by links that are undone since."""
    moved = [
        (links.undone_stream(origin.link), votes.stream(visitor(origin.visitor), tool))
        for last in selected
        for origin, tool in [(votes.evolve(Vote(), last.event).origin, ToolId(last.subject))]
        if origin is not None
    ]
    undone = await store.last_events({link for link, _ in moved}) if moved else {}
    return [stream for link, stream in moved if link in undone]


async def _carry_out(store: EventStore, commands: Sequence[CarryOut], at: datetime) -> bool:
    """Carry a ruling out on these votes, and on the users' votes that they have become since. False
    where a vote cannot be decided on for now."""
    requests = [Request(ruled_vote.decider, command, ACTOR, at) for command in commands]
    results = await submit_all(store, requests)
    moved = []
    for command, result in zip(commands, results, strict=True):
        if isinstance(result, Rejected):
            return False
        if (person := result.after.vote.moved_to) is not None:
            moved.append(replace(command, vote=votes.stream(user(person), command.tool)))
    return await _carry_out(store, moved, at) if moved else True


def _falls_under(last: Recorded, ruling: object, name: RulingId, members: Members) -> bool:
    """Whether a vote, by its last event, is one of those that the ruling is about.

    A lifted one is about those that it discounted or released; all of them stand after it was made.
    A vote that a link withdrew before is none: the user's, if it became one, is there by itself.
    """
    if isinstance(last.event, Unreadable):
        return False
    vote = votes.evolve(Vote(), last.event)
    if vote.withdrawn:
        return False
    if isinstance(ruling, RulingMade):
        of = [cluster for cluster, streams in members.items() if last.stream in streams]
        return ruling.selector.selects(last.at, vote, of)
    return name in (vote.discounted_by, vote.released_by)
