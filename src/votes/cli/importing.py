"""The commands of the rows of each kind of import."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from votes.app import catalogue
from votes.domain import bookmark, review, vote
from votes.domain import tool as tools
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
    ToolId,
    ToolSlug,
    VoterId,
    visitor,
)
from votes.domain.tool import Entry
from votes.engine.bulk import submit_all
from votes.engine.handle import Request
from votes.engine.log import TIME_MIN
from votes.engine.ports import EventStore, Meta
from votes.wiring import new_tool_id, now

ACTOR = Meta(actor="import")
CREATED_CATEGORY = "Imported"
AHEAD_MAX = timedelta(hours=1)
"""How far in the future a row's time may be: clocks differ; a later vote would distort trends."""


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


class Wanted(Struct, frozen=True):
    """The command of a row: `of(id)` is the request for the tool to which the slug leads."""

    slug: ToolSlug
    of: Callable[[ToolId], Request]


Read = Callable[[dict[str, Any], UUID], Wanted]
"""Decodes the fields of a row, given its command id. Raises `ValueError` with the reason."""


def _moment(at: datetime | None) -> datetime:
    """The row's time in UTC, now if it has none. Raises `ValueError`."""
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
    """The voter of a name: a user or visitor for `user:…` or `visitor:…`, else `import:…`."""
    if name.startswith("visitor:"):
        return visitor(name.removeprefix("visitor:"))
    if name.startswith(("user:", "v:", "import:")):
        return VoterId(name)
    return VoterId(f"import:{name}")


def _vote(fields: dict[str, Any], command_id: UUID) -> Wanted:
    row = msgspec.convert(fields, _VoteRow, strict=False)
    at = _moment(row.at)

    def cast(tool: ToolId) -> Request:
        command = vote.CastVote(tool, voter_of(row.voter), row.choice)
        return Request(vote.decider, command, ACTOR, at, command_id)

    return Wanted(row.tool, cast)


class _Slug(Struct):
    slug: ToolSlug


def _tool(fields: dict[str, Any], command_id: UUID) -> Wanted:
    slug = msgspec.convert(fields, _Slug).slug
    rest = {key: value for key, value in fields.items() if key != "slug"}
    entry = msgspec.convert(rest, Entry, strict=False)
    return Wanted(slug, lambda tool: listing(tool, slug, entry, command_id))


def listing(tool: ToolId, slug: ToolSlug, entry: Entry, command_id: UUID | None = None) -> Request:
    command = tools.ListTool(tool, slug, entry)
    return Request(tools.decider, command, ACTOR, now(), command_id)


def _review(fields: dict[str, Any], command_id: UUID) -> Wanted:
    row = msgspec.convert(fields, _ReviewRow, strict=False)
    opinion, at = Opinion(row.score, row.choice, row.body), _moment(row.at)

    def publish(tool: ToolId) -> Request:
        command = review.PublishReview(tool, row.persona, opinion)
        return Request(review.decider, command, ACTOR, at, command_id)

    return Wanted(row.tool, publish)


def _tags(written: str | tuple[str, ...]) -> tuple[str, ...]:
    """Tags separated by `;`, or a JSON list, which an export writes where a tag has a `;`."""
    tags: Sequence[str] = written.split(";") if isinstance(written, str) else written
    if isinstance(written, str) and written.startswith("["):
        with suppress(msgspec.MsgspecError):
            tags = msgspec.json.decode(written, type=list[str])
    return tuple(tag.strip() for tag in tags if tag.strip())


def _bookmark(fields: dict[str, Any], command_id: UUID) -> Wanted:
    row = msgspec.convert(fields, _BookmarkRow, strict=False)
    kept = {"note": row.note, "tags": _tags(row.tags), "collection": row.collection}
    annotations, at = msgspec.convert(kept, Annotations), _moment(row.at)

    def keep(tool: ToolId) -> Request:
        command = bookmark.KeepBookmark(row.user, tool, annotations, at)
        return Request(bookmark.decider, command, ACTOR, at, command_id)

    return Wanted(row.tool, keep)


IMPORTS: dict[str, Read] = {
    "votes": _vote,
    "tools": _tool,
    "reviews": _review,
    "bookmarks": _bookmark,
}


async def tools_of(
    store: EventStore, kind: str, slugs: Collection[ToolSlug], *, create: bool
) -> dict[ToolSlug, ToolId]:
    """The tools to which the slugs lead. Where tools are imported, free slugs get a new id; with
    `create`, tools are listed for them."""
    ids = await catalogue.ids(store, None, slugs)
    new = {slug: new_tool_id() for slug in slugs if slug not in ids}
    if kind == "tools":
        return ids | new
    if create and new:
        entries = {slug: Entry(slug, CREATED_CATEGORY) for slug in new}
        await submit_all(store, [listing(new[slug], slug, entries[slug]) for slug in new])
        ids |= await catalogue.ids(store, None, new)
    return ids
