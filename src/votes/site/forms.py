"""Votes and bookmarks by plain forms, for pages without script."""

import re
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from litestar import post
from litestar.response.base import ASGIResponse

from votes.app.bookmarks import lists as bookmarks
from votes.domain import vote
from votes.domain.bookmarks import bookmark
from votes.domain.person import Person
from votes.domain.terms import ToolSlug
from votes.engine.log import Position
from votes.http.checks.identity import require_user
from votes.http.checks.limiting import Limited
from votes.http.checks.origins import require_own_page
from votes.http.checks.voters import held, vote_for, voter
from votes.http.errors import Refused
from votes.http.exchange import Http, header, tool_id, write_as
from votes.resources import now
from votes.site.html import PRIVATE, as_text, redirect

FIELDS_MAX = 11
NEXT_LENGTH_MAX = 2_000
FORM_TYPE = "application/x-www-form-urlencoded"
VOTED_AT = "vote"
"""The part of a page that shows the vote."""

# A path of this site in visible ASCII; `//host` and `/\host` would lead to another one.
_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*")


@post("/tools/{slug:str}/vote", status_code=303, opt=Limited("votes").opt)
async def vote_form(request: Http, slug: str) -> ASGIResponse:
    """`choice` is ship, skip or retract; `next` is the page to go back to.

    A form can be on any page. Here it needs to be on ours even without a cookie, since the response
    to a first vote sets one.
    """
    require_own_page(request)
    tool = await tool_id(request, slug)
    fields = await read_form(request)
    back = _next(fields, slug)
    match fields.get("choice", ""):
        case "ship" | "skip" as choice:
            who = await voter(request, keep=True)
            why = await held(request, who, tool)
            outcome = await vote_for(
                request,
                who,
                lambda voter, by: vote.CastVote(tool, voter, choice, why, by, who.claims),
            )
        case "retract":
            who = await voter(request, keep=False)
            outcome = await vote_for(
                request, who, lambda voter, by: vote.RetractVote(tool, voter, by)
            )
        case _:
            raise Refused("invalid_body", "choice: ship, skip or retract.")
    return redirect(
        _with_position(back, outcome.position), 303, PRIVATE, *map(as_text, who.cookies)
    )


@post("/tools/{slug:str}/bookmark", status_code=303, opt=Limited("writes").opt)
async def bookmark_form(request: Http, slug: str) -> ASGIResponse:
    """`bookmarked` is yes or no. The annotations of an existing bookmark stay."""
    user = await require_user(request)
    tool = await tool_id(request, slug)
    fields = await read_form(request)
    back = _next(fields, slug)
    asked, at = fields.get("bookmarked"), now()
    if asked not in ("yes", "no"):
        raise Refused("invalid_body", "bookmarked: yes or no.")

    def ask(person: Person) -> bookmark.BookmarkCommand:
        if asked == "no":
            return bookmark.RemoveBookmark(person.id, tool)
        return bookmarks.keep(person, tool, None, at)

    await write_as(request, user, bookmark.decider, ask)
    return redirect(back, 303, PRIVATE)


async def read_form(request: Http) -> dict[str, str]:
    """The fields of a form; each may occur once. Raises `Refused`."""
    pairs = await read_fields(request, FIELDS_MAX)
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Refused("invalid_body", "A field is given twice.")
    return fields


async def read_fields(request: Http, at_most: int) -> list[tuple[str, str]]:
    """The fields of a form in order. Raises `Refused`."""
    content_type = (header(request, b"content-type") or "").partition(";")[0].strip().lower()
    if content_type != FORM_TYPE:
        raise Refused("unsupported_media_type", f"Send the form as {FORM_TYPE}.")
    try:
        text = (await request.body()).decode()
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=at_most)
    except ValueError as error:
        raise Refused("invalid_body", "The form cannot be read.") from error


def _next(fields: dict[str, str], tool: ToolSlug) -> str:
    """The page to go back to: that of the form, or the tool's own."""
    return local(fields, f"/tools/{quote(tool)}")


def local(fields: dict[str, str], otherwise: str) -> str:
    """The page `next` of a form, a path of this site. Raises `Refused`."""
    path = fields.get("next") or otherwise
    if not is_local(path):
        raise Refused("invalid_body", "next: a path of this site.")
    return path


def is_local(path: str) -> bool:
    """Whether this is a path of this site, that leads to no other."""
    return len(path) <= NEXT_LENGTH_MAX and _LOCAL.fullmatch(path) is not None


def _with_position(back: str, position: Position) -> str:
    """The page's address at or after the vote, at the part that shows it."""
    parts = urlsplit(back)
    others = [pair for pair in parse_qsl(parts.query) if pair[0] != "min_position"]
    query = urlencode([*others, ("min_position", position)])
    return f"{parts.path}?{query}#{VOTED_AT}"


ROUTES = [vote_form, bookmark_form]
