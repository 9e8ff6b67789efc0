"""Bookmarks: a user's saved tools, each with a note, tags, a collection and a place in it.

Events and commands have these only encrypted with the user's key, see
`votes.app.bookmarks.sealing`. The subject of the events is the user: what happened to all bookmarks
of a user is read in order by the index of subjects.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, assert_never

from msgspec import Struct
from msgspec.structs import replace

from votes.domain import tool as tools
from votes.domain.bookmarks.ranks import default_rank
from votes.domain.conditions import CHANGED, AnyOf, matches
from votes.domain.terms import (
    CollectionId,
    PersonId,
    Rank,
    Tags,
    Text,
    ToolId,
    ToolSlug,
    WebAddress,
)
from votes.domain.tool import ToolEvent
from votes.engine.decider import Decider, Rejected
from votes.engine.log import Stream

TAG_LENGTH = 16


class Annotations(Struct, frozen=True, forbid_unknown_fields=True):
    """What a user writes beside a bookmark.

    `collection` is the id of the one that it is in, in none while there is no such collection.
    Without a `rank` its place in an own order is by when it was added. `url` is the address at
    which it was saved elsewhere, where that is another one than the tool's.
    """

    note: Text = ""
    tags: Tags = ()
    collection: CollectionId | None = None
    rank: Rank | None = None
    url: WebAddress | None = None

    def canonical(self) -> "Annotations":
        """Tags trimmed, empty ones dropped, each kept once in the order first given."""
        tags = dict.fromkeys(tag.strip() for tag in self.tags)
        tags.pop("", None)
        return replace(self, tags=tuple(tags))

    def retagged(self, tag: str, to: str | None) -> "Annotations":
        """The other tag, or none, in the place of the tag."""
        tags = (to if each == tag else each for each in self.tags)
        return replace(self, tags=tuple(each for each in tags if each is not None))


def stream(user: PersonId, tool: ToolId) -> Stream:
    return Stream(f"{prefix(user)}{tool}")


def prefix(user: PersonId) -> str:
    """The prefix of the streams of all bookmarks of a user, and of no other stream."""
    return f"bookmark:{user}:"


def parts_of(stream: Stream) -> tuple[PersonId, ToolId]:
    """The user and the tool of a bookmark's stream. Raises `ValueError` for another stream."""
    kind, _, rest = stream.partition(":")
    user, colon, tool = rest.partition(":")
    if kind != "bookmark" or not colon:
        raise ValueError("not the stream of a bookmark")
    return PersonId(user), ToolId(tool)


def of_no_tool(slug: ToolSlug) -> ToolId:
    """Stands for a tool where none ever had the slug: no tool has such an id. So a command about it
    is decided like any other, and finds nothing."""
    return ToolId(f"{slug}:")


Sealed = bytes
"""Annotations, encrypted; empty where nothing is written."""


class ToolBookmarked(Struct, frozen=True):
    annotations: Sealed
    added_at: datetime


class BookmarkRevised(Struct, frozen=True):
    annotations: Sealed
    added_at: datetime
    changed_at: datetime


class BookmarkRemoved(Struct, frozen=True): ...


BookmarkEvent = ToolBookmarked | BookmarkRevised | BookmarkRemoved
BOOKMARK_EVENTS = (ToolBookmarked, BookmarkRevised, BookmarkRemoved)


class Standing(Struct, frozen=True):
    """A bookmark that is there: what is written beside it, and since when."""

    annotations: Sealed
    added_at: datetime
    changed_at: datetime

    @property
    def tag(self) -> str:
        """Stands for this state of the bookmark (RFC 9110, 8.8.3), without the quotes."""
        return tag_of(self.added_at, self.changed_at, self.annotations)


def tag_of(added_at: datetime, changed_at: datetime, *written: bytes) -> str:
    """The tag of a state with these parts."""
    times = f"{added_at.isoformat()} {changed_at.isoformat()} "
    return sha256(times.encode() + b" ".join(written)).hexdigest()[:TAG_LENGTH]


def rank_of(written: Annotations, added_at: datetime, tool: ToolId) -> Rank:
    """The bookmark's place in an own order."""
    return written.rank or default_rank(added_at, tool)


def standing(event: BookmarkEvent) -> Standing | None:
    """The bookmark after the event, None where there is none."""
    match event:
        case ToolBookmarked(annotations, added_at):
            return Standing(annotations, added_at, added_at)
        case BookmarkRevised(annotations, added_at, changed_at):
            return Standing(annotations, added_at, changed_at)
        case BookmarkRemoved():
            return None
    assert_never(event)


class Bookmark(Struct, frozen=True):
    """`standing` is None where there is no bookmark."""

    listed: bool = False
    standing: Standing | None = None


def evolve(state: Bookmark, event: BookmarkEvent | ToolEvent) -> Bookmark:
    match event:
        case ToolBookmarked() | BookmarkRevised() | BookmarkRemoved():
            return Bookmark(state.listed, standing(event))
        case _:
            return Bookmark(tools.is_listed(event), state.standing)


class KeepBookmark(Struct, frozen=True):
    """Add the bookmark, or revise the existing one; `at` is the time of the command.

    Without annotations, the existing ones stay.
    """

    user: PersonId
    tool: ToolId
    annotations: Sealed | None
    at: datetime
    if_match: AnyOf = None


class RemoveBookmark(Struct, frozen=True):
    user: PersonId
    tool: ToolId
    if_match: AnyOf = None


BookmarkCommand = KeepBookmark | RemoveBookmark


def decide(command: BookmarkCommand, state: Bookmark) -> Sequence[BookmarkEvent] | Rejected:
    before = state.standing
    if not matches(command.if_match, None if before is None else before.tag):
        return CHANGED
    match command:
        case KeepBookmark(annotations=annotations, at=at):
            if not state.listed:
                return tools.UNKNOWN
            if before is None:
                return [ToolBookmarked(annotations or b"", added_at=at)]
            if annotations is None or annotations == before.annotations:
                return []
            return [BookmarkRevised(annotations, before.added_at, changed_at=at)]
        case RemoveBookmark():
            return [] if before is None else [BookmarkRemoved()]
    assert_never(command)


def _as_sent(command: BookmarkCommand) -> Any:
    match command:
        case KeepBookmark(user, tool, annotations, if_match=if_match):
            return user, tool, annotations, if_match
        case RemoveBookmark():
            return command
    assert_never(command)


decider: Decider[BookmarkCommand, Bookmark] = Decider(
    initial=Bookmark(),
    streams=lambda command: (
        stream(command.user, command.tool),
        tools.stream(command.tool),
    ),
    subject=lambda command: command.user,
    evolve=evolve,
    decide=decide,
    as_sent=_as_sent,
    owned=True,
)
