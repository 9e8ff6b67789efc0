"""Finds what an address means: tools in any case and, where there is none, those of a near name."""

from itertools import product
from urllib.parse import quote

from votes.app.catalogue import tools as catalogue
from votes.app.catalogue.compared import BETWEEN, COMPARED_MAX, compared_path
from votes.app.catalogue.tools import Tool
from votes.engine.reading.reader import NotYet, ReadSource
from votes.http.checks.limiting import Limited, limit
from votes.http.errors import Refused
from votes.http.exchange import Http, listed, services, tool_slug
from votes.http.moved import Moved
from votes.search import pages
from votes.site import words
from votes.site.html import Missing

NEAR_MAX = 3
PAIRS_MAX = 3


async def tool_at(request: Http, source: ReadSource, slug: str) -> Tool:
    """The listed tool of the slug. Raises `Moved` for a former slug, and for one in another case;
    `Missing` with the tools of a near name where there is none."""
    lower = slug.lower()
    if lower != slug and catalogue.tool(source.models, lower) is not None:
        raise Moved({slug: catalogue.current_slug(source.models, lower)})
    try:
        return listed(source, tool_slug(request, slug))
    except Refused as refused:
        tools = await near(request, source, slug, NEAR_MAX)
        links = [(one.profile.name, f"/tools/{quote(one.slug)}") for one in tools]
        raise Missing(refused, links) from refused


async def missing_pair(request: Http, source: ReadSource, text: str) -> Missing:
    """That the text names no tools to compare, with the comparisons of near names."""
    refused = Refused("not_found", "The address does not name two tools of the catalogue.")
    sides = [await _side(request, source, side) for side in text.split(BETWEEN, COMPARED_MAX - 1)]
    links = {}
    for tools in product(*sides):
        named = {tool.slug: tool.profile.name for tool in tools}
        if len(named) == max(len(sides), 2):
            links[compared_path(source.models, *named)] = words.versus(*named.values())
    return Missing(refused, [(name, path) for path, name in links.items()][:PAIRS_MAX])


async def _side(request: Http, source: ReadSource, text: str) -> list[Tool]:
    tool = catalogue.tool(source.models, text.lower())
    return [tool] if tool is not None else await near(request, source, text, NEAR_MAX)


async def near(request: Http, source: ReadSource, text: str, number: int) -> list[Tool]:
    """The tools of a near name. To search counts as a read: beyond the limit none is found, nor
    while the search is not up to date."""
    try:
        await limit(request, Limited("reads"))
        return await pages.near(services(request).finder, source.models, text, number)
    except (Refused, NotYet):
        return []


async def only_one(request: Http, source: ReadSource, text: str) -> Tool | None:
    """The tool that the text can only mean."""
    try:
        return await pages.only_one(services(request).finder, source.models, text)
    except NotYet:
        return None
