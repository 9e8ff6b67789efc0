"""What one caller has done with tools, read from the caller's own streams in the log."""

from collections.abc import Iterable, Sequence
from typing import Any

from votes.app.answers import ToolState
from votes.domain import bookmark, vote
from votes.domain.terms import Subject, ToolSlug, VoterId
from votes.engine.decider import fold
from votes.engine.log import Stream
from votes.engine.ports import EventStore

NOTHING = ToolState(None, False)


async def states(
    store: EventStore, voter: VoterId, user: Subject | None, tools: Sequence[ToolSlug]
) -> dict[ToolSlug, ToolState]:
    """The caller's vote on each tool, and whether the user (if one) keeps it as a bookmark.

    Always has the caller's last write. Raises `Unavailable`.
    """
    votes = {tool: vote.stream(tool, voter) for tool in tools}
    kept = {tool: bookmark.stream(user, tool) for tool in tools} if user is not None else {}
    last = await store.last_events([*votes.values(), *kept.values()])

    def event(stream: Stream | None) -> Iterable[Any]:
        return [last[stream].event] if stream in last else []

    return {
        tool: ToolState(
            fold(vote.decider, event(votes[tool])).choice,
            fold(bookmark.decider, event(kept.get(tool))).added_at is not None,
        )
        for tool in tools
    }
