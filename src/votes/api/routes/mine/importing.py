"""A user's bookmarks as files, and the pages in them that are no tools."""

from typing import Annotated

from litestar import delete, get, post
from litestar.params import Parameter
from litestar.response.base import ASGIResponse

from votes.api.operation import Operation
from votes.app.bookmarks import unmatched
from votes.app.bookmarks.responses import ImportView, UnmatchedPages
from votes.app.catalogue.paging import LIMIT_DEFAULT
from votes.formats.files import FILE_BYTES_MAX, MEDIA_TYPES, Format
from votes.http.actions.importing import exported, import_of, remove_unmatched, take
from votes.http.checks.identity import require_user
from votes.http.checks.limiting import Limited
from votes.http.exchange import Http, no_content, private, read_as, services
from votes.http.parameters import Cursor, Limit

NOTHING = UnmatchedPages([], None)
OneImport = Annotated[str, Parameter(description="An import's id.")]
OneUnmatched = Annotated[str, Parameter(description="The id of a page that is no tool here.")]


@post(
    "/v1/me/bookmarks/import",
    operation_id="importBookmarks",
    summary="Import a file of bookmarks",
    tags=["bookmarks"],
    status_code=202,
    request_max_body_size=FILE_BYTES_MAX,
    opt=Operation(
        responses={202: ImportView}, who="user", file=True, limited=Limited("imports")
    ).opt,
)
async def import_bookmarks(request: Http) -> ASGIResponse:
    """Netscape HTML, as browsers, Pinboard, Shaarli, linkding and Pocket write it; JSON of
    linkding, Pinboard, wallabag, Karakeep, Linkwarden and Omnivore; CSV of Raindrop, Pocket,
    Instapaper and Omnivore; or an export of this API. The content says which. `Location` says how
    far it is. The same file again changes nothing, so it takes no `Idempotency-Key`."""
    user = await require_user(request)
    begun = await take(request, user, await request.body())
    location = f"/v1/me/bookmarks/imports/{begun.id}".encode()
    return private(begun, status=202, headers=((b"location", location),))


@get(
    "/v1/me/bookmarks/imports/{import_id:str}",
    operation_id="getImport",
    summary="How far an import of mine is",
    tags=["bookmarks"],
    opt=Operation(responses={200: ImportView}, who="user", limited=Limited("reads")).opt,
)
async def get_import(request: Http, import_id: OneImport) -> ASGIResponse:
    """For a day."""
    return private(await import_of(request, await require_user(request), import_id))


@get(
    "/v1/me/bookmarks/export",
    operation_id="exportBookmarks",
    summary="My bookmarks as a file",
    tags=["bookmarks"],
    opt=Operation(
        responses={},
        gives=("text/html", "application/json", "text/csv"),
        who="user",
        limited=Limited("reads"),
    ).opt,
)
async def export_bookmarks(request: Http, format: Format = "html") -> ASGIResponse:  # noqa: A002
    """Bookmarks, and pages that are no tools here, with folders, tags, notes and times. Imported
    again it is the same."""
    user = await require_user(request)
    return file_of(await exported(request, user, format), format)


def file_of(content: bytes, form: Format) -> ASGIResponse:
    """The file, to be saved."""
    headers = (
        (b"cache-control", b"private, no-store"),
        (b"content-type", MEDIA_TYPES[form].encode()),
        (b"content-disposition", f'attachment; filename="bookmarks.{form}"'.encode()),
    )
    return ASGIResponse(body=content, encoded_headers=headers)


@get(
    "/v1/me/bookmarks/unmatched",
    operation_id="listUnmatchedPages",
    summary="Pages of my imported files that are no tools here",
    tags=["bookmarks"],
    opt=Operation(responses={200: UnmatchedPages}, who="user", limited=Limited("reads")).opt,
)
async def list_unmatched(
    request: Http, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> ASGIResponse:
    """One that becomes a tool here becomes a bookmark within ten minutes."""
    store = services(request).store
    found = await read_as(
        request,
        await require_user(request),
        lambda person: unmatched.listed(store, person, cursor, limit),
    )
    return private(found or NOTHING)


@delete(
    "/v1/me/bookmarks/unmatched/{unmatched_id:str}",
    operation_id="removeUnmatchedPage",
    summary="Remove a page that is no tool here",
    tags=["bookmarks"],
    status_code=200,  # the answer itself says 204
    opt=Operation(write=True, who="user", limited=Limited("writes")).opt,
)
async def remove_unmatched_page(request: Http, unmatched_id: OneUnmatched) -> ASGIResponse:
    """Without such a page this changes nothing."""
    user = await require_user(request)
    return no_content(await remove_unmatched(request, user, unmatched_id))


ROUTES = [import_bookmarks, get_import, export_bookmarks, list_unmatched, remove_unmatched_page]
