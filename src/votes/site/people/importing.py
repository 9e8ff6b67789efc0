"""The page on which bookmarks come in as a file, and leave as one."""

from litestar import get, post
from litestar.datastructures import UploadFile
from litestar.exceptions import HTTPException
from litestar.response.base import ASGIResponse

from votes.app.bookmarks import unmatched
from votes.app.bookmarks.responses import ImportView
from votes.formats.files import FILE_BYTES_MAX
from votes.http.actions.importing import import_of, remove_unmatched, take
from votes.http.checks.identity import require_user
from votes.http.checks.limiting import Limited
from votes.http.errors import Refused
from votes.http.exchange import Http, header, read_as, services
from votes.http.hosts import base
from votes.http.logins.tokens import User
from votes.http.parameters import Cursor, Only
from votes.languages import gettext
from votes.site.forms import local, read_form
from votes.site.html import PRIVATE, redirect
from votes.site.reading import answer, reader
from votes.site.refusals import said
from votes.site.render import Head, query, titled

PATH = "/bookmarks/import"
ROWS_MAX = 40
FORM_BYTES_MAX = FILE_BYTES_MAX + 4_096
FORM_TYPE = "multipart/form-data"


@get(PATH, opt=Limited("reads").opt)
async def import_page(request: Http, id: Only = None, cursor: Cursor = None) -> ASGIResponse:  # noqa: A002
    """A form for a file; how far the import `id` is; pages that are no tools here."""
    caller = await reader(request)
    head = Head(
        titled(gettext("Import and export")),
        gettext("Bring your bookmarks, and take them with you."),
        PATH,
        base(request),
        section="bookmarks",
        indexed=False,
    )
    if caller.user is None:
        ended = caller.login_ended
        return await answer(
            request, "people/bookmarks.html", head, private=True, listing=None, login_ended=ended
        )
    told = await _told(request, caller.user, id) if id else None
    store = services(request).store
    found = await read_as(
        request, caller.user, lambda person: unmatched.listed(store, person, cursor, ROWS_MAX)
    )
    return await answer(
        request,
        "people/bookmarks_import.html",
        head,
        private=True,
        status=404 if id and told is None else 200,
        said=said,
        told=told,
        forgotten=id and told is None,
        pages=found.unmatched if found is not None else [],
        next_cursor=found.next_cursor if found is not None else None,
        cursor=cursor,
        here=f"{PATH}{query(cursor=cursor)}",
    )


async def _told(request: Http, user: User, name: str) -> ImportView | None:
    """How far the import is; None where that is forgotten, as after a day, or with Redis."""
    try:
        return await import_of(request, user, name)
    except Refused as refused:
        if refused.rejected.code != "import_unknown":
            raise
        return None


@post(PATH, status_code=303, request_max_body_size=FORM_BYTES_MAX, opt=Limited("imports").opt)
async def import_form(request: Http) -> ASGIResponse:
    """`file` is imported; the page says how far it is."""
    user = await require_user(request)
    begun = await take(request, user, await _file(request))
    return redirect(f"{PATH}{query(id=begun.id)}", 303, PRIVATE)


async def _file(request: Http) -> bytes:
    """The file of a form. Raises `Refused`."""
    content_type = (header(request, b"content-type") or "").partition(";")[0].strip().lower()
    if content_type != FORM_TYPE:
        raise Refused("unsupported_media_type", f"Send the form as {FORM_TYPE}.")
    try:
        file = (await request.form()).get("file")
    except HTTPException:
        raise
    except Exception as error:
        raise Refused("invalid_body", "The form cannot be read.") from error
    if not isinstance(file, UploadFile):
        raise Refused("invalid_body", "file: choose one.")
    return await file.read()


@post("/bookmarks/unmatched/remove", status_code=303, opt=Limited("writes").opt)
async def remove_form(request: Http) -> ASGIResponse:
    """Removes the page `id`."""
    user, fields = await require_user(request), await read_form(request)
    await remove_unmatched(request, user, fields.get("id", ""))
    return redirect(local(fields, PATH), 303, PRIVATE)


ROUTES = [import_page, import_form, remove_form]
