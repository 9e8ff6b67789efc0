"""A linked visitor's vote becomes the user's: the newest act of both on the tool holds, be it a
vote or that one was taken back. It can be asked for any number of times.

One event changes the tally, whatever it changes, so at each position of the log one vote counts.
The events have the time of the visitor's vote. What stands against that vote goes with it.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from votes.domain import link as links
from votes.domain import vote as votes
from votes.domain.link import Link
from votes.domain.terms import PersonId, ToolId, VisitorId, user, visitor
from votes.domain.vote import Vote, VoteEvent, VoteMoved, VoteWithdrawn
from votes.engine.decider import Decider, ForStream
from votes.engine.heads import Head
from votes.engine.log import Stream


class MoveVote(Struct, frozen=True, gc=False):
    """The visitor's vote on the tool, to the person to whom the visitor is linked."""

    visitor: VisitorId
    person: PersonId
    tool: ToolId


class Both(Struct, frozen=True, gc=False):
    """The votes of the visitor and of the person, and whether the visitor's is the newer act.

    `linked` is to whom the visitor is linked.
    """

    visitors: Vote = Vote()
    persons: Vote = Vote()
    newer: bool = False
    linked: PersonId | None = None


def _streams(command: MoveVote) -> tuple[Stream, ...]:
    return (
        votes.stream(visitor(command.visitor), command.tool),
        votes.stream(user(command.person), command.tool),
        links.stream(command.visitor),
    )


def _state_of(command: MoveVote, heads: Mapping[Stream, Head]) -> Both:
    own, persons, link = (heads[stream] for stream in _streams(command))
    return Both(
        _vote(own),
        _vote(persons),
        own.at >= persons.at,
        links.evolve(Link(), link.event).person if link.version else None,
    )


def _vote(head: Head) -> Vote:
    return votes.evolve(Vote(), head.event) if head.version else Vote(withdrawn=True)


def decide(command: MoveVote, state: Both) -> Sequence[VoteEvent | ForStream]:
    """Where two rulings discount the two votes, the person's own stays under its ruling: moved, the
    visitor's would count when that alone is lifted."""
    vote, own = state.visitors, state.persons
    if state.linked != command.person or vote.withdrawn:
        return []
    discounted = {vote.discounted_by, own.discounted_by} - {None}
    ruling = vote.discounted_by or vote.released_by
    if not state.newer or len(discounted) > 1:
        return [VoteWithdrawn(None, vote.choice, vote.against, ruling)]
    persons = votes.stream(user(command.person), command.tool)
    left = ruling if own.discounted_by is not None else None
    return [
        ForStream(persons, _moved(vote, own)),
        VoteWithdrawn(command.person, vote.choice, vote.against, left),
    ]


def _moved(vote: Vote, own: Vote) -> VoteMoved:
    """The person's vote from now on. The later vote of a discounted person is held."""
    moved = VoteMoved(
        vote.choice,
        vote.against,
        own.choice,
        own.against,
        vote.against,
        vote.discounted_by,
        vote.released_by,
        vote.against_before,
        own.claims,
    )
    if own.discounted_by in (None, vote.discounted_by):
        return moved
    if vote.choice is None:
        return replace(moved, discounted_by=own.discounted_by, against_before=own.against_before)
    return replace(
        moved,
        against="ruled",
        discounted_by=own.discounted_by,
        released_by=None,
        against_before=vote.against if vote.against in votes.UNTIL_PROVEN else None,
    )


decider: Decider[MoveVote, Both] = Decider(
    initial=Both(),
    streams=_streams,
    subject=lambda command: command.tool,
    evolve=lambda state, _: state,
    decide=decide,
    keeps_time=True,
    state_of=_state_of,
)
