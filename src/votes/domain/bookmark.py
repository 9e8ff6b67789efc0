"""Bookmarks: a user's saved tools, each with a note, tags and a collection.

Events and commands have these only encrypted with the user's key, see `votes.app.bookmarks`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, assert_never

from msgspec import Struct

from votes.domain import tool as tools
from votes.domain.terms import Label, PersonId, Tags, Text, ToolId
from votes.domain.tool import ToolEvent
from votes.engine.decider import Decider, Rejected
from votes.engine.log import Stream


class Annotations(Struct, frozen=True, forbid_unknown_fields=True):
    """What a user writes beside a bookmark."""

    note: Text = ""
    tags: Tags = ()
    collection: Label | None = None

    def canonical(self) -> "Annotations":
        """Tags trimmed, empty ones dropped, each kept once in the order first given."""
        tags = dict.fromkeys(tag.strip() for tag in self.tags)
        tags.pop("", None)
        return Annotations(self.note, tuple(tags), self.collection)


def stream(user: PersonId, tool: ToolId) -> Stream:
    return Stream(f"{prefix(user)}{tool}")


def prefix(user: PersonId) -> str:
    """The prefix of the streams of all bookmarks of a user, and of no other stream."""
    return f"bookmark:{user}:"


def user_of(stream: Stream) -> PersonId:
    """The user of a bookmark's stream. Raises `ValueError` for another stream."""
    kind, _, rest = stream.partition(":")
    user, colon, _ = rest.partition(":")
    if kind != "bookmark" or not colon:
        raise ValueError("not the stream of a bookmark")
    return PersonId(user)


Sealed = bytes
"""Annotations, encrypted; empty where nothing is written."""


class ToolBookmarked(Struct, frozen=True):
    annotations: Sealed
    added_at: datetime


class BookmarkRevised(Struct, frozen=True):
    annotations: Sealed
    added_at: datetime


class BookmarkRemoved(Struct, frozen=True): ...


BookmarkEvent = ToolBookmarked | BookmarkRevised | BookmarkRemoved


class Bookmark(Struct, frozen=True):
    """`added_at` is None where there is no bookmark."""

    listed: bool = False
    added_at: datetime | None = None
    annotations: Sealed = b""


def evolve(state: Bookmark, event: BookmarkEvent | ToolEvent) -> Bookmark:
    match event:
        case ToolBookmarked() | BookmarkRevised():
            return Bookmark(state.listed, event.added_at, event.annotations)
        case BookmarkRemoved():
            return Bookmark(state.listed)
        case _:
            return Bookmark(tools.is_listed(event), state.added_at, state.annotations)


class KeepBookmark(Struct, frozen=True):
    """Add the bookmark, or revise the existing one; `at` is the time of the command.

    Without annotations, the existing ones stay.
    """

    user: PersonId
    tool: ToolId
    annotations: Sealed | None
    at: datetime


class RemoveBookmark(Struct, frozen=True):
    user: PersonId
    tool: ToolId


BookmarkCommand = KeepBookmark | RemoveBookmark


def decide(command: BookmarkCommand, state: Bookmark) -> Sequence[BookmarkEvent] | Rejected:
    match command:
        case KeepBookmark(annotations=annotations, at=at):
            if not state.listed:
                return tools.UNKNOWN
            new = state.annotations if annotations is None else annotations
            if state.added_at is None:
                return [ToolBookmarked(new, added_at=at)]
            if new == state.annotations:
                return []
            return [BookmarkRevised(new, added_at=state.added_at)]
        case RemoveBookmark():
            return [] if state.added_at is None else [BookmarkRemoved()]
    assert_never(command)


def _as_sent(command: BookmarkCommand) -> Any:
    match command:
        case KeepBookmark(user, tool, annotations):
            return user, tool, annotations
        case RemoveBookmark():
            return command
    assert_never(command)


decider: Decider[BookmarkCommand, Bookmark] = Decider(
    initial=Bookmark(),
    streams=lambda command: (
        stream(command.user, command.tool),
        tools.stream(command.tool),
    ),
    subject=lambda command: command.tool,
    evolve=evolve,
    decide=decide,
    as_sent=_as_sent,
    owned=True,
)
