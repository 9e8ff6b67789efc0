"""A user's bookmarks as a file: taken in, and given out."""

import asyncio
import secrets

import msgspec

from votes.app import import_file
from votes.app.bookmarks.exporting import all_saved
from votes.app.bookmarks.responses import ImportView
from votes.domain.bookmarks import unmatched as pages
from votes.domain.bookmarks.unmatched import RemoveUnmatched, UnmatchedId, unmatched_id
from votes.formats import files
from votes.formats.saved import Saved
from votes.http.actions.bookmarking import shelf_of
from votes.http.deadlines import WRITE_S, within
from votes.http.errors import Refused
from votes.http.exchange import Http, services, write_as
from votes.http.hosts import base
from votes.http.logins.tokens import User

IMPORT_ID_BYTES = 16


async def take(request: Http, user: User, data: bytes) -> ImportView:
    """Have the file imported. Raises `Refused` and `Unavailable`."""
    if not data:
        raise Refused("invalid_body", "The file is empty.")
    parts = services(request)
    with within(WRITE_S):
        person = await parts.people.person(user.subject)
        sealed = await asyncio.to_thread(import_file.seal, person, data)
        name = secrets.token_urlsafe(IMPORT_ID_BYTES)
        if not await parts.imports.add(person.id, name, sealed):
            raise Refused("overloaded", "Other imports wait: try again in a moment.")
    return ImportView(name, "waiting")


async def import_of(request: Http, user: User, name: str) -> ImportView:
    """How far the user's import is. Raises `Refused` and `Unavailable`."""
    parts = services(request)
    with within(WRITE_S):
        person = await parts.people.find(user.subject)
        job = await parts.imports.job(name) if _is_name(name) else None
    if job is None or person is None or job.person != person.id:
        raise Refused("import_unknown", "There is no such import, or it is of another day.")
    return job.view


def _is_name(name: str) -> bool:
    return name.isascii() and all(one.isalnum() or one in "-_" for one in name)


async def remove_unmatched(request: Http, user: User, written: str) -> int:
    """Remove the page; the position of that. Raises `Refused` and `Unavailable`.

    What cannot be an id stands for a page that is not there: an `Idempotency-Key` holds for it too.
    """
    try:
        page = msgspec.convert(written, UnmatchedId)
    except msgspec.ValidationError:
        page = unmatched_id(written.encode(), None)
    outcome, _ = await write_as(
        request, user, pages.decider, lambda person: RemoveUnmatched(person.id, page)
    )
    return outcome.position


async def exported(request: Http, user: User, form: files.Format) -> bytes:
    """All bookmarks and unmatched pages as a file. Raises `Refused` and `Unavailable`.

    It has no deadline of a read, as 50,000 pages take longer.
    """
    parts = services(request)
    shelf = await shelf_of(request, user)
    found: list[Saved] = []
    if shelf is not None:
        found = await all_saved(parts.store, parts.reader.latest, shelf, base(request))
        if await parts.store.last_events([shelf.person.stream]):
            raise Refused("ended", "The account is being erased.")
    return await asyncio.to_thread(_written, found, form)


def _written(found: list[Saved], form: files.Format) -> bytes:
    return "".join(files.write(found, form)).encode()
