"""Two to four tools side by side: `/compare/{a}-vs-{b}`, one address a set of tools."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import quote

from litestar import get
from litestar.params import Parameter
from litestar.response.base import ASGIResponse
from markupsafe import Markup
from msgspec import Struct

from votes.app.catalogue import comparison, surroundings
from votes.app.catalogue import tools as catalogue
from votes.app.catalogue.compared import (
    BETWEEN,
    COMPARED_MAX,
    compared,
    compared_path,
    compared_text,
)
from votes.app.catalogue.listing import category_slug
from votes.app.catalogue.responses import ReviewView, SummaryView, summary
from votes.app.catalogue.tool_orders import BY_NAME, REVIEWED, TOP, ToolOrders, tool_orders
from votes.app.catalogue.tools import Tool
from votes.domain.terms import SLUG_LENGTH_MAX, ToolSlug
from votes.engine.read_models import ReadModels
from votes.engine.reading.reader import ReadSource
from votes.http.checks.limiting import Limited
from votes.http.edge.cache import CACHED
from votes.http.exchange import Http
from votes.http.hosts import base
from votes.http.moved import require_current
from votes.http.parameters import MinPosition
from votes.languages import gettext, marked
from votes.site import words
from votes.site.catalogue import linked_data
from votes.site.catalogue.finding import NEAR_MAX, missing_pair, near, only_one
from votes.site.html import SHARED, redirect
from votes.site.reading import answer, is_of, my_states, read_at, reader
from votes.site.render import SITE_NAME, Head, description, query, titled

ONWARD_MAX = 6
"""So many other comparisons are offered at the end of one."""
OFFERED_MAX = 500
"""So many tools, the top ones, are offered as one types: more would be a page of megabytes."""
OPTION = Markup('    <option value="{}">{}</option>\n')
ROWS = (
    marked("Panel verdict"),
    marked("Community"),
    marked("Pricing"),
    marked("Best for"),
    marked("Category"),
)
FIELDS = ("a", "b", "c", "d")
"""What the tools are called in the address of the form, in their order."""

First = Annotated[str | None, Parameter(max_length=SLUG_LENGTH_MAX)]
Picked = Annotated[str | None, Parameter(max_length=2 * SLUG_LENGTH_MAX)]


@get("/compare/{names:str}", opt=CACHED)
async def compare(
    request: Http, names: str, first: First = None, min_position: MinPosition = 0
) -> ASGIResponse:
    """Verdicts, prices and reviewers of two to four tools. Another order redirects here; `first` is
    the one that is shown first."""
    source, waiting = await read_at(request, min_position)
    found = compared(source.models, names) or compared(source.models, names.lower())
    if found is None:
        one = catalogue.tool(source.models, names.lower())
        if one is None:
            raise await missing_pair(request, source, names)
        return redirect(f"/compare?a={one.slug}", 303, SHARED)
    path = _path_of(source.models, found)
    if path != f"/compare/{names}":
        status = 301 if names == BETWEEN.join(tool.slug for tool in found) else 308
        return redirect(_with(path, first=first, min_position=min_position), status, SHARED)
    return await _side_by_side(request, source, _ordered(found, first), waiting=waiting)


@get("/compare", opt=Limited("reads", "a").opt | CACHED)
async def pick(
    request: Http,
    a: Picked = None,
    b: Picked = None,
    c: Picked = None,
    d: Picked = None,
    change: Literal["a", "b", "c", "d"] | None = None,
    first: First = None,
    min_position: MinPosition = 0,
) -> ASGIResponse:
    """A form to choose two to four tools; `change` is the one that is still to be chosen. A
    comparison that an address cannot name is shown here."""
    source, waiting = await read_at(request, min_position)
    texts = {field: text for field, text in zip(FIELDS, (a, b, c, d), strict=True) if text}
    require_current(source.models, texts.values())
    orders = await tool_orders(source.models, TOP, REVIEWED, BY_NAME)
    if change or len(texts) < 2:
        return await _form(request, source, orders, texts, [])
    found = {field: await _found(request, source, orders, text) for field, text in texts.items()}
    unknown = [
        await _unknown(request, source, texts, field)
        for field, tool in found.items()
        if tool is None
    ]
    tools = [tool for tool in found.values() if tool is not None]
    if unknown:
        return await _form(request, source, orders, texts, unknown)
    path = _path_of(source.models, tools)
    if not path.startswith("/compare?"):
        return redirect(_with(path, first=first, min_position=min_position), 303, SHARED)
    return await _side_by_side(request, source, _ordered(tools, first), waiting=waiting)


def _with(path: str, **fields: Any) -> str:
    """The path, which may have a query, with these fields too."""
    more = query(**fields)
    return f"{path}{more.replace('?', '&') if '?' in path else more}"


def _ordered(tools: Sequence[Tool], first: ToolSlug | None) -> list[Tool]:
    """Each tool once, by slug, but for the one that is shown first."""
    named = {tool.slug: tool for tool in tools}
    return sorted(named.values(), key=lambda tool: (tool.slug != first, tool.slug))


class Unknown(Struct, frozen=True):
    """A text that names no tool, and the names and addresses of what may be meant."""

    text: str
    near: list[tuple[str, str]]


async def _unknown(request: Http, source: ReadSource, texts: dict[str, str], field: str) -> Unknown:
    """`field` is the one whose text names no tool; the other texts stay in the addresses."""
    tools = await near(request, source, texts[field], NEAR_MAX)
    return Unknown(
        texts[field],
        [
            (one.profile.name, f"/compare{query(**texts | {field: one.slug})}")
            for one in tools
            if one.slug not in texts.values()
        ],
    )


def _path_of(models: ReadModels, tools: Sequence[Tool]) -> str:
    slugs = {tool.slug for tool in tools}
    return compared_path(models, *slugs) if len(slugs) > 1 else f"/tools/{tools[0].slug}"


async def _found(request: Http, source: ReadSource, orders: ToolOrders, text: str) -> Tool | None:
    """The listed tool with this slug, else with this name, else the only one that it can mean."""
    if (tool := catalogue.tool(source.models, text.strip().lower())) is not None:
        return tool
    asked = text.strip().casefold()
    place = next(orders.places([BY_NAME], (asked,)), None)
    if place is not None and place[0] == asked:
        return orders.rows[place[-1]]
    return await only_one(request, source, text)


async def _form(
    request: Http,
    source: ReadSource,
    orders: ToolOrders,
    texts: dict[str, str],
    unknown: list[Unknown],
) -> ASGIResponse:
    head = Head(
        titled(gettext("Compare tools")),
        gettext("Name two to four tools, and see where the panel and the voters part ways."),
        "/compare",
        base(request),
        section="compare",
        indexed=not texts,
    )
    return await answer(
        request,
        "catalogue/compare_pick.html",
        head,
        stale=source.stale,
        texts=texts,
        unknown=unknown,
        offered=orders.kept("offered", lambda: _options(orders)),
        featured=surroundings.pairs(source.models, orders),
    )


def _options(orders: ToolOrders) -> Markup:
    """The tools that are offered, as options of the form."""
    named = sorted((tool.slug, tool.profile.name) for tool in orders.first(TOP, OFFERED_MAX))
    return Markup("").join(OPTION.format(slug, name) for slug, name in named)


async def _side_by_side(
    request: Http, source: ReadSource, ordered: list[Tool], *, waiting: bool
) -> ASGIResponse:
    tools = [summary(source, tool) for tool in ordered]
    caller = await reader(request)
    orders = await tool_orders(source.models, TOP, REVIEWED)
    return await answer(
        request,
        "catalogue/compare.html",
        _head(source.models, tools, base(request)),
        stale=source.stale,
        private=is_of(caller),
        columns=_columns(source.models, tools),
        tools=tools,
        may_add=len(tools) < COMPARED_MAX,
        waiting=waiting,
        known=caller.user is not None,
        mine=await my_states(request, caller, *ordered),
        login_ended=caller.login_ended,
        takeaway=comparison.takeaway(tools),
        rows=list(zip(map(gettext, ROWS), zip(*map(_answers, tools), strict=True), strict=True)),
        scorecard=[
            (persona, words.gap(_scores(tools, reviews)), list(zip(tools, reviews, strict=True)))
            for persona, reviews in comparison.scorecard(tools)
        ],
        onward=_onward(source.models, orders, ordered),
    )


class Column(Struct, frozen=True):
    """A tool in the comparison, its field in the form, and addresses: where it comes first, None
    for the one that does; where another takes its place; where it is left out, None for one of
    two."""

    tool: SummaryView
    field: str
    first: str | None
    change: str
    without: str | None


def _columns(models: ReadModels, tools: list[SummaryView]) -> list[Column]:
    fields = dict(zip(FIELDS, (tool.slug for tool in tools), strict=False))
    path, slugs = compared_path(models, *fields.values()), sorted(fields.values())
    found = []
    for tool, field in zip(tools, fields, strict=True):
        others = {name: slug for name, slug in fields.items() if name != field}
        first = _with(path, first=tool.slug if tool.slug != slugs[0] else None)
        without = compared_path(models, *others.values()) if len(others) > 1 else None
        change = f"/compare{query(**others, change=field if len(others) > 1 else None)}"
        found.append(Column(tool, field, first if tool != tools[0] else None, change, without))
    return found


def _head(models: ReadModels, tools: list[SummaryView], at: str) -> Head:
    slugs = [tool.slug for tool in tools]
    path, text = compared_path(models, *slugs), compared_text(models, *slugs)
    has_picture = text is not None and catalogue.tool(models, text) is None
    title = words.versus(*(tool.name for tool in tools))
    sentences = [
        gettext("%(name)s: %(panel)s.", name=tool.name, panel=words.panel_line(tool.panel))
        for tool in tools
    ]
    sentences.append(gettext("Prices, reviewers and votes side by side."))
    return Head(
        gettext("%(tools)s: which one ships?", tools=title),
        description(" ".join(sentences)),
        path,
        at,
        section="compare",
        picture=f"/og/{quote(text or '')}.png" if has_picture else None,
        linked_data=linked_data.graph(
            *(linked_data.tool(tool, at) for tool in tools),
            linked_data.trail(
                at, (SITE_NAME, "/"), (gettext("Compare"), "/compare"), (title, path)
            ),
        ),
    )


def _answers(tool: SummaryView) -> tuple[str, ...]:
    """The tool's values in the decision table."""
    return (
        words.panel_line(tool.panel),
        words.community_line(tool.community),
        tool.pricing or words.price(tool.entry_price),
        tool.best_for or tool.tagline or words.NOTHING,
        words.category(tool.category),
    )


def _scores(tools: list[SummaryView], reviews: list[ReviewView | None]) -> list[tuple[str, int]]:
    """The names of the tools that have a review, with its score."""
    named = zip(tools, reviews, strict=True)
    return [(tool.name, review.score) for tool, review in named if review is not None]


def _onward(models: ReadModels, orders: ToolOrders, tools: list[Tool]) -> list[tuple[str, str]]:
    """Further links, as labels and addresses: other pairs, then the tools' categories."""
    here, ids = _path_of(models, tools), {tool.id for tool in tools}
    each = ONWARD_MAX // len(tools)
    found: dict[str, str] = {}
    for tool in tools:
        beside = surroundings.neighbours(orders, tool, each + len(tools) - 1)
        for other in [one for one in beside if one.id not in ids][:each]:
            path = compared_path(models, tool.slug, other.slug)
            found[path] = words.versus(tool.profile.name, other.profile.name)
    for first, second, path in surroundings.pairs(models, orders):
        if path != here and len(found) < ONWARD_MAX:
            found[path] = words.versus(first.profile.name, second.profile.name)
    for tool in tools:
        category = tool.profile.category
        label = gettext("All of %(category)s", category=words.category(category))
        found["/" + query(category=category_slug(category))] = label
    return [(label, path) for path, label in found.items()]


ROUTES = [compare, pick]
