"""What happens to a vote: its events, each with what they change, and why a vote does not count."""

from typing import Literal, get_args

from msgspec import Struct

from votes.domain.terms import Choice, Claims, PersonId, RulingId, Time, VisitorId
from votes.engine.log import Position

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
