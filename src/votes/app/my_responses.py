"""The shapes of the responses to who asks for what is theirs."""

from typing import Any

from msgspec import Struct

from votes.app.bookmarks.responses import BookmarkView, CollectionView, UnmatchedPage
from votes.domain.terms import Choice, LinkId, Subject, Time, ToolSlug
from votes.engine.log import Position


class VoteView(Struct, frozen=True):
    """The current vote. `position` can be given to any read as `min_position`."""

    tool: ToolSlug
    choice: Choice | None
    previous: Choice | None
    changed: bool
    position: Position


class MyVoteView(Struct, frozen=True):
    """The caller's vote on a tool, and when it was cast. Whether it counts is not said."""

    tool: ToolSlug
    choice: Choice
    at: Time


class MyVotesPage(Struct, frozen=True):
    """`link` is the link by which a visitor's votes are a user's, None for all others."""

    votes: list[MyVoteView]
    next_cursor: str | None
    total: int
    link: LinkId | None


class ToolState(Struct, frozen=True):
    """The caller's vote and bookmark on a tool."""

    vote: Choice | None
    bookmarked: bool


class MyVote(Struct, frozen=True):
    """A vote of the caller's, when it was cast, and what of the caller's login is held with it."""

    tool: ToolSlug
    choice: Choice
    at: Time
    claims: dict[str, str]


class ActView(Struct, frozen=True):
    """What the caller did under a role: an event of the log, and the tool that it is about."""

    type: str
    tool: ToolSlug | None
    at: Time
    data: dict[str, Any]
    position: Position


class LinkTo(Struct, frozen=True):
    """A link by which a visitor's votes are the caller's, and when it was made."""

    id: LinkId
    at: Time


class MyData(Struct, frozen=True):
    """All that is held of a user. `since` is when the user wrote something for the first time, None
    where that has not happened yet. Whether a vote counts is not said."""

    id: Subject
    since: Time | None
    votes: list[MyVote]
    bookmarks: list[BookmarkView]
    collections: list[CollectionView]
    unmatched: list[UnmatchedPage]
    acts: list[ActView]
    links: list[LinkTo]
