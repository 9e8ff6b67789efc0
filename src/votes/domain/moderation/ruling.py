"""Rulings: a moderator discounts or releases some of the votes on a tool, and may lift that.

A ruling is one event. Carrying it out is one small event on each vote (`ruled_vote`).
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Annotated, Literal, assert_never, get_args

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from votes.domain import tool as tools
from votes.domain.terms import ClusterId, Reason, RulingId, Time, ToolId
from votes.domain.tool import ToolEvent
from votes.domain.vote import Vote
from votes.domain.vote_events import HELD
from votes.engine.decider import Decider, Rejected
from votes.engine.log import Stream

Verdict = Literal["discount", "release"]
"""Discount votes that count or are held, or let held ones count."""

CLUSTERS_MAX = 100
"""So many clusters may be left out of a ruling."""

PREFIX = "ruling:"
"""Of the streams of all rulings, and of no other."""

UNKNOWN = Rejected("ruling_unknown", "There is no such ruling.")


def stream(ruling: RulingId) -> Stream:
    return Stream(f"{PREFIX}{ruling}")


def ruling_of(stream: Stream) -> RulingId:
    """Which ruling the stream is of. Raises `ValueError` for another stream."""
    if not stream.startswith(PREFIX):
        raise ValueError("not the stream of a ruling")
    return RulingId(stream.removeprefix(PREFIX))


class Selector(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which votes on the tool: those cast from `start` on and before `end`, and of them the held
    ones alone, those of the voters of a `cluster`, or those of no voter of the clusters
    `without`."""

    start: Time | None = field(default=None, name="from")
    end: Time | None = field(default=None, name="to")
    held: bool = False
    cluster: ClusterId | None = None
    without: Annotated[tuple[ClusterId, ...], Meta(max_length=CLUSTERS_MAX)] = ()

    @property
    def clusters(self) -> tuple[ClusterId, ...]:
        """The clusters that one has to know to say which votes it selects."""
        return self.without if self.cluster is None else (self.cluster, *self.without)

    def selects(self, at: datetime, vote: Vote, member_of: Collection[ClusterId] = ()) -> bool:
        """Whether it selects the vote, cast at that time by a member of these clusters."""
        begun = self.start is None or self.start <= at
        over = self.end is not None and self.end <= at
        within = self.cluster is None or self.cluster in member_of
        apart = not any(cluster in member_of for cluster in self.without)
        return begun and not over and within and apart and (vote.against in HELD or not self.held)


class RulingMade(Struct, frozen=True):
    """It holds for the votes that stood at its own position."""

    selector: Selector
    verdict: Verdict
    reason: Reason


class RulingLifted(Struct, frozen=True): ...


RulingEvent = RulingMade | RulingLifted
RULING_EVENTS = get_args(RulingEvent)


class Ruling(Struct, frozen=True):
    """`verdict` is None where nothing stands: no ruling was made, or it was lifted."""

    tool_known: bool = False
    made: bool = False
    verdict: Verdict | None = None


def evolve(state: Ruling, event: RulingEvent | ToolEvent) -> Ruling:
    match event:
        case RulingMade(verdict=verdict):
            return Ruling(state.tool_known, True, verdict)
        case RulingLifted():
            return Ruling(state.tool_known, True, None)
        case _:
            return Ruling(True, state.made, state.verdict)


class MakeRuling(Struct, frozen=True):
    ruling: RulingId
    tool: ToolId
    selector: Selector
    verdict: Verdict
    reason: Reason


class LiftRuling(Struct, frozen=True):
    ruling: RulingId
    tool: ToolId


RulingCommand = MakeRuling | LiftRuling


def decide(command: RulingCommand, state: Ruling) -> Sequence[RulingEvent] | Rejected:
    if not state.tool_known:
        return tools.UNKNOWN
    match command:
        case MakeRuling(selector=selector, verdict=verdict, reason=reason):
            return [] if state.made else [RulingMade(selector, verdict, reason)]
        case LiftRuling():
            if not state.made:
                return UNKNOWN
            return [] if state.verdict is None else [RulingLifted()]
    assert_never(command)


def _as_sent(command: RulingCommand) -> RulingCommand:
    """A ruling's id is made anew for each request."""
    return replace(command, ruling=RulingId("")) if isinstance(command, MakeRuling) else command


decider: Decider[RulingCommand, Ruling] = Decider(
    initial=Ruling(),
    streams=lambda command: (stream(command.ruling), tools.stream(command.tool)),
    subject=lambda command: command.tool,
    evolve=evolve,
    decide=decide,
    as_sent=_as_sent,
)
