"""Pages for panelists: the tools that wait for a review of theirs, and the form to write one."""

from typing import Any
from urllib.parse import quote

import msgspec
from litestar import get, post
from litestar.response.base import ASGIResponse

from votes.app.catalogue import reviewing
from votes.app.catalogue.paging import Page
from votes.app.catalogue.responses import ReviewView, summary
from votes.app.catalogue.reviewing import has_review, own_review
from votes.app.catalogue.tools import Tool
from votes.domain import review
from votes.domain.review import Opinion, contradicts
from votes.domain.terms import PersonaSlug
from votes.engine.reading.reader import ReadSource
from votes.http.checks.identity import require_panelist
from votes.http.checks.limiting import Limited
from votes.http.deadlines import READ_S, within
from votes.http.errors import Refused
from votes.http.exchange import LARGE_BODY_BYTES_MAX, Http, listed, services, tool_slug, write_as
from votes.http.hosts import base
from votes.http.parameters import Cursor, MinPosition, Query
from votes.languages import gettext, marked
from votes.resources import now
from votes.site.forms import read_form
from votes.site.html import PRIVATE, redirect
from votes.site.reading import answer, read_at
from votes.site.render import Head, query, titled

ROWS_MAX = 20
PANEL = "/panel"
HINTS = {
    "score": marked("The score is a whole number from 0 to 100."),
    "choice": marked("Choose ship or skip."),
    "body": marked("The review has at most 10,000 characters, and no invisible ones."),
}
"""What a field has to be, for who wrote something else."""


@get(PANEL, opt=Limited("reads").opt)
async def panel(
    request: Http, q: Query = None, cursor: Cursor = None, mine: Cursor = None
) -> ASGIResponse:
    """The tools without a review of the panelist's, and those with one. `cursor` is of the first,
    `mine` of the second."""
    _, persona = await require_panelist(request)
    source, _ = await read_at(request)
    q = q.strip() if q else None
    waiting = (
        await _found(request, source, persona, q)
        if q
        else await reviewing.unreviewed(source.models, persona, cursor, ROWS_MAX)
    )
    done = await reviewing.reviewed(source.models, persona, mine, ROWS_MAX)
    return await answer(
        request,
        "staff/panel.html",
        _head(request, gettext("Panel"), PANEL),
        private=True,
        persona=persona,
        q=q,
        cursor=cursor,
        mine=mine,
        waiting=waiting,
        done=Page(
            [(tool, own_review(tool, persona)) for tool in done.items],
            done.next_cursor,
            done.total,
        ),
    )


async def _found(request: Http, source: ReadSource, persona: PersonaSlug, q: str) -> Page[Tool]:
    """The tools without a review of the persona that the search finds first."""
    found = await services(request).finder.find(source.models, q)
    tools = [one.tool for one in found if not has_review(one.tool, persona)]
    return Page(tools[:ROWS_MAX], None, len(tools))


def _head(request: Http, title: str, path: str) -> Head:
    about = gettext("Write, revise and withdraw reviews of the panel.")
    return Head(titled(title), about, path, base(request), section="panel", indexed=False)


@get(f"{PANEL}/{{slug:str}}", opt=Limited("reads").opt)
async def review_page(request: Http, slug: str, min_position: MinPosition = 0) -> ASGIResponse:
    """The form, with the panelist's review where there is one, and what it said before."""
    _, persona = await require_panelist(request)
    name = tool_slug(request, slug)
    source, _ = await read_at(request, min_position)
    tool = listed(source, name)
    own = own_review(tool, persona)
    fields = (
        {} if own is None else {"score": str(own.score), "choice": own.choice, "body": own.body}
    )
    return await _form(request, source, tool, persona, fields, stored=bool(min_position))


@post(
    f"{PANEL}/{{slug:str}}",
    status_code=303,
    request_max_body_size=LARGE_BODY_BYTES_MAX,
    opt=Limited("writes").opt,
)
async def review_form(request: Http, slug: str) -> ASGIResponse:
    """`act` is preview, publish or withdraw; the others are the fields of an opinion. A score that
    contradicts the choice is published with `sure` alone: without it, the page asks."""
    panelist, persona = await require_panelist(request)
    name = tool_slug(request, slug)
    source, _ = await read_at(request)
    tool, fields = listed(source, name), await read_form(request)
    act = fields.get("act")
    command: review.ReviewCommand
    match act:
        case "withdraw":
            command = review.WithdrawReview(tool.id, persona)
        case "preview" | "publish":
            opinion = _opinion(fields)
            if isinstance(opinion, str):
                return await _form(request, source, tool, persona, fields, problem=opinion)
            unsure = contradicts(opinion) and fields.get("sure") != "yes"
            if act == "preview" or unsure:
                return await _form(request, source, tool, persona, fields, opinion=opinion)
            command = review.PublishReview(tool.id, persona, opinion)
        case _:
            raise Refused("invalid_body", "act: preview, publish or withdraw.")
    outcome, _ = await write_as(request, panelist, review.decider, lambda _: command)
    back = f"{PANEL}/{quote(name)}{query(min_position=outcome.position)}"
    return redirect(back, 303, PRIVATE)


def _opinion(fields: dict[str, str]) -> Opinion | str:
    """The opinion in the fields, or what is wrong with them."""
    body = fields.get("body", "").replace("\r\n", "\n").strip()
    values = {
        "score": fields.get("score", "").strip(),
        "choice": fields.get("choice"),
        "body": body,
    }
    for name, hint in HINTS.items():
        try:
            msgspec.convert(
                {"score": 0, "choice": "ship", name: values[name]}, Opinion, strict=False
            )
        except msgspec.ValidationError:
            return gettext(hint)
    return msgspec.convert(values, Opinion, strict=False)


async def _form(
    request: Http,
    source: ReadSource,
    tool: Tool,
    persona: PersonaSlug,
    fields: dict[str, str],
    *,
    opinion: Opinion | None = None,
    problem: str | None = None,
    stored: bool = False,
) -> ASGIResponse:
    """The form with these fields; with an `opinion` also how all would read it."""
    shown = summary(source, tool)
    with within(READ_S):
        revisions = await reviewing.revisions(services(request).store, tool.id, persona)
    preview: dict[str, Any] = {"preview": None, "after": None, "unsure": False}
    if opinion is not None:
        at = now()
        preview = {
            "preview": ReviewView(persona, opinion.score, opinion.choice, opinion.body, at),
            "after": reviewing.panel_with(tool.profile, persona, opinion, at),
            "unsure": contradicts(opinion),
        }
    return await answer(
        request,
        "staff/review.html",
        _head(request, gettext("Review of %(name)s", name=shown.name), f"{PANEL}/{shown.slug}"),
        private=True,
        status=400 if problem else 200,
        tool=shown,
        persona=persona,
        own=own_review(tool, persona),
        fields={name: fields.get(name, "") for name in HINTS},
        problem=problem,
        stored=stored,
        revisions=revisions,
        **preview,
    )


ROUTES = [panel, review_page, review_form]
