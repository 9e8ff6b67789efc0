"""What programs that find pages ask for: which pages there are, and which not to ask for."""

from itertools import chain
from typing import Annotated
from urllib.parse import quote

from litestar import get
from litestar.params import Parameter
from litestar.response.base import ASGIResponse

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
    return _xml(request, "catalogue/sitemaps.xml", at, paths)


@get("/sitemap/pages.xml", opt=Limited("reads").opt)
async def sitemap_of_pages(request: Http) -> ASGIResponse:
    """The pages that are not of one tool: lists by category, and comparisons that home offers."""
    at = _address(request)
    source, _ = await read_at(request)
    orders = await tool_orders(source.models, TOP, REVIEWED)
    slugs = dict.fromkeys(listing.category_slug(name) for name, _ in listing.categories(orders))
    categories = [f"/{query(category=slug)}" for slug in slugs]
    compared = [path for *_, path in surroundings.pairs(source.models, orders)]
    return _xml(request, "catalogue/sitemap.xml", at, chain(PAGES, categories, compared))


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
    return _xml(
        request, "catalogue/sitemap.xml", at, [f"/tools/{quote(tool.slug)}" for tool in tools]
    )


def _address(request: Http) -> str:
    """The address of this site, without which there is no sitemap. Raises `Refused`."""
    if not (at := base(request)):
        raise Refused("not_found", "This site's address is not set: VOTES_PUBLIC_URL.")
    return at


def _xml(request: Http, template: str, at: str, paths: object) -> ASGIResponse:
    text = environment().get_template(template).render(at=at, paths=paths)
    return shared_page(request, text, media_type=XML)


ROUTES = [robots, sitemap, sitemap_of_pages, sitemap_of_tools]
