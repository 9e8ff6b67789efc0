"""What one caller has done with tools, read from the caller's own streams in the log."""

from collections.abc import Sequence
from typing import Any

from votes.app.answers import ToolState
from votes.domain import bookmark, vote
from votes.domain.bookmark import BookmarkRevised, ToolBookmarked
from votes.domain.terms import Choice, Subject, ToolSlug, VoterId
from votes.domain.vote import VoteCast
from votes.engine.log import Stream
from votes.engine.ports import EventStore

NOTHING = ToolState(None, False)


async def states(
    store: EventStore, voter: VoterId, user: Subject | None, tools: Sequence[ToolSlug]
) -> dict[ToolSlug, ToolState]:
    """The caller's vote on each tool, and whether the user (if one) keeps it as a bookmark.

    Always has the caller's last write. Raises `Unavailable`.
    """
    votes = {tool: vote.stream(voter, tool) for tool in tools}
    kept = {tool: bookmark.stream(user, tool) for tool in tools} if user is not None else {}
    last = await store.last_events([*votes.values(), *kept.values()])

    def event(stream: Stream | None) -> Any:
        return last[stream].event if stream in last else None

    return {
        tool: ToolState(_choice(event(votes[tool])), _is_kept(event(kept.get(tool))))
        for tool in tools
    }


def _choice(last: Any) -> Choice | None:
    return last.choice if isinstance(last, VoteCast) else None


def _is_kept(last: Any) -> bool:
    return isinstance(last, ToolBookmarked | BookmarkRevised)
