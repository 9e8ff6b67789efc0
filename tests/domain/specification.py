"""Given these events, when this is commanded, then that happens."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from votes.engine.decider import Decider, Rejected, fold


class Decided(Struct, frozen=True):
    decision: Sequence[Any] | Rejected

    def then(self, *events: Any) -> None:
        assert not isinstance(self.decision, Rejected), self.decision
        assert list(self.decision) == list(events)

    def then_nothing(self) -> None:
        self.then()

    def then_refused(self, code: str) -> None:
        assert isinstance(self.decision, Rejected), self.decision
        assert self.decision.code == code


class Given(Struct, frozen=True):
    decider: Decider[Any, Any]
    events: tuple[Any, ...]

    def when(self, command: Any) -> Decided:
        return Decided(self.decider.decide(command, fold(self.decider, self.events)))


def given(decider: Decider[Any, Any], *events: Any) -> Given:
    return Given(decider, events)
