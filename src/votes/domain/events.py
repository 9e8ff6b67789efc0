"""All events there are. Their names are storage: they never change."""

from msgspec import Struct

from votes.domain.bookmark import BookmarkRemoved, BookmarkRevised, ToolBookmarked
from votes.domain.review import ReviewPublished, ReviewRevised, ReviewWithdrawn
from votes.domain.tool import ToolDelisted, ToolListed, ToolRevised
from votes.domain.vote import VoteCast, VoteRetracted

REASON_LENGTH_MAX = 200


class Unreadable(Struct, frozen=True):
    """What stands in the log where this release can read no event, and why it cannot.

    A newer release may have written it, or something that is no release of ours.
    """

    type: str
    schema: int
    reason: str

    @property
    def kind(self) -> str:
        return f"{self.type}/{self.schema}"


def told(error: Exception) -> str:
    """An error as a reason: short, whatever it quotes."""
    return f"{type(error).__name__}: {error}"[:REASON_LENGTH_MAX]


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
