"""What the scan knows of the log. The same log leads to the same state, wherever the scan began.

The state begins anew every `SEGMENT` positions: it is that of the votes of the current segment and
of the one before. So it is bounded, a process that starts reads two segments at most, and its
numbers are those of a process that has run all the time."""

from collections.abc import Iterator

from votes.domain.vote import Vote, evolve, voter_of
from votes.domain.vote_events import UNTIL_PROVEN, VOTE_EVENTS, VoteCast
from votes.engine.log import Position, Recorded
from votes.scan.lockstep import Group, Lockstep
from votes.scan.newness import Burst, Newness

SEGMENT = 131_072


def begins(position: Position, segment: int = SEGMENT) -> Position:
    """After which position one has to read to know the state at the position."""
    return max((position - 1) // segment - 1, 0) * segment


class Scan:
    """The state after the events that were added, in the order of the log."""

    def __init__(self, begun: Position = 0, segment: int = SEGMENT) -> None:
        self.position, self._segment = begun, segment
        self._number = begun // segment
        self.lockstep = Lockstep()
        self._newness = [Newness()]
        self._held: dict[str, dict[str, None]] = {}

    def add(self, recorded: Recorded) -> Burst | None:
        """The alarm that the event leads to, if it does."""
        number = (recorded.position - 1) // self._segment
        if number > self._number:
            self._begin_segment(number)
        self.position = recorded.position
        event = recorded.event
        if isinstance(event, VOTE_EVENTS):
            held = self._held.setdefault(recorded.subject, {})
            held.pop(recorded.stream, None)
            if evolve(Vote(), event).against in UNTIL_PROVEN:
                held[recorded.stream] = None
        if not isinstance(event, VoteCast) or event.previous == event.choice:
            return None
        try:
            voter = voter_of(recorded.stream)
        except ValueError:  # another program wrote it
            return None
        vote = (
            voter,
            recorded.subject,
            event.choice == "ship",
            int(recorded.at.timestamp()),
            recorded.position,
        )
        self.lockstep.add(*vote)
        first, *_ = [newness.add(*vote) for newness in self._newness]
        return first

    def groups(self) -> Iterator[Group | None]:
        """See `Lockstep.groups`."""
        return self.lockstep.groups()

    def tools_with_held_votes(self) -> list[str]:
        return sorted(tool for tool, held in self._held.items() if held)

    def _begin_segment(self, number: int) -> None:
        segment = Lockstep()
        for vote in self.lockstep.casts.after((number - 1) * self._segment):
            segment.add(*vote)
        self.lockstep = segment
        before = self._newness[-1] if number == self._number + 1 else Newness()
        self._newness = [before, Newness()]
        self._number = number
