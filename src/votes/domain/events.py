"""All types of events. Their names are stored: they never change."""

from typing import get_args

from votes.domain.bookmarks.bookmark import BookmarkEvent
from votes.domain.bookmarks.collection import CollectionEvent
from votes.domain.bookmarks.unmatched import UnmatchedEvent
from votes.domain.link import LinkEvent, LinkUndone
from votes.domain.moderation.finding import FindingEvent
from votes.domain.moderation.ruling import RulingEvent
from votes.domain.person import PersonEvent
from votes.domain.review import ReviewEvent
from votes.domain.tool import SlugTaken, ToolEvent
from votes.domain.vote_events import VoteEvent

Event = (
    ToolEvent
    | SlugTaken
    | VoteEvent
    | BookmarkEvent
    | CollectionEvent
    | UnmatchedEvent
    | ReviewEvent
    | RulingEvent
    | PersonEvent
    | FindingEvent
    | LinkEvent
    | LinkUndone
)

EVENT_TYPES: tuple[type, ...] = get_args(Event)
