"""What a row of each kind of import asks for."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from votes.domain import bookmark, review, tool, vote
from votes.domain.bookmark import Annotations
from votes.domain.review import Opinion
from votes.domain.terms import (
    Choice,
    Label,
    PersonaSlug,
    ReviewBody,
    Score,
    Subject,
    Text,
    ToolSlug,
    VoterId,
)
from votes.domain.tool import Entry
from votes.engine.handle import Request
from votes.engine.log import TIME_MIN
from votes.engine.ports import Meta
from votes.store.postgres import PostgresEventStore
from votes.wiring import now

ACTOR = Meta(actor="import")
CREATED_CATEGORY = "Imported"
AHEAD_MAX = timedelta(hours=1)
"""How far a row's time may lie in the future: clocks differ, and a later vote would trend alone."""


class _VoteRow(Struct, forbid_unknown_fields=True):
    tool: ToolSlug
    voter: Subject
    choice: Choice
    at: datetime | None = None


class _ReviewRow(Struct, forbid_unknown_fields=True):
    tool: ToolSlug
    persona: PersonaSlug
    score: Score
    choice: Choice
    body: ReviewBody = ""
    at: datetime | None = None


class _BookmarkRow(Struct, forbid_unknown_fields=True):
    user: Subject
    tool: ToolSlug
    note: Text = ""
    tags: str | tuple[str, ...] = ()
    collection: Label | None = None
    at: datetime | None = None


class _Slug(Struct):
    slug: ToolSlug


class Wanted:
    """One kind of import: `request` makes the command of a row, `ValueError` says what is wrong."""

    kind: str

    def request(self, fields: dict[str, Any], command_id: UUID) -> Request:
        raise ValueError("nothing is imported")

    async def missing_tools(
        self, store: PostgresEventStore, requests: Sequence[Request]
    ) -> list[Request]:
        """Commands to list the tools of these requests that were never listed."""
        asked = {request.command.tool: tool.stream(request.command.tool) for request in requests}
        known = await store.last_events(asked.values())
        return [
            Request(tool.decider, tool.ListTool(slug, Entry(slug, CREATED_CATEGORY)), ACTOR, now())
            for slug, stream in asked.items()
            if stream not in known
        ]


def _moment(at: datetime | None) -> datetime:
    """A row's time in UTC; without one, now. Raises `ValueError`."""
    if at is None:
        return now()
    try:
        moment = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"at: {error}") from error
    if moment < TIME_MIN:
        raise ValueError(f"at: {moment.isoformat()} is before {TIME_MIN.date()}")
    if moment > now() + AHEAD_MAX:
        raise ValueError(f"at: {moment.isoformat()} is more than an hour from now")
    return moment


def voter_of(name: str) -> VoterId:
    """A voter named `user:…` or `visitor:…` is that one; other names are known from files only."""
    if name.startswith(("user:", "visitor:", "import:")):
        return VoterId(name)
    return VoterId(f"import:{name}")


class _Votes(Wanted):
    kind = "votes"

    def request(self, fields: dict[str, Any], command_id: UUID) -> Request:
        row = msgspec.convert(fields, _VoteRow, strict=False)
        command = vote.CastVote(row.tool, voter_of(row.voter), row.choice)
        return Request(vote.decider, command, ACTOR, _moment(row.at), command_id)


class _Tools(Wanted):
    kind = "tools"

    def request(self, fields: dict[str, Any], command_id: UUID) -> Request:
        slug = msgspec.convert(fields, _Slug).slug
        entry = {key: value for key, value in fields.items() if key != "slug"}
        command = tool.ListTool(slug, msgspec.convert(entry, Entry, strict=False))
        return Request(tool.decider, command, ACTOR, now(), command_id)

    async def missing_tools(
        self, store: PostgresEventStore, requests: Sequence[Request]
    ) -> list[Request]:
        return []  # the rows themselves list them


class _Reviews(Wanted):
    kind = "reviews"

    def request(self, fields: dict[str, Any], command_id: UUID) -> Request:
        row = msgspec.convert(fields, _ReviewRow, strict=False)
        opinion = Opinion(row.score, row.choice, row.body)
        command = review.PublishReview(row.tool, row.persona, opinion)
        return Request(review.decider, command, ACTOR, _moment(row.at), command_id)


def _tags(written: str | tuple[str, ...]) -> tuple[str, ...]:
    """Tags separated by `;`, or as a list in JSON, which an export writes where a tag has a `;`."""
    tags: Sequence[str] = written.split(";") if isinstance(written, str) else written
    if isinstance(written, str) and written.startswith("["):
        with suppress(msgspec.MsgspecError):
            tags = msgspec.json.decode(written, type=list[str])
    return tuple(tag.strip() for tag in tags if tag.strip())


class _Bookmarks(Wanted):
    kind = "bookmarks"

    def request(self, fields: dict[str, Any], command_id: UUID) -> Request:
        row = msgspec.convert(fields, _BookmarkRow, strict=False)
        kept = {"note": row.note, "tags": _tags(row.tags), "collection": row.collection}
        at = _moment(row.at)
        command = bookmark.KeepBookmark(row.user, row.tool, msgspec.convert(kept, Annotations), at)
        return Request(bookmark.decider, command, ACTOR, at, command_id)


IMPORTS: dict[str, Wanted] = {
    wanted.kind: wanted for wanted in (_Votes(), _Tools(), _Reviews(), _Bookmarks())
}
