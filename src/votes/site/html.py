"""Responses in HTML: their headers and their problems."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar import Litestar, Request, Response
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
)
from litestar.response.base import ASGIResponse

from votes.app.shapes import Problem
from votes.engine.decider import Rejected
from votes.http.checks.identity import caller_so_far
from votes.http.edge.requests import Tell
from votes.http.errors import EXCEPTION_HANDLERS, Refused
from votes.http.etags import tagged
from votes.http.exchange import Http, header
from votes.http.moved import Moved, moved
from votes.languages import gettext, language, marked
from votes.site.account import account
from votes.site.refusals import said
from votes.site.render import Head, page, titled

HTML = "text/html"
VARY = ("vary", "Cookie, Authorization, Accept-Encoding")
PRIVATE = ("cache-control", "private, no-store")
SHARED = ("cache-control", "public, max-age=0, must-revalidate")
UNKEPT = ("cache-control", "no-store")

HEADINGS = {
    400: (
        marked("That does not add up"),
        marked("Something in the address or the form is not as it should be."),
    ),
    401: (marked("Log in first"), marked("This belongs to an account. Voting needs none.")),
    403: (
        marked("Not allowed"),
        marked(
            "A form counts when it is sent from a page of this site. Some pages are for a role."
        ),
    ),
    404: (
        marked("There is nothing here"),
        marked("The page may have moved, or the tool was delisted."),
    ),
    405: (marked("Not that way"), marked("This address is only for forms.")),
    408: (marked("Too slow"), marked("The form did not arrive whole. Send it once more.")),
    410: (
        marked("Not public any more"),
        marked("Whoever shared this has made it private, or removed it."),
    ),
    412: (
        marked("Changed meanwhile"),
        marked(
            "Somewhere else this was changed after you opened the page. Go back and load it again."
        ),
    ),
    413: (marked("Too much"), marked("That form is larger than any form of this site.")),
    415: (marked("An unknown kind of form"), marked("Only plain forms are read here.")),
    422: (marked("That cannot be done"), marked("The request was understood, and refused.")),
    429: (marked("Too many at once"), marked("Wait a moment, then try again.")),
    503: (
        marked("Back in a moment"),
        marked(
            "A store does not answer just now."
            " If you were voting: the same vote once more settles it."
        ),
    ),
}
OTHERWISE = (marked("Something broke"), marked("This is our fault, and it is in our log."))


class Translated(Refused):
    """A refusal whose detail is in the language that is spoken; that of others is English."""


class Missing(Refused):
    """Something is not there; `near` are the names and paths of what may be meant."""

    def __init__(self, refused: Refused, near: Sequence[tuple[str, str]]) -> None:
        super().__init__(refused.rejected.code, refused.rejected.detail)
        self.near = near


Handler = Callable[[Any, Any], Response[bytes]]


def shared_page(
    request: Http, text: str, *, stale: bool = False, media_type: str = HTML
) -> ASGIResponse:
    """A page that is the same for all: 304 where the client has it. A stale one has no ETag."""
    body = text.encode()
    if stale:
        return ASGIResponse(body=body, media_type=media_type, headers=(VARY, UNKEPT))
    return tagged(request, body, media_type, (VARY, SHARED))


def private_page(text: str, status: int = 200) -> ASGIResponse:
    """A page for one person, never cached."""
    return ASGIResponse(body=text, status_code=status, media_type=HTML, headers=(VARY, PRIVATE))


def redirect(to: str, status: int, *headers: tuple[str, str]) -> ASGIResponse:
    return ASGIResponse(
        status_code=status, media_type=HTML, headers=(VARY, ("location", to), *headers)
    )


def as_text(header: tuple[bytes, bytes]) -> tuple[str, str]:
    return header[0].decode(), header[1].decode()


def _as_page(handler: Handler) -> Handler:
    """The API's problem as a page for a reader."""

    def answer(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        response = handler(request, error)
        problem = msgspec.json.decode(response.content, type=Problem)
        heading, advice = map(gettext, HEADINGS.get(problem.status, OTHERWISE))
        again = request.method == "GET" and problem.status in (429, 503)
        caller = caller_so_far(request)
        text = page(
            "problem.html",
            Head(titled(heading), advice, _back(request), "", indexed=False),
            account(request, caller),
            login_ended=caller.login_ended,
            back=_back(request),
            problem=problem,
            heading=heading,
            advice=advice,
            again=again,
            detail=problem.detail if isinstance(error, Translated) else said(problem.detail),
            near=error.near if isinstance(error, Missing) else (),
        )
        headers = dict([*response.headers.items(), VARY])
        return Response(text.encode(), status_code=problem.status, media_type=HTML, headers=headers)

    return answer


def _back(request: Http) -> str:
    """The path to come back to: of the page, or of the one with the form that was sent."""
    at = urlsplit(
        str(request.url) if request.method == "GET" else header(request, b"referer") or ""
    )
    return f"{language().inside(at.path or '/')}{'?' if at.query else ''}{at.query}"


def _not_routed(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """The response where there is no route: a page for readers, a problem for programs."""
    reader = HTML in request.headers.get("accept", "")
    answer: Handler = (_PAGES if reader else EXCEPTION_HANDLERS)[HTTPException]
    return answer(request, error)


_PAGES: dict[Any, Any] = {kind: _as_page(answer) for kind, answer in EXCEPTION_HANDLERS.items()}


def problem_pages(site: Litestar) -> Tell:
    """Sends problems as pages of the site where none of its routes has responded."""

    async def send_page(scope: Any, send: Any, rejected: Rejected) -> None:
        request: Http = Request(scope | {"litestar_app": site})
        page = _PAGES[Refused](request, Refused(rejected.code, rejected.detail))
        await page.to_asgi_response(None, request)(scope, _reads_nothing, send)

    return send_page


async def _reads_nothing() -> Any:
    return {"type": "http.disconnect"}


PAGE_PROBLEMS: dict[Any, Any] = _PAGES | {
    Moved: moved,
    NotFoundException: _not_routed,
    MethodNotAllowedException: _not_routed,
}
