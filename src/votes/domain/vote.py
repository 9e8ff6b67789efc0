"""Votes: one current choice for each voter and tool. Never a toggle.

A vote *counts* unless something stands against it. A *held* one waits for a proof or a ruling, a
*discounted* one was ruled out. Either way it is its voter's vote, and shown to them as any other.
"""

from collections.abc import Sequence
from typing import assert_never, get_args

from msgspec import Struct
from msgspec.structs import replace

from votes.domain import link as links
from votes.domain import tool as tools
from votes.domain.link import LinkEvent, VisitorLinked, VisitorUnlinked
from votes.domain.terms import (
    Choice,
    Claims,
    PersonId,
    RulingId,
    ToolId,
    VisitorId,
    VoterId,
    user,
    visitor,
    visitor_of,
)
from votes.domain.tool import ToolEvent
from votes.domain.vote_events import (
    UNTIL_PROVEN,
    Against,
    Before,
    Origin,
    Uncounted,
    VoteCast,
    VoteDiscounted,
    VoteEvent,
    VoteHeld,
    VoteMoved,
    VoteReleased,
    VoteRestored,
    VoteRetracted,
    VoteReverted,
    VoteWithdrawn,
)
from votes.engine.decider import Decider, Rejected
from votes.engine.log import Position, Stream

LINKED = Rejected("visitor_linked", "The visitor has logged in: the votes are the user's.")


PREFIX = "vote:"
"""Of the streams of all votes, and of no other."""


def stream(voter: VoterId, tool: ToolId) -> Stream:
    return Stream(f"{prefix(voter)}{tool}")


def streams_of(who: VisitorId, person: PersonId, tool: ToolId) -> tuple[Stream, Stream]:
    """The streams of the visitor's vote on the tool and of the person's."""
    return stream(visitor(who), tool), stream(user(person), tool)


def prefix(voter: VoterId) -> str:
    """The prefix of the streams of all votes of a voter, and of no other stream.

    A voter's id may contain a colon, so its length comes before it.
    """
    return f"{PREFIX}{len(voter)}:{voter}:"


def voter_of(stream: Stream) -> VoterId:
    """The voter of a vote's stream. Raises `ValueError` for another stream."""
    kind, length, rest = stream.split(":", 2)
    if kind != "vote":
        raise ValueError("not the stream of a vote")
    return VoterId(rest[: int(length)])


class Vote(Struct, frozen=True, gc=False, omit_defaults=True):
    """`listed` is whether the tool can be voted on; `choice` is the voter's, None without one.

    `against` says why the vote does not count, None where it does. `discounted_by` and
    `released_by` are the rulings carried out on it, `against_before` what stood against it before.
    `withdrawn`: the voter is a visitor who was linked by the `link`. `before` is what the vote was,
    and it may have `moved_to` a person: there it is the `origin` of the person's. A `blank` one was
    never cast by its voter. `linked` is to whom the visitor who votes is linked. `claims` are those
    of the login with which the vote was cast.
    """

    listed: bool = False
    choice: Choice | None = None
    against: Against | None = None
    discounted_by: RulingId | None = None
    released_by: RulingId | None = None
    against_before: Uncounted | None = None
    withdrawn: bool = False
    link: Position = 0
    before: Before = Before()
    moved_to: PersonId | None = None
    origin: Origin | None = None
    blank: bool = False
    linked: PersonId | None = None
    claims: Claims | None = None

    @property
    def as_before(self) -> Before:
        """The vote, for when another takes its place."""
        ruled = self.discounted_by, self.released_by, self.against_before
        return Before(self.choice, self.against, *ruled, self.claims)


def evolve(state: Vote, event: VoteEvent | ToolEvent | LinkEvent) -> Vote:
    match event:
        case (
            VoteCast()
            | VoteRetracted()
            | VoteDiscounted()
            | VoteRestored()
            | VoteReleased()
            | VoteHeld()
            | VoteMoved()
            | VoteWithdrawn()
            | VoteReverted()
        ):
            return replace(_vote(event), listed=state.listed, linked=state.linked)
        case VisitorLinked(person):
            return replace(state, linked=person)
        case VisitorUnlinked():
            return replace(state, linked=None)
        case _:
            return replace(state, listed=tools.is_listed(event))


def _vote(event: VoteEvent) -> Vote:
    """The vote, as its last event says."""
    match event:
        case VoteCast(choice, _, against, _, discounted_by, before, claims):
            return Vote(False, choice, against, discounted_by, None, before, claims=claims)
        case VoteRetracted(_, _, discounted_by, before):
            return Vote(False, None, None, discounted_by, None, before)
        case VoteDiscounted(ruling, choice, before, origin, claims):
            against = None if choice is None else "ruling"
            vote = Vote(False, choice, against, ruling, None, before)
            return replace(vote, origin=origin, claims=claims)
        case VoteReleased(ruling, choice, before, origin, claims):
            vote = Vote(False, choice, None, None, ruling, before)
            return replace(vote, origin=origin, claims=claims)
        case VoteRestored(choice=choice, against=held, origin=origin, claims=claims):
            return Vote(False, choice, held, origin=origin, claims=claims)
        case VoteHeld(choice=choice, against=held, origin=origin, claims=claims):
            return Vote(False, choice, held, origin=origin, claims=claims)
        case VoteMoved(choice, against, _, _, _, discounted_by, released_by, before, origin):
            ruled = discounted_by, released_by, before
            return Vote(False, choice, against, *ruled, origin=origin)
        case VoteReverted(choice, against, _, _, discounted_by, released_by, before, origin, blank):
            ruled = discounted_by, released_by, before
            vote = Vote(False, choice, against, *ruled, origin=origin, blank=blank)
            return replace(vote, claims=event.claims)
        case VoteWithdrawn(link, was, to):
            return Vote(withdrawn=True, link=link, before=was, moved_to=to)
    assert_never(event)


class CastVote(Struct, frozen=True, gc=False):
    """`held` says why the vote is not to count, if it is not. `by` is the visitor who sends it
    where the voter is the user to whom that visitor is linked. `claims` are those of the login of
    a user who sends it; nobody else has any."""

    tool: ToolId
    voter: VoterId
    choice: Choice
    held: Uncounted | None = None
    by: VisitorId | None = None
    claims: Claims | None = None


CAST: dict[Choice, CastVote] = {
    choice: CastVote(ToolId(""), VoterId(""), choice) for choice in get_args(Choice)
}
"""Each stands for all votes of this choice that are not held, and that come without claims and from
nobody else: what is decided of them depends on neither the voter nor the tool."""


class RetractVote(Struct, frozen=True, gc=False):
    """`by` as in `CastVote`."""

    tool: ToolId
    voter: VoterId
    by: VisitorId | None = None


VoteCommand = CastVote | RetractVote


def decide(command: VoteCommand, state: Vote) -> Sequence[VoteEvent] | Rejected:
    if command.voter != _whose(command, state):
        return LINKED
    if not state.listed:
        return tools.UNKNOWN
    match command:
        case CastVote():
            return _cast(command, state)
        case RetractVote() if state.choice is None:
            return []
        case RetractVote():
            return [VoteRetracted(state.choice, state.against, *ruled(state), state.claims)]
    assert_never(command)


def _whose(command: VoteCommand, state: Vote) -> VoterId:
    """Whose vote it is: of a visitor that of the user to whom the visitor is linked now."""
    if state.linked is not None:
        return user(state.linked)
    return command.voter if command.by is None else visitor(command.by)


def _cast(command: CastVote, state: Vote) -> Sequence[VoteEvent]:
    """The same choice again changes nothing, whatever the claims are now, but that a held vote
    counts when it comes proven."""
    choice, held = command.choice, command.held
    against: Uncounted | None = held if state.discounted_by is None else "ruled"
    if choice == state.choice and (against is not None or state.against not in UNTIL_PROVEN):
        return []
    ruling, before = ruled(state)
    if ruling is not None and "on_behalf" in (held, before):
        before = held  # once the ruling is lifted, the vote is told apart if it was when it came
    claims = command.claims, state.claims
    return [VoteCast(choice, state.choice, against, state.against, ruling, before, *claims)]


def ruled(state: Vote) -> tuple[RulingId | None, Uncounted | None]:
    """What the next event repeats of the ruling that discounts the voter's votes, if one does."""
    return (
        (None, None) if state.discounted_by is None else (state.discounted_by, state.against_before)
    )


def _as_sent(command: VoteCommand) -> VoteCommand:
    """Whether a vote is held, and with which claims it is cast, depends on when and from where it
    comes, not on what is asked. Whoever asks is the same before and after a link."""
    asked = replace(command, voter=VoterId(""), by=None)
    return replace(asked, held=None, claims=None) if isinstance(asked, CastVote) else asked


def _streams(command: VoteCommand) -> tuple[Stream, ...]:
    """A visitor's vote, whosever it becomes, relies on the visitor's links."""
    streams = stream(command.voter, command.tool), tools.stream(command.tool)
    by = command.by or visitor_of(command.voter)
    return streams if by is None else (*streams, links.stream(by))


def _usually_empty(command: VoteCommand, streams: tuple[Stream, ...]) -> tuple[Stream, ...]:
    """Most votes are the first of their voter on the tool, and most visitors are not linked."""
    own, _, *their_links = streams
    first = [own] if isinstance(command, CastVote) else []
    return (*first, *(their_links if command.by is None else ()))


decider: Decider[VoteCommand, Vote] = Decider(
    initial=Vote(),
    streams=_streams,
    subject=lambda command: command.tool,
    evolve=evolve,
    decide=decide,
    as_sent=_as_sent,
    usually_empty=_usually_empty,
    owned=True,
)
on_behalf = replace(
    decider,
    as_sent=lambda command: replace(_as_sent(command), voter=command.voter),
    owned=False,
)
"""Of votes that a user casts for others: who of them it is was sent, and by whom their streams do
not say."""
