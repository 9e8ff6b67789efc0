"""Two tools side by side: `/compare/{a}-vs-{b}`, one address a pair."""

from typing import Annotated
from urllib.parse import quote

from litestar import get
from litestar.params import Parameter
from litestar.response.base import ASGIResponse

from votes.app import catalogue, comparison, surroundings
from votes.app.catalogue import Tool
from votes.app.listing import category_slug
from votes.app.pairs import BETWEEN, PAIR_LENGTH_MAX, pair, pair_path, pair_text
from votes.app.responses import SummaryView, summary
from votes.app.tool_orders import BY_NAME, TOP, ToolOrders, tool_orders
from votes.engine.read_models import ReadModels
from votes.engine.reader import ReadSource
from votes.http.errors import Refused
from votes.http.exchange import Http
from votes.http.hosts import base
from votes.http.moved import require_current
from votes.http.parameters import MinPosition
from votes.site import linked_data, words
from votes.site.html import SHARED, redirect
from votes.site.reading import answer, is_of, my_states, read_at, reader
from votes.site.render import SITE_NAME, Head, description, query

ONWARD_OF_EACH = 3
OFFERED_MAX = 500
"""So many tools, the top ones, are offered as one types: more would be a page of megabytes."""
ROWS = ("Panel verdict", "Community", "Pricing", "Best for", "Category")

Picked = Annotated[str | None, Parameter(max_length=PAIR_LENGTH_MAX)]


@get("/compare/{names:str}")
async def compare(request: Http, names: str, min_position: MinPosition = 0) -> ASGIResponse:
    """Both verdicts, prices and reviewers of two tools. The other order redirects here."""
    source, waiting = await read_at(request, min_position)
    found = pair(source.models, names)
    if found is None:
        raise Refused("not_found", "The address does not name two tools of the catalogue.")
    path = _path_of(source.models, *found)
    if path != f"/compare/{names}":
        a, b = (tool.slug for tool in found)
        status = 301 if names in (f"{a}{BETWEEN}{b}", f"{b}{BETWEEN}{a}") else 308
        return redirect(path + query(min_position=min_position), status, SHARED)
    return await _side_by_side(request, source, *found, waiting=waiting)


@get("/compare")
async def pick(
    request: Http, a: Picked = None, b: Picked = None, min_position: MinPosition = 0
) -> ASGIResponse:
    """A form to choose two tools. A pair that an address cannot name is shown here."""
    source, waiting = await read_at(request, min_position)
    require_current(source.models, filter(None, (a, b)))
    orders = await tool_orders(source.models)
    first, second = _found(source.models, orders, a), _found(source.models, orders, b)
    if first is None or second is None:
        unknown = (a if first is None else b) if a and b else None
        return await _form(request, source, orders, a, b, unknown)
    path = _path_of(source.models, first, second)
    if not path.startswith("/compare?"):
        return redirect(path + query(min_position=min_position), 303, SHARED)
    both = sorted((first, second), key=lambda tool: tool.slug)
    return await _side_by_side(request, source, *both, waiting=waiting)


def _path_of(models: ReadModels, a: Tool, b: Tool) -> str:
    return pair_path(models, a.slug, b.slug) if a != b else f"/tools/{a.slug}"


def _found(models: ReadModels, orders: ToolOrders, text: str | None) -> Tool | None:
    """The listed tool with this slug, else with this name."""
    if not text:
        return None
    if (tool := catalogue.tool(models, text)) is not None:
        return tool
    asked = text.strip().casefold()
    place = next(orders.places([BY_NAME], (asked,)), None)
    return orders.rows[place[-1]] if place is not None and place[0] == asked else None


async def _form(
    request: Http,
    source: ReadSource,
    orders: ToolOrders,
    a: str | None,
    b: str | None,
    unknown: str | None,
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
            found[path] = f"{first.name} vs {second.name}"
    for tool in (a, b):
        category = tool.profile.entry.category
        found["/" + query(category=category_slug(category))] = f"All of {words.category(category)}"
    return [(label, path) for path, label in found.items()]


ROUTES = [compare, pick]
