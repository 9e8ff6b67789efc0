"""A vote that an undone link took from a visitor is the visitor's again, unless the visitor has
chosen anew since; and the user has what they have without it, unless they have. It can be asked for
any number of times.

The tally changes at the time of the visitor's vote, where the link changed it. What stands against
that vote goes with it. What other visitors brought is looked at afterwards (`moved_vote`).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from votes.domain import link as links
from votes.domain import vote as votes
from votes.domain.terms import PersonId, ToolId, VisitorId, user
from votes.domain.vote import Vote
from votes.domain.vote_events import UNCOUNTED, Before, Held, Origin, VoteEvent, VoteReverted
from votes.engine.decider import Decider, ForStream
from votes.engine.heads import Head
from votes.engine.log import TIME_MIN, Position, Stream


class ReturnVote(Struct, frozen=True, gc=False):
    """The visitor's vote on the tool, from the person to whom it was linked."""

    visitor: VisitorId
    person: PersonId
    tool: ToolId
    link: Position


class Parted(Struct, frozen=True, gc=False):
    """The votes of the visitor and of the person, the time of that, and whether the link is
    undone."""

    visitors: Vote = Vote()
    persons: Vote = Vote()
    persons_at: datetime = TIME_MIN
    undone: bool = False


def _streams(command: ReturnVote) -> tuple[Stream, ...]:
    both = votes.streams_of(command.visitor, command.person, command.tool)
    return (*both, links.undone_stream(command.link))


def _state_of(command: ReturnVote, heads: Mapping[Stream, Head]) -> Parted:
    theirs, persons, undone = (heads[stream] for stream in _streams(command))
    return Parted(_vote(theirs), _vote(persons), persons.at, undone.version > 0)


def _vote(head: Head) -> Vote:
    return votes.evolve(Vote(), head.event) if head.version else Vote()


def decide(command: ReturnVote, state: Parted) -> Sequence[VoteEvent | ForStream]:
    """A ruling that discounts the person's vote may be one on the visitor's, or on what the person
    had before: it goes, or stays."""
    vote, own = state.visitors, state.persons
    if not state.undone:
        return []
    taken = vote.withdrawn and vote.link == command.link
    before = vote.before if taken else Before()
    theirs = own.origin is not None and own.origin.link == command.link
    goes = own.discounted_by == before.discounted_by or (theirs and own.against == "ruling")
    reverted: list[VoteEvent | ForStream] = []
    held_by_theirs = own.discounted_by is not None and goes and own.against != "ruling"
    if own.origin is not None and (theirs or held_by_theirs):
        reverted += _reverted(command, state, own.origin, goes=goes)
    if taken:
        back = own.as_before if theirs and goes else before
        reverted.append(
            VoteReverted(
                back.choice,
                back.against,
                None,
                own.against if theirs else None,
                back.discounted_by,
                back.released_by,
                back.against_before,
            )
        )
    return reverted


def _reverted(
    command: ReturnVote, state: Parted, origin: Origin, *, goes: bool
) -> Iterator[ForStream]:
    """The person's vote without what links have brought: first the tally is changed, then the vote
    has the time at which it was cast."""
    own, now = state.persons, origin.own or Before()
    if own.discounted_by is not None and not goes and now.discounted_by is None:
        held: Held | None = None if now.choice is None else "ruled"
        before = now.against if now.against in UNCOUNTED else None
        now = Before(now.choice, held, own.discounted_by, None, before, now.claims)
    reverted = VoteReverted(
        now.choice,
        now.against,
        own.choice,
        own.against,
        now.discounted_by,
        now.released_by,
        now.against_before,
        blank=origin.own is None,
        left=own.discounted_by or own.released_by,
        claims=now.claims,
        previous_claims=own.claims,
    )
    stream = votes.stream(user(command.person), command.tool)
    yield ForStream(stream, reverted, state.persons_at)
    if origin.own_at is not None:
        ruling = now.discounted_by or now.released_by
        same = {"previous": now.choice, "previous_against": now.against}
        timed = replace(reverted, **same, previous_claims=now.claims, left=ruling)
        yield ForStream(stream, timed, origin.own_at)


decider: Decider[ReturnVote, Parted] = Decider(
    initial=Parted(),
    streams=_streams,
    subject=lambda command: command.tool,
    evolve=lambda state, _: state,
    decide=decide,
    keeps_time=True,
    state_of=_state_of,
)
