"""Votes: one current choice for each voter and tool. Never a toggle.

A vote *counts* unless something stands against it. A *held* one waits for a proof or a ruling, a
*discounted* one was ruled out. Either way it is its voter's vote, and shown to them as any other.
"""

from collections.abc import Sequence
from typing import Literal, assert_never, get_args

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
    Time,
    ToolId,
    VisitorId,
    VoterId,
    user,
    visitor,
    visitor_of,
)
from votes.domain.tool import ToolEvent
from votes.engine.decider import Decider, Rejected
from votes.engine.log import Position, Stream

Held = Literal["unproven", "unchecked", "ruled"]
"""Why a vote is held. `unproven`: too many new visitors voted from its network or on its tool, and
it came without a proof of work. `unchecked`: nobody could say how many. `ruled`: the voter's
earlier vote on the tool is discounted by a ruling that stands."""
Uncounted = Literal[Held, "on_behalf"]
"""What no ruling puts against a vote: it is held, or cast `on_behalf` of somebody on a site that
tells such votes apart. The latter neither a proof nor a ruling lets count."""
Against = Literal[Uncounted, "ruling"]
"""Why a vote does not count: it is uncounted, or discounted by a `ruling`."""
HELD: tuple[Held, ...] = get_args(Held)
UNCOUNTED: tuple[Uncounted, ...] = (*HELD, "on_behalf")
UNTIL_PROVEN: tuple[Held, ...] = ("unproven", "unchecked")
"""A proof of work, or a ruling, lets these count."""

LINKED = Rejected("visitor_linked", "The visitor has logged in: the votes are the user's.")


def stream(voter: VoterId, tool: ToolId) -> Stream:
    return Stream(f"{prefix(voter)}{tool}")


def prefix(voter: VoterId) -> str:
    """The prefix of the streams of all votes of a voter, and of no other stream.

    A voter's id may contain a colon, so its length comes before it.
    """
    return f"vote:{len(voter)}:{voter}:"


def voter_of(stream: Stream) -> VoterId:
    """The voter of a vote's stream. Raises `ValueError` for another stream."""
    kind, length, rest = stream.split(":", 2)
    if kind != "vote":
        raise ValueError("not the stream of a vote")
    return VoterId(rest[: int(length)])


class Before(Struct, frozen=True, gc=False, omit_defaults=True):
    """A vote whose place another has taken, as it was then; the fields are those of `Vote`."""

    choice: Choice | None = None
    against: Against | None = None
    discounted_by: RulingId | None = None
    released_by: RulingId | None = None
    against_before: Uncounted | None = None
    claims: Claims | None = None


class Origin(Struct, frozen=True, gc=False, omit_defaults=True):
    """Whose a user's vote was before the `link` (its position) moved it, and what the user had
    chosen last themselves, at the time `own_at`: None where that was nothing."""

    visitor: VisitorId
    link: Position
    own: Before | None = None
    own_at: Time | None = None


class VoteCast(Struct, frozen=True, gc=False, omit_defaults=True):
    """`previous` is the choice that this one replaces, so a tally need not know the voters.

    The voter is in the name of the stream, and the tool is the subject of the event.
    `against` says why the vote does not count, `previous_against` why the one before did not.
    `discounted_by` is the ruling that stands on this voter's votes on the tool, `against_before`
    what stood against the vote before that. `claims` are those of the user's login with which the
    vote was cast, `previous_claims` those of the vote before.
    """

    choice: Choice
    previous: Choice | None = None
    against: Against | None = None
    previous_against: Against | None = None
    discounted_by: RulingId | None = None
    against_before: Uncounted | None = None
    claims: Claims | None = None
    previous_claims: Claims | None = None


class VoteRetracted(Struct, frozen=True, gc=False, omit_defaults=True):
    """`previous` is the choice taken back, the rest as in `VoteCast`."""

    previous: Choice
    previous_against: Against | None = None
    discounted_by: RulingId | None = None
    against_before: Uncounted | None = None
    previous_claims: Claims | None = None


class VoteDiscounted(Struct, frozen=True, gc=False, omit_defaults=True):
    """The ruling is carried out on this vote. `choice` is None where it was taken back meanwhile.

    Its time, and that of the three events below, is the vote's own: there it counts no more. They
    repeat the vote's claims, and the `origin` of one that was moved.
    """

    ruling: RulingId
    choice: Choice | None
    previous_against: Uncounted | None = None
    origin: Origin | None = None
    claims: Claims | None = None


class VoteRestored(Struct, frozen=True, gc=False, omit_defaults=True):
    """The ruling that discounted the vote was lifted: what stood against it before stands again."""

    ruling: RulingId
    choice: Choice | None
    against: Uncounted | None = None
    previous_against: Against | None = None
    origin: Origin | None = None
    claims: Claims | None = None


class VoteReleased(Struct, frozen=True, gc=False, omit_defaults=True):
    """A held vote counts from now on, by the ruling."""

    ruling: RulingId
    choice: Choice
    previous_against: Held
    origin: Origin | None = None
    claims: Claims | None = None


class VoteHeld(Struct, frozen=True, gc=False, omit_defaults=True):
    """The ruling that released the vote was lifted: it is held again."""

    ruling: RulingId
    choice: Choice
    against: Uncounted
    origin: Origin | None = None
    claims: Claims | None = None


class VoteMoved(Struct, frozen=True, gc=False, omit_defaults=True):
    """A linked visitor's vote is this user's from now on, at the time when it was cast. Without a
    `choice` it was taken back then.

    `previous`, `previous_against` and `previous_claims` are the user's before, `moved_against` is
    what stood against the visitor's vote, which is no more. The rest is what rulings have said of
    it. A visitor's vote has no claims, as no login was there when it was cast.
    """

    choice: Choice | None
    against: Against | None = None
    previous: Choice | None = None
    previous_against: Against | None = None
    moved_against: Against | None = None
    discounted_by: RulingId | None = None
    released_by: RulingId | None = None
    against_before: Uncounted | None = None
    origin: Origin | None = None
    previous_claims: Claims | None = None


class VoteWithdrawn(Struct, frozen=True, gc=False, omit_defaults=True):
    """A visitor has no vote of their own any more, by the `link` (its position).

    `before` is what it was. It became the vote of the person `to`, whose event has counted this one
    out. Where the person had chosen later, `to` is None. `left` is a ruling that is not carried out
    on a vote any more.
    """

    link: Position
    before: Before = Before()
    to: PersonId | None = None
    left: RulingId | None = None


class VoteReverted(Struct, frozen=True, gc=False, omit_defaults=True):
    """A link was undone, and this is the voter's vote without it: the visitor's own, or what the
    user has of their own and by other links. `previous`, `previous_against` and `previous_claims`
    are the user's before; of a visitor `previous` is None, and `previous_against` what stood
    against the user's.

    A user who never voted on the tool by themselves is left `blank`. `left` is as in
    `VoteWithdrawn`, `claims` as in `VoteCast`, the rest as in `VoteMoved`.
    """

    choice: Choice | None = None
    against: Against | None = None
    previous: Choice | None = None
    previous_against: Against | None = None
    discounted_by: RulingId | None = None
    released_by: RulingId | None = None
    against_before: Uncounted | None = None
    origin: Origin | None = None
    blank: bool = False
    left: RulingId | None = None
    claims: Claims | None = None
    previous_claims: Claims | None = None


VoteEvent = (
    VoteCast
    | VoteRetracted
    | VoteDiscounted
    | VoteRestored
    | VoteReleased
    | VoteHeld
    | VoteMoved
    | VoteWithdrawn
    | VoteReverted
)
VOTE_EVENTS = get_args(VoteEvent)


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
        case VisitorLinked(person):
            return replace(state, linked=person)
        case VisitorUnlinked():
            return replace(state, linked=None)
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
            ruled = ruling, None, before
            return Vote(False, choice, against, *ruled, origin=origin, claims=claims)
        case VoteReleased(ruling, choice, before, origin, claims):
            ruled = None, ruling, before
            return Vote(False, choice, None, *ruled, origin=origin, claims=claims)
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


decider: Decider[VoteCommand, Vote] = Decider(
    initial=Vote(),
    streams=_streams,
    subject=lambda command: command.tool,
    evolve=evolve,
    decide=decide,
    as_sent=_as_sent,
    owned=True,
)
on_behalf = replace(
    decider,
    as_sent=lambda command: replace(_as_sent(command), voter=command.voter),
    owned=False,
)
"""Of votes that a user casts for others: who of them it is was sent, and by whom their streams do
not say."""
