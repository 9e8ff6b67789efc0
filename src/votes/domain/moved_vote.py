"""A linked visitor's vote becomes the user's: the newest act of both on the tool holds, be it a
vote or that one was taken back. It can be asked for any number of times.

One event changes the tally, whatever it changes, so at each position of the log one vote counts.
The events have the time of the visitor's vote. What stands against that vote goes with it.

After a link was undone (`returned_vote`), what another link brought may be the newest act again: it
is *offered*, and taken if it is.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from votes.domain import link as links
from votes.domain import vote as votes
from votes.domain.link import Link
from votes.domain.terms import PersonId, ToolId, VisitorId, user, visitor
from votes.domain.vote import Vote
from votes.domain.vote_events import (
    UNTIL_PROVEN,
    Before,
    Origin,
    VoteEvent,
    VoteMoved,
    VoteReverted,
    VoteWithdrawn,
)
from votes.engine.decider import Decider, ForStream
from votes.engine.heads import Head
from votes.engine.log import TIME_MIN, Position, Stream


class MoveVote(Struct, frozen=True, gc=False):
    """The visitor's vote on the tool, to the person to whom the visitor is linked."""

    visitor: VisitorId
    person: PersonId
    tool: ToolId


class Both(Struct, frozen=True, gc=False):
    """The votes of the visitor and of the person, and the times of these acts.

    `linked` is to whom the visitor is linked, and `link` the position of that.
    """

    visitors: Vote = Vote(withdrawn=True)
    persons: Vote = Vote(blank=True)
    visitors_at: datetime = TIME_MIN
    persons_at: datetime = TIME_MIN
    linked: PersonId | None = None
    link: Position = 0


def _streams(command: MoveVote) -> tuple[Stream, ...]:
    both = votes.streams_of(command.visitor, command.person, command.tool)
    return (*both, links.stream(command.visitor))


def _state_of(command: MoveVote, heads: Mapping[Stream, Head]) -> Both:
    own, persons, link = (heads[stream] for stream in _streams(command))
    linked = links.evolve(Link(), link.event).person if link.version else None
    return _both(own, persons, linked, link.position)


def _both(own: Head, persons: Head, linked: PersonId | None, link: Position) -> Both:
    return Both(
        votes.evolve(Vote(), own.event) if own.version else Vote(withdrawn=True),
        votes.evolve(Vote(), persons.event) if persons.version else Vote(blank=True),
        own.at,
        persons.at,
        linked,
        link,
    )


def decide(command: MoveVote, state: Both) -> Sequence[VoteEvent | ForStream]:
    """Where two rulings discount the two votes, the person's own stays under its ruling: moved, the
    visitor's would count when that alone is lifted."""
    vote, own = state.visitors, state.persons
    if state.linked != command.person or vote.withdrawn:
        return []
    ruling = vote.discounted_by or vote.released_by
    newer = own.blank or state.visitors_at >= state.persons_at
    if not newer or _under_two_rulings(vote.as_before, own):
        return [VoteWithdrawn(state.link, vote.as_before, None, ruling)]
    origin = _origin(command.visitor, state.link, state)
    left = ruling if own.discounted_by is not None else None
    return [
        ForStream(_stream(command), _moved(vote.as_before, own, origin)),
        VoteWithdrawn(state.link, vote.as_before, command.person, left),
    ]


def _stream(command: "MoveVote | OfferVote") -> Stream:
    return votes.stream(user(command.person), command.tool)


def _under_two_rulings(before: Before, own: Vote) -> bool:
    return None not in (before.discounted_by, own.discounted_by) and (
        before.discounted_by != own.discounted_by
    )


def _origin(visitor: VisitorId, link: Position, state: Both) -> Origin:
    """Of the visitor's vote, with what the person chose last by themselves."""
    own = state.persons
    if own.origin is not None:
        return replace(own.origin, visitor=visitor, link=link)
    if own.blank:
        return Origin(visitor, link)
    return Origin(visitor, link, own.as_before, state.persons_at)


def _moved(before: Before, own: Vote, origin: Origin) -> VoteMoved:
    """The person's vote from now on. The later vote of a discounted person is held."""
    moved = VoteMoved(
        before.choice,
        before.against,
        own.choice,
        own.against,
        before.against,
        before.discounted_by,
        before.released_by,
        before.against_before,
        origin,
        own.claims,
    )
    if own.discounted_by in (None, before.discounted_by):
        return moved
    if before.choice is None:
        return replace(moved, discounted_by=own.discounted_by, against_before=own.against_before)
    return replace(
        moved,
        against="ruled",
        discounted_by=own.discounted_by,
        released_by=None,
        against_before=before.against if before.against in UNTIL_PROVEN else None,
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


class OfferVote(Struct, frozen=True, gc=False):
    """What the link took from the visitor, to the person whom it was to."""

    visitor: VisitorId
    person: PersonId
    tool: ToolId
    link: Position


def _streams_of_offer(command: OfferVote) -> tuple[Stream, ...]:
    return votes.stream(visitor(command.visitor), command.tool), _stream(command)


def _state_of_offer(command: OfferVote, heads: Mapping[Stream, Head]) -> Both:
    own, persons = (heads[stream] for stream in _streams_of_offer(command))
    return _both(own, persons, command.person, command.link)


def _take(command: OfferVote, state: Both) -> Sequence[VoteEvent | ForStream]:
    """A link that is being undone as well may be offered: it is given back after that."""
    vote, own = state.visitors, state.persons
    if not vote.withdrawn or vote.link != command.link:
        return []
    if own.origin is None:
        newer = own.blank or state.visitors_at >= state.persons_at
    else:
        newer = state.visitors_at > state.persons_at
    if not newer or _under_two_rulings(vote.before, own):
        return []
    moved = _moved(vote.before, own, _origin(command.visitor, command.link, state))
    reverted = VoteReverted(
        moved.choice,
        moved.against,
        own.choice,
        own.against,
        moved.discounted_by,
        moved.released_by,
        moved.against_before,
        moved.origin,
        left=own.discounted_by or own.released_by,
        previous_claims=own.claims,
    )
    return [
        ForStream(_stream(command), reverted),
        VoteWithdrawn(command.link, vote.before, command.person),
    ]


offering: Decider[OfferVote, Both] = Decider(
    initial=Both(),
    streams=_streams_of_offer,
    subject=lambda command: command.tool,
    evolve=lambda state, _: state,
    decide=_take,
    keeps_time=True,
    state_of=_state_of_offer,
)
