"""The commands of the rows of each kind of import."""

import hmac
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from votes.app.bookmarks import lists as bookmarks
from votes.app.catalogue import tools as catalogue
from votes.domain import review, vote
from votes.domain import tool as tools
from votes.domain.bookmarks import bookmark
from votes.domain.bookmarks.bookmark import Annotations
from votes.domain.person import Person
from votes.domain.review import Opinion
from votes.domain.terms import (
    Choice,
    CollectionId,
    PersonaSlug,
    PersonId,
    Rank,
    ReviewBody,
    Score,
    Subject,
    Text,
    ToolId,
    ToolSlug,
    VoterId,
    WebAddress,
    visitor,
)
from votes.domain.tool import Entry
from votes.engine.bulk import Alike, Bulk, submit_all
from votes.engine.decider import Decider, Rejected
from votes.engine.handle import Request
from votes.engine.log import TIME_MIN
from votes.engine.ports import EventStore, Meta
from votes.resources import new_tool_id, now
from votes.store.people import People

ACTOR = Meta(actor="import")
CREATED_CATEGORY = "Imported"
_encode = msgspec.json.Encoder(order="sorted").encode
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
    collection: CollectionId | None = None
    rank: Rank | None = None
    url: WebAddress | None = None
    at: datetime | None = None


Row = dict[str, Any]


class Wanted(Struct, frozen=True, gc=False):
    """A row: the command for the tool to which `slug` leads, at the time `at`. `user` is what the
    row calls a user, if it names one (see `people_of`), and `of` is then called with the person.
    `like` stands for all commands that are decided like this one, if there are such."""

    decider: Decider[Any, Any]
    slug: ToolSlug
    at: datetime
    of: Callable[[ToolId, Person | None], Any]
    user: str | None = None
    like: Any = None

    def request(self, kind: str, row: Row, tool: ToolId, person: Person | None) -> Request:
        """The row's request."""
        command, command_id = self.of(tool, person), UUID(_command_id(kind, row, person))
        unless = () if person is None else (person.stream,)
        return Request(self.decider, command, ACTOR, self.at, command_id, unless=unless)

    def alike(self, kind: str, row: Row, tool: ToolId, person: Person | None) -> Alike:
        """The row's request, as one of many that are decided alike."""
        streams = self.decider.streams(self.of(tool, person))
        unless = () if person is None else (person.stream,)
        return Alike(self.like, streams, tool, self.at, _command_id(kind, row, person), unless)


def _command_id(kind: str, row: Row, person: Person | None) -> str:
    """A hash of the row's content, so that the row is executed once: of a person's row with the
    person's key, so that it says nothing without that."""
    content = kind.encode() + b":" + _encode(row)
    if person is None:
        return sha256(content).hexdigest()[:32]
    return hmac.digest(person.key, content, "sha256").hex()[:32]


Read = Callable[[Row, datetime], Wanted]
"""Decodes the fields of a row that is read at this moment. Raises `ValueError` with the reason."""


def _moment(at: datetime | None, now: datetime) -> datetime:
    """The row's time in UTC, now if it has none. Raises `ValueError`."""
    if at is None:
        return now
    try:
        moment = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"at: {error}") from error
    if moment < TIME_MIN:
        raise ValueError(f"at: {moment.isoformat()} is before {TIME_MIN.date()}")
    if moment - now > AHEAD_MAX:
        raise ValueError(f"at: {moment.isoformat()} is more than an hour from now")
    return moment


def _vote(fields: Row, now: datetime) -> Wanted:
    row = msgspec.convert(fields, _VoteRow, strict=False)
    kind, colon, name = row.voter.partition(":")
    voter, user = VoterId(f"import:{row.voter}"), None
    match f"{kind}{colon}":
        case "user:":
            user = msgspec.convert(name, Subject)
        case "person:":
            user = row.voter
        case "visitor:":
            voter = visitor(name)
        case "v:" | "for:" | "import:":
            voter = VoterId(row.voter)
        case _:
            pass

    def cast(tool: ToolId, person: Person | None) -> vote.CastVote:
        return vote.CastVote(tool, voter if person is None else person.voter, row.choice)

    like = vote.CAST[row.choice]
    return Wanted(vote.decider, row.tool, _moment(row.at, now), cast, user, like)


class _Slug(Struct):
    slug: ToolSlug


def _tool(fields: Row, now: datetime) -> Wanted:
    slug = msgspec.convert(fields, _Slug).slug
    rest = {key: value for key, value in fields.items() if key != "slug"}
    if isinstance(rest.get("plans"), str):  # in a table they are JSON
        rest["plans"] = msgspec.json.decode(rest["plans"])
    entry = msgspec.convert(rest, Entry, strict=False)
    return Wanted(tools.decider, slug, now, lambda tool, _: tools.ListTool(tool, slug, entry))


def _review(fields: Row, now: datetime) -> Wanted:
    row = msgspec.convert(fields, _ReviewRow, strict=False)
    opinion = Opinion(row.score, row.choice, row.body)
    return Wanted(
        review.decider,
        row.tool,
        _moment(row.at, now),
        lambda tool, _: review.PublishReview(tool, row.persona, opinion),
    )


def _tags(written: str | tuple[str, ...]) -> tuple[str, ...]:
    """Tags separated by `;`, or a JSON list, which an export writes where a tag has a `;`."""
    tags: Sequence[str] = written.split(";") if isinstance(written, str) else written
    if isinstance(written, str) and written.startswith("["):
        with suppress(msgspec.MsgspecError):
            tags = msgspec.json.decode(written, type=list[str])
    return tuple(tag.strip() for tag in tags if tag.strip())


def _bookmark(fields: Row, now: datetime) -> Wanted:
    row = msgspec.convert(fields, _BookmarkRow, strict=False)
    kept: Row = {"note": row.note, "tags": _tags(row.tags)}
    kept |= {"collection": row.collection, "rank": row.rank, "url": row.url}
    annotations, at = msgspec.convert(kept, Annotations), _moment(row.at, now)

    def keep(tool: ToolId, person: Person | None) -> bookmark.KeepBookmark:
        assert person is not None  # the row names one
        return bookmarks.keep(person, tool, annotations, at)

    return Wanted(bookmark.decider, row.tool, at, keep, row.user)


IMPORTS: dict[str, Read] = {
    "votes": _vote,
    "tools": _tool,
    "reviews": _review,
    "bookmarks": _bookmark,
}


RowRequest = tuple[Wanted, tuple[str, Row, ToolId, Person | None]]
"""What a row wants, and the arguments of its request."""


class Rows:
    """Stores what rows want, piece by piece."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._votes = Bulk(store, vote.decider, ACTOR)

    async def submit(
        self, requests: Sequence[RowRequest], before: Awaitable[Any] | None = None
    ) -> list[bool | Rejected]:
        """In order; of each row whether it added something. Raises `Unavailable`.

        Nothing is stored until `before` is done, or where it fails."""
        alike = all(wanted.like is not None for wanted, _ in requests)
        commands = [wanted.alike(*row) for wanted, row in requests] if alike else []
        assumed = await self._votes.assume(commands) if commands else None
        if before is not None:
            await before
        if commands:
            results = await self._votes.submit(commands, assumed)
            if results is not None:
                return results
        single = [wanted.request(*row) for wanted, row in requests]
        return [
            result if isinstance(result, Rejected) else result.changed and not result.repeated
            for result in await submit_all(self._store, single)
        ]


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
        listings = [tools.ListTool(new[slug], slug, Entry(slug, CREATED_CATEGORY)) for slug in new]
        await submit_all(store, [Request(tools.decider, each, ACTOR, now()) for each in listings])
        ids |= await catalogue.ids(store, None, new)
    return ids


PERSON = "person:"
"""What comes before a person's id in files."""


async def people_of(people: People, names: Collection[str]) -> dict[str, Person]:
    """The persons that rows call so: `person:ID`, as exports have it, for one that exists; any
    other name is the subject of a login, and its person is made where there is none."""
    by_id = {name: PersonId(name.removeprefix(PERSON)) for name in names if name.startswith(PERSON)}
    existing = await people.by_id(by_id.values())
    found = {name: existing[person] for name, person in by_id.items() if person in existing}
    return found | await people.persons([name for name in names if name not in by_id])
