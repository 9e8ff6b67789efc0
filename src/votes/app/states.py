"""A caller's votes and bookmarks, read from the caller's own streams in the log."""

from collections.abc import Mapping
from typing import Any

from votes.app.my_responses import ToolState
from votes.domain import link, vote
from votes.domain.bookmarks import bookmark
from votes.domain.bookmarks.bookmark import BookmarkRevised, ToolBookmarked
from votes.domain.link import VisitorLinked
from votes.domain.person import Person
from votes.domain.terms import Choice, ToolId, ToolSlug, VoterId, visitor_of
from votes.domain.vote import Vote
from votes.domain.vote_events import VOTE_EVENTS
from votes.engine.log import Stream
from votes.engine.ports import EventStore

NOTHING = ToolState(None, False)


async def states(
    store: EventStore, voter: VoterId, person: Person | None, tools: Mapping[ToolSlug, ToolId]
) -> dict[ToolSlug, ToolState] | None:
    """The caller's vote on each tool, and whether the person (if the caller is one) has bookmarked
    it; None for a person who is erased, and for a visitor who is linked: their votes are a user's.

    Always includes the caller's last write. Raises `Unavailable`.
    """
    votes = {slug: vote.stream(voter, tool) for slug, tool in tools.items()}
    bookmarks, own = {}, []
    if person is not None:
        bookmarks = {slug: bookmark.stream(person.id, tool) for slug, tool in tools.items()}
        own = [person.stream]
    by = visitor_of(voter)
    links = [link.stream(by)] if by is not None else []
    last = await store.last_events([*votes.values(), *bookmarks.values(), *own, *links])
    linked = any(isinstance(last[each].event, VisitorLinked) for each in links if each in last)
    if linked or any(stream in last for stream in own):
        return None

    def event(stream: Stream | None) -> Any:
        return last[stream].event if stream in last else None

    return {
        slug: ToolState(_choice(event(votes[slug])), _is_bookmark(event(bookmarks.get(slug))))
        for slug in tools
    }


def _choice(last: Any) -> Choice | None:
    return vote.evolve(Vote(), last).choice if isinstance(last, VOTE_EVENTS) else None


def _is_bookmark(last: Any) -> bool:
    return isinstance(last, ToolBookmarked | BookmarkRevised)
