"""Two tools side by side: `/compare/{a}-vs-{b}`, one address a pair."""

from typing import Annotated, Any
from urllib.parse import quote

from litestar import get
from litestar.params import Parameter
from litestar.response.base import ASGIResponse
from msgspec import Struct

from votes.app import catalogue, comparison, surroundings
from votes.app.catalogue import Tool
from votes.app.listing import category_slug
from votes.app.pairs import BETWEEN, PAIR_LENGTH_MAX, pair, pair_path, pair_text
from votes.app.responses import SummaryView, summary
from votes.app.tool_orders import BY_NAME, TOP, ToolOrders, tool_orders
from votes.domain.terms import SLUG_LENGTH_MAX, ToolSlug
from votes.engine.read_models import ReadModels
from votes.engine.reader import ReadSource
from votes.http.exchange import Http
from votes.http.hosts import base
from votes.http.limiting import Limited
from votes.http.moved import require_current
from votes.http.parameters import MinPosition
from votes.site import linked_data, words
from votes.site.finding import NEAR_MAX, missing_pair, near, only_one
from votes.site.html import SHARED, redirect
from votes.site.reading import answer, is_of, my_states, read_at, reader
from votes.site.render import SITE_NAME, Head, description, query

ONWARD_OF_EACH = 3
OFFERED_MAX = 500
"""So many tools, the top ones, are offered as one types: more would be a page of megabytes."""
ROWS = ("Panel verdict", "Community", "Pricing", "Best for", "Category")

First = Annotated[str | None, Parameter(max_length=SLUG_LENGTH_MAX)]
Picked = Annotated[str | None, Parameter(max_length=PAIR_LENGTH_MAX)]


@get("/compare/{names:str}")
async def compare(
    request: Http, names: str, first: First = None, min_position: MinPosition = 0
) -> ASGIResponse:
    """Both verdicts, prices and reviewers of two tools. The other order redirects here; `first` is
    the one that is shown first."""
    source, waiting = await read_at(request, min_position)
    found = pair(source.models, names) or pair(source.models, names.lower())
    if found is None:
        one = catalogue.tool(source.models, names.lower())
        if one is None:
            raise await missing_pair(request, source, names)
        return redirect(f"/compare?a={one.slug}", 303, SHARED)
    path = _path_of(source.models, *found)
    if path != f"/compare/{names}":
        a, b = (tool.slug for tool in found)
        status = 301 if names in (f"{a}{BETWEEN}{b}", f"{b}{BETWEEN}{a}") else 308
        return redirect(_with(path, first=first, min_position=min_position), status, SHARED)
    return await _side_by_side(request, source, *_ordered(*found, first), waiting=waiting)


@get("/compare", opt=Limited("reads", "a").opt)
async def pick(
    request: Http,
    a: Picked = None,
    b: Picked = None,
    first: First = None,
    min_position: MinPosition = 0,
) -> ASGIResponse:
    """A form to choose two tools. A pair that an address cannot name is shown here."""
    source, waiting = await read_at(request, min_position)
    require_current(source.models, filter(None, (a, b)))
    orders = await tool_orders(source.models)
    if not a or not b:
        return await _form(request, source, orders, a, b, [])
    one, other = [await _found(request, source, orders, text) for text in (a, b)]
    if one is None or other is None:
        unknown = [
            await _unknown(request, source, text, name, b if name == "a" else a)
            for name, text, tool in (("a", a, one), ("b", b, other))
            if tool is None
        ]
        return await _form(request, source, orders, a, b, unknown)
    path = _path_of(source.models, one, other)
    if not path.startswith("/compare?"):
        return redirect(_with(path, first=first, min_position=min_position), 303, SHARED)
    if other.slug < one.slug:
        one, other = other, one
    return await _side_by_side(request, source, *_ordered(one, other, first), waiting=waiting)


def _with(path: str, **fields: Any) -> str:
    """The path, which may have a query, with these fields too."""
    more = query(**fields)
    return f"{path}{more.replace('?', '&') if '?' in path else more}"


def _ordered(a: Tool, b: Tool, first: ToolSlug | None) -> tuple[Tool, Tool]:
    return (b, a) if first == b.slug else (a, b)


class Unknown(Struct, frozen=True):
    """A text that names no tool, and the names and addresses of what may be meant."""

    text: str
    near: list[tuple[str, str]]


async def _unknown(request: Http, source: ReadSource, text: str, name: str, other: str) -> Unknown:
    """`name` is the field of the text, `other` what is in the other field."""
    beside = "b" if name == "a" else "a"
    tools = await near(request, source, text, NEAR_MAX)
    return Unknown(
        text,
        [
            (one.profile.entry.name, f"/compare{query(**{name: one.slug, beside: other})}")
            for one in tools
            if one.slug != other
        ],
    )


def _path_of(models: ReadModels, a: Tool, b: Tool) -> str:
    return pair_path(models, a.slug, b.slug) if a != b else f"/tools/{a.slug}"


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
    a: str | None,
    b: str | None,
    unknown: list[Unknown],
) -> ASGIResponse:
    offered = orders.first(TOP, OFFERED_MAX)
    head = Head(
        f"Compare two tools · {SITE_NAME}",
        "Name two tools, and see where the panel and the voters part ways.",
        "/compare",
        base(request),
        section="compare",
        indexed=not (a or b),
    )
    return await answer(
        request,
        "compare_pick.html",
        head,
        stale=source.stale,
        a=a,
        b=b,
        unknown=unknown,
        tools=sorted((tool.slug, tool.profile.entry.name) for tool in offered),
        featured=surroundings.pairs(source.models, orders),
    )


async def _side_by_side(
    request: Http, source: ReadSource, first: Tool, second: Tool, *, waiting: bool
) -> ASGIResponse:
    a, b = summary(source, first), summary(source, second)
    caller = await reader(request)
    orders = await tool_orders(source.models)
    path = pair_path(source.models, a.slug, b.slug)
    return await answer(
        request,
        "compare.html",
        _head(source.models, a, b, base(request)),
        stale=source.stale,
        private=is_of(caller),
        a=a,
        b=b,
        waiting=waiting,
        known=caller.user is not None,
        mine=await my_states(request, caller, first, second),
        login_ended=caller.login_ended,
        swapped=_with(path, first=second.slug if second.slug > first.slug else None),
        takeaway=comparison.takeaway(a, b),
        rows=_rows(a, b),
        scorecard=comparison.scorecard(a, b),
        onward=_onward(source.models, orders, first, second),
    )


def _head(models: ReadModels, a: SummaryView, b: SummaryView, at: str) -> Head:
    path = pair_path(models, a.slug, b.slug)
    text = pair_text(models, a.slug, b.slug)
    told = text is not None and catalogue.tool(models, text) is None
    title = f"{a.name} vs {b.name}"
    said = (
        f"{a.name}: {words.panel_line(a.panel)}. {b.name}: {words.panel_line(b.panel)}."
        " Prices, reviewers and votes side by side."
    )
    return Head(
        f"{title}: which one ships?",
        description(said),
        path,
        at,
        section="compare",
        picture=f"/og/{quote(text or '')}.png" if told else None,
        linked_data=linked_data.graph(
            linked_data.tool(a, at),
            linked_data.tool(b, at),
            linked_data.trail(at, (SITE_NAME, "/"), ("Compare", "/compare"), (title, path)),
        ),
    )


def _rows(a: SummaryView, b: SummaryView) -> list[tuple[str, str, str]]:
    """The decision table: each question, with both tools' values."""
    return list(zip(ROWS, _answers(a), _answers(b), strict=True))


def _answers(tool: SummaryView) -> tuple[str, ...]:
    return (
        words.panel_line(tool.panel),
        words.community_line(tool.community),
        tool.pricing or words.price(tool.entry_price),
        tool.best_for or tool.tagline or words.NOTHING,
        words.category(tool.category),
    )


def _onward(models: ReadModels, orders: ToolOrders, a: Tool, b: Tool) -> list[tuple[str, str]]:
    """Further links, as labels and addresses: other pairs, then the tools' categories."""
    here = pair_path(models, a.slug, b.slug)
    found: dict[str, str] = {}
    for tool in (a, b):
        beside = surroundings.neighbours(orders, tool, ONWARD_OF_EACH + 1)
        for other in [one for one in beside if one.id not in (a.id, b.id)][:ONWARD_OF_EACH]:
            path = pair_path(models, tool.slug, other.slug)
            found[path] = f"{tool.profile.entry.name} vs {other.profile.entry.name}"
    for first, second, path in surroundings.pairs(models, orders):
        if path != here and len(found) < 2 * ONWARD_OF_EACH:
            found[path] = f"{first.profile.entry.name} vs {second.profile.entry.name}"
    for tool in (a, b):
        category = tool.profile.entry.category
        found["/" + query(category=category_slug(category))] = f"All of {words.category(category)}"
    return [(label, path) for path, label in found.items()]


ROUTES = [compare, pick]
