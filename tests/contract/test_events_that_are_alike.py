"""Events of votes are counted together, also where fields differ that make no difference."""

from datetime import UTC, datetime, timedelta

import pytest

from votes.domain.vote_events import VoteCast
from votes.engine.log import POSITION_MAX, Stream
from votes.engine.ports import Addition, Append, CountQuery, EventCount, Meta

EVENTS = (
    VoteCast("ship", claims={"plan": "pro"}),
    VoteCast("ship", "skip", claims={"organisation": "acme", "plan": "pro"}),
    VoteCast("ship"),
    VoteCast("ship", "skip", previous_claims={"plan": "pro"}),
)


@pytest.mark.parametrize("late", [True, False])
async def test_they_are_counted_together_without_these_fields(log, late):
    now = datetime.now(UTC)
    then = now - timedelta(days=1) if late else now
    added = [Addition(Stream("a"), version, "a", event) for version, event in enumerate(EVENTS)]
    await log.append([Append(added, Meta("test"), then)])

    async def found(*apart_from):
        asked = "a", (VoteCast,), late, 0, POSITION_MAX, then, now, (), apart_from
        return await log.count_events(CountQuery(*asked))

    alike = await found("claims", "previous_claims")
    assert sorted(alike, key=lambda one: one.position) == [
        EventCount(VoteCast("ship"), 2, 3),
        EventCount(VoteCast("ship", "skip"), 2, 4),
    ]
    apart = sorted(await found(), key=lambda one: one.position)
    assert [(one.event, one.count) for one in apart] == [(event, 1) for event in EVENTS]
