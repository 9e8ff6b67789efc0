"""What programs that find pages ask for: which pages there are, and which not to ask for."""

from collections.abc import Iterable
from itertools import chain
from typing import Annotated

from litestar import get
from litestar.params import Parameter
from litestar.response.base import ASGIResponse
from markupsafe import escape

from votes.app.catalogue import listing, surroundings
from votes.app.catalogue.tool_orders import NEW, REVIEWED, TOP, tool_orders
from votes.http.checks.limiting import Limited
from votes.http.errors import Refused
from votes.http.exchange import Http
from votes.http.hosts import base
from votes.languages import language
from votes.site.html import shared_page
from votes.site.reading import read_at
from votes.site.render import environment, query

URLS_MAX = 500
"""Of a file with tools. It takes the loop 2 ms; sitemaps.org allows 50,000."""
PAGES = ("/", "/compare", "/verdicts", "/rulings", "/docs")
XML = "application/xml"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
ENTRIES = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
SIBLINGS = 'xmlns:xhtml="http://www.w3.org/1999/xhtml"'


@get("/robots.txt")
async def robots(request: Http) -> ASGIResponse:
    """All pages may be read; the API, logins and searches are for others."""
    at = base(request)
    text = environment().get_template("catalogue/robots.txt").render(at=at)
    return shared_page(request, text, media_type="text/plain")


@get("/sitemap.xml", opt=Limited("reads").opt)
async def sitemap(request: Http) -> ASGIResponse:
    """The files that list the pages (sitemaps.org), those of each language; the oldest tools first:
    so files stay as they are when tools are listed."""
    at = _address(request)
    source, _ = await read_at(request)
    tools = (await tool_orders(source.models, NEW)).count([NEW])
    numbers = range(1, -(-tools // URLS_MAX) + 1)
    files = ["pages", *(f"tools-{number}" for number in numbers)]
    roots = [place.root for place in language().places]
    paths = [f"{root}/sitemap/{name}.xml" for root in roots for name in files]
    entries = _entries(paths, f"<sitemap><loc>{escape(at)}", "</loc></sitemap>")
    return _xml(request, "sitemapindex", ENTRIES, entries)


@get("/sitemap/pages.xml", opt=Limited("reads").opt)
async def sitemap_of_pages(request: Http) -> ASGIResponse:
    """The pages that are not of one tool: lists by category, and comparisons that home offers."""
    at = _address(request)
    source, _ = await read_at(request)
    orders = await tool_orders(source.models, TOP, REVIEWED)
    slugs = dict.fromkeys(listing.category_slug(name) for name, _ in listing.categories(orders))
    categories = [f"/{query(category=slug)}" for slug in slugs]
    compared = [path for *_, path in surroundings.pairs(source.models, orders)]
    return _sitemap(request, at, chain(PAGES, categories, compared))


@get("/sitemap/{file:str}", opt=Limited("reads").opt)
async def sitemap_of_tools(
    request: Http, file: Annotated[str, Parameter(pattern=r"^tools-[1-9][0-9]{0,5}\.xml$")]
) -> ASGIResponse:
    """`tools-{number}.xml`: so many tools, in the order in which they were listed."""
    at = _address(request)
    source, _ = await read_at(request)
    number = int(file.removeprefix("tools-").removesuffix(".xml"))
    orders = await tool_orders(source.models, NEW)
    tools = orders.last(NEW, (number - 1) * URLS_MAX, URLS_MAX)
    if not tools:
        raise Refused("not_found", "There are not so many tools.")
    return _sitemap(request, at, [f"/tools/{tool.slug}" for tool in tools])


def _address(request: Http) -> str:
    """The address of this site, without which there is no sitemap. Raises `Refused`."""
    if not (at := base(request)):
        raise Refused("not_found", "This site's address is not set: VOTES_PUBLIC_URL.")
    return at


def _sitemap(request: Http, at: str, paths: Iterable[str]) -> ASGIResponse:
    """The pages of the language that is spoken, each with its siblings."""
    base = escape(at)
    first, *others = (
        f'<xhtml:link rel="alternate" hreflang="{place.tag}" href="{base}{place.root}'
        for place in language().places
    )
    entries = _entries(
        paths,
        f"<url><loc>{base}{language().root}",
        f"</loc>{first}",
        *(f'"/>{link}' for link in others),
        '"/></url>',
    )
    return _xml(request, "urlset", f"{ENTRIES} {SIBLINGS}", entries)


def _entries(paths: Iterable[str], *parts: str) -> str:
    """A line for each path, which stands between each two of the parts: a template took four times
    as long for a line."""
    escaped = str(escape("\n".join(paths))).split("\n")
    return "\n".join(path.join(parts) for path in escaped)


def _xml(request: Http, root: str, attributes: str, entries: str) -> ASGIResponse:
    text = f"{HEAD}<{root} {attributes}>\n{entries}\n</{root}>\n"
    return shared_page(request, text, media_type=XML)


ROUTES = [robots, sitemap, sitemap_of_pages, sitemap_of_tools]
