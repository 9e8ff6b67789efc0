"""The journal of rulings: what was ruled, why, and on how many votes it was carried out."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from votes.domain.moderation.ruling import (
    RulingLifted,
    RulingMade,
    Selector,
    Verdict,
    ruling_of,
)
from votes.domain.terms import Reason, RulingId, ToolId
from votes.domain.vote_events import (
    VoteDiscounted,
    VoteHeld,
    VoteReleased,
    VoteRestored,
    VoteReverted,
    VoteWithdrawn,
)
from votes.engine.log import Position, Recorded
from votes.engine.projection import Projection

_CARRIED_OUT = (VoteDiscounted, VoteReleased)
_UNDONE = (VoteRestored, VoteHeld)


class Ruling(Struct, frozen=True):
    """It holds for the votes that stood at the position `made`, and is carried out on so many
    `votes` now. `lifted_at` is None while it stands; `position` is that of the last event."""

    tool: ToolId
    selector: Selector
    verdict: Verdict
    reason: Reason
    made: Position
    made_at: datetime
    lifted_at: datetime | None = None
    votes: int = 0
    position: Position = 0


def evolve(ruling: Ruling | None, recorded: Recorded, name: str, *_: object) -> Ruling | None:
    event, position = recorded.event, recorded.position
    if isinstance(event, RulingMade):
        tool = ToolId(recorded.subject)
        terms = event.selector, event.verdict, event.reason
        return Ruling(tool, *terms, position, recorded.at, position=position)
    if ruling is None:
        raise ValueError("no such ruling was made")
    if isinstance(event, RulingLifted):
        return replace(ruling, lifted_at=recorded.at, position=position)
    if isinstance(event, VoteReverted):
        step = (_stands(event) == name) - (event.left == name)
    else:
        step = 1 if isinstance(event, _CARRIED_OUT) else -1
    return replace(ruling, votes=ruling.votes + step, position=position)


def _of_stream(recorded: Recorded) -> Iterable[RulingId]:
    return (ruling_of(recorded.stream),)


def _of_vote(recorded: Recorded) -> Iterable[RulingId]:
    return (recorded.event.ruling,)


def _of_withdrawn(recorded: Recorded) -> Iterable[RulingId]:
    return () if recorded.event.left is None else (recorded.event.left,)


def _stands(event: VoteReverted) -> RulingId | None:
    return event.discounted_by or event.released_by


def _of_reverted(recorded: Recorded) -> Iterable[RulingId]:
    enters, leaves = _stands(recorded.event), recorded.event.left
    return () if enters == leaves else [name for name in (enters, leaves) if name is not None]


RULINGS = Projection(
    "rulings",
    Ruling,
    on={
        **dict.fromkeys((RulingMade, RulingLifted), _of_stream),
        **dict.fromkeys((*_CARRIED_OUT, *_UNDONE), _of_vote),
        VoteWithdrawn: _of_withdrawn,
        VoteReverted: _of_reverted,
    },
    evolve=evolve,
)
"""All rulings, by ruling."""
