"""A ruling carried out on one vote. It can be asked for at any time and any number of times: the
vote then stands as the ruling says now, and as before it where it was lifted. The events have the
time of the vote."""

from collections.abc import Sequence

from msgspec import Struct

from votes.domain import vote as votes
from votes.domain.moderation import ruling as rulings
from votes.domain.moderation.ruling import RulingEvent, RulingLifted, RulingMade, Verdict
from votes.domain.terms import RulingId, ToolId
from votes.domain.vote import Vote
from votes.domain.vote_events import (
    UNTIL_PROVEN,
    VoteDiscounted,
    VoteEvent,
    VoteHeld,
    VoteReleased,
    VoteRestored,
)
from votes.engine.decider import Decider
from votes.engine.log import Stream


class CarryOut(Struct, frozen=True, gc=False):
    """Of the vote in the stream, on this tool."""

    vote: Stream
    tool: ToolId
    ruling: RulingId


class RuledVote(Struct, frozen=True, gc=False):
    """`verdict` is what the ruling says, None where it does not stand."""

    vote: Vote = Vote()
    verdict: Verdict | None = None


def evolve(state: RuledVote, event: VoteEvent | RulingEvent) -> RuledVote:
    match event:
        case RulingMade(verdict=verdict):
            return RuledVote(state.vote, verdict)
        case RulingLifted():
            return RuledVote(state.vote, None)
        case _:
            return RuledVote(votes.evolve(state.vote, event), state.verdict)


def decide(command: CarryOut, state: RuledVote) -> Sequence[VoteEvent]:
    """One ruling at a time discounts a vote: what another has discounted is left to it. A vote that
    a link withdrew is no more; where it became a user's, the ruling is carried out on that."""
    vote, ruling = state.vote, command.ruling
    same = vote.origin, vote.claims
    match state.verdict:
        case _ if vote.withdrawn:
            return []
        case "discount" if vote.discounted_by is None:
            against = None if vote.against == "ruling" else vote.against
            return [VoteDiscounted(ruling, vote.choice, against, *same)]
        case "release" if vote.choice is not None and vote.against in UNTIL_PROVEN:
            return [VoteReleased(ruling, vote.choice, vote.against, *same)]
        case None if vote.discounted_by == ruling:
            before = None if vote.choice is None else vote.against_before
            return [VoteRestored(ruling, vote.choice, before, vote.against, *same)]
        case None if vote.released_by == ruling and vote.choice and vote.against_before:
            return [VoteHeld(ruling, vote.choice, vote.against_before, *same)]
        case _:
            return []


decider: Decider[CarryOut, RuledVote] = Decider(
    initial=RuledVote(),
    streams=lambda command: (command.vote, rulings.stream(command.ruling)),
    subject=lambda command: command.tool,
    evolve=evolve,
    decide=decide,
    keeps_time=True,
)
