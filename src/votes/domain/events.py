"""All events there are. Their names are storage: they never change."""

from typing import Any

from msgspec import Struct

from votes.domain.bookmark import BookmarkRemoved, BookmarkRevised, ToolBookmarked
from votes.domain.review import ReviewPublished, ReviewRevised, ReviewWithdrawn
from votes.domain.tool import ToolDelisted, ToolListed, ToolRevised
from votes.domain.vote import VoteCast, VoteRetracted


class Unknown(Struct, frozen=True):
    """An event of a type or schema that this release does not know: a newer one wrote it."""

    type: str
    schema: int
    data: Any

    @property
    def kind(self) -> str:
        return f"{self.type}/{self.schema}"


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
