"""Pages for admins: tools are listed, revised, renamed and delisted by plain forms, each of which
first shows what follows."""

import re
from math import isfinite
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import get, post
from litestar.response.base import ASGIResponse
from msgspec import Struct

from votes.app.catalogue import tools as catalogue
from votes.app.catalogue.paging import Page, kept_page
from votes.app.catalogue.responses import SummaryView, summary
from votes.app.catalogue.tool_orders import BY_NAME, tool_orders
from votes.app.catalogue.tools import Tool
from votes.domain.conditions import CHANGED, AnyOf
from votes.domain.terms import ToolSlug, is_slug, is_web_address
from votes.domain.tool import Entry, Plan, taken
from votes.engine.reading.reader import ReadSource
from votes.http.actions.cataloguing import delist, list_tool, rename
from votes.http.checks.identity import require_admin
from votes.http.checks.limiting import Limited
from votes.http.errors import Refused
from votes.http.exchange import (
    LARGE_BODY_BYTES_MAX,
    Http,
    services,
    tool_slug,
    unknown,
)
from votes.http.hosts import base
from votes.http.moved import require_current
from votes.http.parameters import Cursor, MinPosition, Query
from votes.languages import gettext, marked
from votes.site import words
from votes.site.forms import read_form
from votes.site.html import PRIVATE, Translated, redirect
from votes.site.reading import answer, read_at
from votes.site.render import Head, query, titled

ROWS_MAX = 40
CATALOGUE = "/catalogue"
TOOLS = f"{CATALOGUE}/tools"
BETWEEN = "|"
"""Between the name, the price and the period of a plan, of which the form has one a line."""
LABELS = {
    "name": marked("Name"),
    "category": marked("Category"),
    "tagline": marked("Tagline"),
    "description": marked("Description"),
    "url": marked("Website"),
    "pricing": marked("Pricing"),
    "best_for": marked("Best for"),
    "plans": marked("Plans"),
}
HINTS = {
    "slug": marked(
        "The address has lower-case letters, digits and, inside, “-”, “_” or “.”: 100 at most."
    ),
    "name": marked("The name has 1 to 120 visible characters."),
    "category": marked("The category has 1 to 64 visible characters."),
    "tagline": marked("The tagline has at most 400 characters, none of them invisible."),
    "description": marked("The description has at most 4,000 characters, none of them invisible."),
    "url": marked("The website is an address that begins with http:// or https://."),
    "pricing": marked("The pricing has at most 400 characters, none of them invisible."),
    "best_for": marked("“Best for” has at most 400 characters, none of them invisible."),
    "plans": marked("Plans: at most 20 lines, each “name | price in US dollars | period”."),
}
"""What a field has to be, for who wrote something else."""
RENAMED_TO = "to"
READ = "read"
"""The field with the tag of the entry that the sender of a form has read, empty where none was
listed."""
CHANGED_MEANWHILE = marked(
    "Somebody else changed this entry after you had opened it. What you wrote is kept:"
    " look once more at what would change."
)


class Change(Struct, frozen=True):
    """A field of an entry before and after."""

    label: str
    before: str
    after: str


class Wrong(Exception):
    """A field of a form is not as it has to be; the text is for its sender."""


@get(CATALOGUE, opt=Limited("reads").opt)
async def tools(request: Http, q: Query = None, cursor: Cursor = None) -> ASGIResponse:
    """The listed tools by name, or those that a search finds."""
    await require_admin(request)
    source, _ = await read_at(request)
    q = q.strip() if q else None
    if q:
        found = await services(request).finder.find(source.models, q)
        listing = Page([one.tool for one in found[:ROWS_MAX]], None, len(found))
    else:
        orders = await tool_orders(source.models, BY_NAME)
        listing = kept_page(orders, [BY_NAME], "catalogue", cursor, ROWS_MAX)
    return await answer(
        request,
        "staff/catalogue.html",
        _head(request, gettext("Catalogue"), CATALOGUE),
        private=True,
        listing=listing,
        q=q,
        cursor=cursor,
    )


def _head(request: Http, title: str, path: str) -> Head:
    about = gettext("List, revise, rename and delist tools.")
    return Head(titled(title), about, path, base(request), section="catalogue", indexed=False)


@get(f"{CATALOGUE}/new", opt=Limited("reads").opt)
async def new(request: Http) -> ASGIResponse:
    """An empty form."""
    await require_admin(request)
    return await _form(request, None, {})


@get(f"{TOOLS}/{{slug:str}}", opt=Limited("reads").opt)
async def tool_page(request: Http, slug: str, min_position: MinPosition = 0) -> ASGIResponse:
    """The forms to revise, rename and delist a tool, or to list it again."""
    await require_admin(request)
    source, found = await _tool(request, slug, min_position)
    fields = _fields_of(found)
    return await _form(request, summary(source, found), fields, tool=found, stored=min_position)


def _fields_of(tool: Tool) -> dict[str, str]:
    return {"slug": tool.slug, READ: _tag(tool)} | fields_of(tool.profile.entry)


def _tag(tool: Tool | None) -> str:
    return tool.profile.entry.tag if tool is not None and tool.profile.listed else ""


async def _tool(request: Http, slug: str, position: int = 0) -> tuple[ReadSource, Tool]:
    """The tool of a path, listed or not. Raises `Refused`, and `Moved` for a former slug."""
    name = tool_slug(request, slug)
    source, _ = await read_at(request, position)
    require_current(source.models, [name])
    found = catalogue.ever_listed(source.models, name)
    if found is None:
        raise unknown(slug)
    return source, found


@post(TOOLS, status_code=303, request_max_body_size=LARGE_BODY_BYTES_MAX, opt=Limited("writes").opt)
async def list_form(request: Http) -> ASGIResponse:
    """List or revise the tool of the field `slug`. Without `sure`, and where somebody else changed
    what the sender had read, show what follows."""
    admin, fields = await require_admin(request), await read_form(request)
    source, _ = await read_at(request)
    slug = fields.get("slug", "").strip()
    tool = catalogue.ever_listed(source.models, slug)
    shown = summary(source, tool) if tool is not None else None
    try:
        entry = _entry_at(slug, tool, fields)
    except Wrong as wrong:
        return await _form(request, shown, fields, tool=tool, problem=f"{wrong}")
    read, tag = fields.get(READ), _tag(tool)
    overtaken = read is not None and read != tag
    if fields.get("sure") == "yes":
        try:
            outcome = await list_tool(request, slug, entry, admin, _any_of(read))
            return _back(slug, outcome.position)
        except Refused as refused:
            if refused.rejected != CHANGED:
                raise
            overtaken = True
    return await _form(
        request,
        shown,
        fields | {READ: tag},
        tool=tool,
        problem=gettext(CHANGED_MEANWHILE) if overtaken else None,
        preview=changes(tool.profile.entry if tool is not None and tag else None, entry),
    )


def _any_of(read: str | None) -> AnyOf:
    """The condition of who has read the entry with this tag."""
    if read is None:
        return None
    return (read,) if read else ()


def _back(slug: ToolSlug, position: int) -> ASGIResponse:
    return redirect(f"{TOOLS}/{quote(slug)}{query(min_position=position)}", 303, PRIVATE)


async def _form(
    request: Http,
    shown: SummaryView | None,
    fields: dict[str, str],
    *,
    tool: Tool | None = None,
    problem: str | None = None,
    preview: list[Change] | None = None,
    stored: int = 0,
) -> ASGIResponse:
    title = shown.name if shown is not None else gettext("List a tool")
    path = f"{TOOLS}/{shown.slug}" if shown is not None else f"{CATALOGUE}/new"
    return await answer(
        request,
        "staff/catalogue_tool.html",
        _head(request, title, path),
        private=True,
        status=200 if problem is None else 400 if preview is None else 412,
        tool=shown,
        listed=tool is not None and tool.profile.listed,
        fields={name: fields.get(name, "") for name in HINTS},
        read=fields.get(READ),
        problem=problem,
        preview=preview,
        stored=bool(stored),
    )


@post(f"{TOOLS}/{{slug:str}}/rename", status_code=303, opt=Limited("writes").opt)
async def rename_form(request: Http, slug: str) -> ASGIResponse:
    """Give the tool the slug of the field `to`; without `sure`, show what follows."""
    admin = await require_admin(request)
    source, tool = await _tool(request, slug)
    fields = await read_form(request)
    to = fields.get(RENAMED_TO, "").strip()
    if not is_slug(to):
        shown, problem = summary(source, tool), gettext(HINTS["slug"])
        return await _form(request, shown, _fields_of(tool), tool=tool, problem=problem)
    if fields.get("sure") == "yes":
        return _back(to, (await rename(request, tool.id, to, admin)).position)
    if to != tool.slug and catalogue.was_listed(source.models, to):
        text = gettext("“%(slug)s” is, or once was, the name of a tool: it leads there.", slug=to)
        raise Translated(taken(to).code, text)
    return await _sure(request, source, tool, to)


@post(f"{TOOLS}/{{slug:str}}/delist", status_code=303, opt=Limited("writes").opt)
async def delist_form(request: Http, slug: str) -> ASGIResponse:
    """Take the tool out of the catalogue; without `sure`, show what follows."""
    admin = await require_admin(request)
    source, tool = await _tool(request, slug)
    if (await read_form(request)).get("sure") != "yes":
        return await _sure(request, source, tool, None)
    return _back(tool.slug, (await delist(request, tool.id, admin)).position)


async def _sure(request: Http, source: ReadSource, tool: Tool, to: ToolSlug | None) -> ASGIResponse:
    """What follows from a new slug, or from delisting where there is none."""
    return await answer(
        request,
        "staff/catalogue_sure.html",
        _head(request, tool.profile.name, f"{TOOLS}/{tool.slug}"),
        private=True,
        tool=summary(source, tool),
        to=to,
    )


def _entry_at(slug: ToolSlug, tool: Tool | None, fields: dict[str, str]) -> Entry:
    """The entry in the fields, for the slug that leads to the known tool. Raises `Wrong`."""
    if not is_slug(slug):
        raise Wrong(gettext(HINTS["slug"]))
    if tool is not None and tool.slug != slug:
        raise Wrong(
            gettext("“%(slug)s” leads to %(name)s already.", slug=slug, name=tool.profile.name)
        )
    return entry_of(fields)


def fields_of(entry: Entry) -> dict[str, str]:
    """The entry as the fields of the form."""
    texts = {name: getattr(entry, name) or "" for name in LABELS}
    return texts | {"plans": "\n".join(map(_line, entry.plans))}


def _line(plan: Plan) -> str:
    price = "" if plan.price is None else repr(plan.price).removesuffix(".0")
    return f"{plan.name} {BETWEEN} {price} {BETWEEN} {plan.period}".rstrip()


def entry_of(fields: dict[str, str]) -> Entry:
    """The entry in the fields of the form. Raises `Wrong`."""
    values: dict[str, Any] = {
        name: fields.get(name, "").replace("\r\n", "\n").strip() for name in LABELS
    }
    values["url"] = values["url"] or None
    if values["url"] and not is_web_address(values["url"]):
        raise Wrong(gettext(HINTS["url"]))
    lines = [line for line in values["plans"].split("\n") if line.strip()]
    values["plans"] = [_plan(line) for line in lines]
    try:
        return msgspec.convert(values, Entry)
    except msgspec.ValidationError as error:
        found = re.search(r"`\$\.(\w+)", f"{error}")
        raise Wrong(gettext(HINTS[found[1]]) if found else f"{error}") from error


def _plan(line: str) -> dict[str, Any]:
    name, price, period = (part.strip() for part in [*line.rsplit(BETWEEN, 2), "", ""][:3])
    try:
        amount = float(price) if price else None
    except ValueError:
        raise Wrong(gettext(HINTS["plans"])) from None
    if amount is not None and not isfinite(amount):
        raise Wrong(gettext(HINTS["plans"]))
    return {"name": name, "price": amount, "period": period}


def changes(before: Entry | None, after: Entry) -> list[Change]:
    """The fields that differ; without an entry before, those that say something."""
    old = fields_of(before) if before is not None else dict.fromkeys(LABELS, "")
    new = fields_of(after)
    return [
        Change(gettext(label), old[name] or words.NOTHING, new[name] or words.NOTHING)
        for name, label in LABELS.items()
        if old[name] != new[name]
    ]


ROUTES = [tools, new, tool_page, list_form, rename_form, delist_form]
