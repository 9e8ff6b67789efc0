"""Lists of tools: what is searched for, filtered by and sorted by stands in the address."""

from typing import Any

from litestar.response.base import ASGIResponse
from msgspec import Struct
from msgspec.structs import asdict

from votes.app.catalogue import listing
from votes.app.catalogue.listing import Choices, Wanted, category_slug
from votes.app.catalogue.paging import Page
from votes.app.catalogue.responses import SummaryView, summary
from votes.app.catalogue.tool_orders import TOP, Sort, tool_orders
from votes.engine.reading.reader import ReadSource
from votes.http.exchange import Http, services
from votes.http.hosts import base
from votes.languages import gettext, marked
from votes.search.pages import choices, tools_page
from votes.site import words
from votes.site.html import Translated
from votes.site.reading import answer
from votes.site.render import Head, query, titled

ROWS_MAX = 40
FILTERS = {
    "category": marked("Category"),
    "price": marked("Price"),
    "panel": marked("Panel"),
    "call": marked("Community"),
}
"""The filters by their names in an address, and what they are called."""


class Option(Struct, frozen=True):
    """A value of a filter: what it is called, its address, how many tools it leaves, and whether it
    is chosen."""

    label: str
    href: str
    number: int
    chosen: bool


async def tools_list(
    request: Http,
    source: ReadSource,
    sort: Sort | None,
    wanted: Wanted,
    q: str | None,
    cursor: str | None,
    *,
    waiting: bool,
) -> ASGIResponse:
    """A page of the tools that are as wanted. Raises `Translated` for a category without tools."""
    sort = sort if sort or q else "top"
    orders = await tool_orders(source.models, TOP)
    if wanted.category:
        wanted = _with_category(wanted, [name for name, _ in listing.categories(orders)])
    finder = services(request).finder
    found = await tools_page(finder, source.models, sort, wanted, q, cursor, ROWS_MAX)
    others = await choices(finder, source.models, wanted, q)
    fields = {"q": q, **_fields(wanted)}
    filters = {name: _options(name, others, fields, sort) for name in FILTERS}
    chosen = [(name, one) for name, all_ in filters.items() for one in all_ if one.chosen]
    heading = _heading(wanted, q)
    head = Head(
        titled(heading),
        gettext("%(tools)s to vote on.", tools=words.counted(found.total, "tool")),
        f"/{query(**fields, sort=sort)}",
        base(request),
        section="tools",
        picture=f"/og/category/{fields['category']}.png"
        if fields["category"]
        else "/og/site/home.png",
        indexed=not (q or cursor) and wanted.any_facets and bool(found.total),
    )
    shown: Page[SummaryView] = Page(
        [summary(source, tool) for tool in found.items], found.next_cursor, found.total
    )
    return await answer(
        request,
        "catalogue/tools.html",
        head,
        stale=source.stale,
        waiting=waiting,
        q=q,
        fields=fields,
        category=fields["category"],
        filters=filters,
        labels=FILTERS,
        chosen=[
            (label, f"/{query(**fields | {name: None}, sort=sort)}")
            for name, label in (
                (name, f"{gettext(FILTERS[name])}: {one.label}") for name, one in chosen
            )
        ],
        listing=shown,
        heading=heading,
        sort=sort,
        cursor=cursor,
    )


def _heading(wanted: Wanted, q: str | None) -> str:
    if q:
        return gettext("“%(text)s”", text=q)
    return words.category(wanted.category) if wanted.category else gettext("All tools")


def _with_category(wanted: Wanted, categories: list[str]) -> Wanted:
    """The same, with the category as tools have it. Raises `Translated` where none has."""
    slug = category_slug(wanted.category or "")
    for name in categories:
        if category_slug(name) == slug:
            return Wanted(name, wanted.call, wanted.panel, wanted.price)
    name = (wanted.category or "")[:64]
    raise Translated("not_found", gettext("No tool is in a category “%(name)s”.", name=name))


def _fields(wanted: Wanted) -> dict[str, str | None]:
    """The filters as the fields of an address."""
    slug = category_slug(wanted.category) if wanted.category else None
    return asdict(wanted) | {"category": slug}


def _options(name: str, others: Choices, fields: dict[str, Any], sort: Sort | None) -> list[Option]:
    options = []
    for value, number in getattr(others, name):
        spelled = category_slug(value) if name == "category" else value
        href = f"/{query(**fields | {name: spelled}, sort=sort)}"
        label = words.option(name, value)
        options.append(Option(label, href, number, fields[name] == spelled))
    if name == "category":
        options.sort(key=lambda one: one.label.casefold())
    return options
