"""Pages on rulings: the journal for all; for moderators what is held, and forms to rule on it."""

from urllib.parse import urlencode

import msgspec
from litestar import get, post
from litestar.response.base import ASGIResponse

from votes.app.catalogue import tools as catalogue
from votes.app.catalogue.trend import window
from votes.app.moderation import queue as moderation
from votes.app.moderation import suspicion
from votes.http.actions import rulings
from votes.http.actions.rulings import RulingBody
from votes.http.checks.identity import require_moderator
from votes.http.checks.limiting import Limited
from votes.http.deadlines import READ_S, within
from votes.http.errors import Refused
from votes.http.exchange import Http, services
from votes.http.hosts import base
from votes.http.parameters import Cursor, MinPosition, Query
from votes.languages import gettext
from votes.resources import now
from votes.site.forms import read_form
from votes.site.html import PRIVATE, redirect
from votes.site.reading import answer, read_at
from votes.site.render import Head, titled

ROWS_MAX = 40
JOURNAL, MODERATION = "/rulings", "/moderation"
WHAT = {
    "discount": ("discount", False),
    "discount_held": ("discount", True),
    "release": ("release", True),
}
"""What the form's buttons ask for: a verdict, and whether it is on the held votes alone."""


@get(JOURNAL)
async def journal(request: Http, cursor: Cursor = None) -> ASGIResponse:
    """All rulings, newest first."""
    source, _ = await read_at(request)
    about = gettext("Which votes were discounted or released, how many, and why.")
    head = Head(titled(gettext("Rulings")), about, JOURNAL, base(request), indexed=not cursor)
    listing = await moderation.journal(source.models, cursor, ROWS_MAX)
    return await answer(
        request,
        "staff/rulings.html",
        head,
        stale=source.stale,
        listing=listing,
        cursor=cursor,
        may_lift=False,
    )


@get(MODERATION, opt=Limited("reads").opt)
async def queue(
    request: Http, tool: Query = None, cursor: Cursor = None, min_position: MinPosition = 0
) -> ASGIResponse:
    """The tools with held votes, the form for a ruling on `tool`, the last rulings. For
    moderators."""
    await require_moderator(request)
    parts = services(request)
    source, waiting = await read_at(request, min_position)
    found = await moderation.watched(source.models, cursor, ROWS_MAX)
    chosen = catalogue.ever_listed(source.models, tool) if tool else None
    tools = found.items if chosen is None else [chosen]
    hours = window("hour", None, None, now())
    with within(READ_S):
        views = [await moderation.watched_view(parts.past, source, one, hours) for one in tools]
    return await answer(
        request,
        "staff/moderation.html",
        _head(request),
        private=True,
        waiting=waiting,
        tool=tool,
        chosen=chosen,
        views=views,
        queue=found,
        cursor=cursor,
        clusters=[] if chosen or cursor else suspicion.clusters(source.models),
        bursts=[] if chosen or cursor else suspicion.bursts(source.models),
        listing=await moderation.journal(source.models, None, ROWS_MAX),
        may_lift=True,
    )


def _head(request: Http) -> Head:
    about = gettext("Which votes are held, and what becomes of them.")
    title = titled(gettext("Moderation"))
    return Head(title, about, MODERATION, base(request), section="moderation", indexed=False)


@post(f"{MODERATION}/preview", status_code=200, opt=Limited("reads").opt)
async def preview_form(request: Http) -> ASGIResponse:
    """What the ruling would do, and a button that makes it."""
    await require_moderator(request)
    fields = await read_form(request)
    body = _body(fields)
    found = await rulings.preview(request, body)
    return await answer(
        request,
        "staff/ruling.html",
        _head(request),
        private=True,
        fields=fields,
        body=body,
        found=found,
    )


@post(f"{MODERATION}/rulings", status_code=303, opt=Limited("writes").opt)
async def make_form(request: Http) -> ASGIResponse:
    """The same fields as of the preview."""
    moderator = await require_moderator(request)
    made = await rulings.make(request, _body(await read_form(request)), moderator)
    return _back(made.position)


@post(f"{MODERATION}/rulings/{{ruling:str}}/lift", status_code=303, opt=Limited("writes").opt)
async def lift_form(request: Http, ruling: str) -> ASGIResponse:
    moderator = await require_moderator(request)
    return _back(await rulings.lift(request, ruling, moderator))


def _back(position: int) -> ASGIResponse:
    return redirect(f"{MODERATION}?{urlencode({'min_position': position})}#journal", 303, PRIVATE)


def _body(fields: dict[str, str]) -> RulingBody:
    """The ruling of a form: `tool`, `from`, `to` (UTC) and `cluster`, which may be empty, `what`,
    `reason`."""
    what = WHAT.get(fields.get("what", ""))
    if what is None:
        raise Refused("invalid_body", f"what: one of {', '.join(WHAT)}.")
    times = {name: _time(fields[name]) for name in ("from", "to") if fields.get(name)}
    verdict, held = what
    body = {
        "tool": fields.get("tool", ""),
        "selector": {**times, "held": held, "cluster": fields.get("cluster") or None},
        "verdict": verdict,
        "reason": fields.get("reason", ""),
    }
    try:
        return msgspec.convert(body, RulingBody)
    except msgspec.ValidationError as error:
        raise Refused("invalid_body", f"{error}") from error


def _time(text: str) -> str:
    """A time as browsers send it, without seconds where these are zero and without a zone."""
    return f"{text}:00Z" if text.count(":") == 1 else f"{text}Z"


ROUTES = [journal, queue, preview_form, make_form, lift_form]
