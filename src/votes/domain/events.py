"""All events there are. Their names are storage: they never change."""

from msgspec import Struct

from votes.domain.bookmark import BookmarkRemoved, BookmarkRevised, ToolBookmarked
from votes.domain.review import ReviewPublished, ReviewRevised, ReviewWithdrawn
from votes.domain.tool import ToolDelisted, ToolListed, ToolRevised
from votes.domain.vote import VoteCast, VoteRetracted

EVENT_TYPES: tuple[type[Struct], ...] = (
    ToolListed,
    ToolRevised,
    ToolDelisted,
    VoteCast,
    VoteRetracted,
    ToolBookmarked,
    BookmarkRevised,
    BookmarkRemoved,
    ReviewPublished,
    ReviewRevised,
    ReviewWithdrawn,
)
