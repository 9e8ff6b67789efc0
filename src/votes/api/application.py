"""The API as an application: JSON, for programs."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from litestar import Litestar, get, route
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import License
from litestar.response.base import ASGIResponse

from votes import __version__
from votes.api.openapi import ABOUT
from votes.api.routes import (
    cohorts,
    digest,
    health,
    links,
    reviews,
    rulings,
    tallies,
    tools,
    trend,
    votes,
)
from votes.api.routes.mine import (
    bookmarks,
    collecting,
    importing,
    many_bookmarks,
    me,
    my_reviews,
    sharing,
)
from votes.http.checks import limiting, origins
from votes.http.errors import EXCEPTION_HANDLERS
from votes.http.exchange import SMALL_BODY_BYTES_MAX, Http, shared

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]

HANDLERS: list[HTTPRouteHandler] = [
    *votes.ROUTES,
    *tallies.ROUTES,
    *trend.ROUTES,
    *tools.ROUTES,
    *reviews.ROUTES,
    *my_reviews.ROUTES,
    *rulings.ROUTES,
    *cohorts.ROUTES,
    *links.ROUTES,
    *me.ROUTES,
    *bookmarks.ROUTES,
    *many_bookmarks.ROUTES,
    *collecting.ROUTES,
    *sharing.ROUTES,
    *digest.ROUTES,
    *importing.ROUTES,
    *health.ROUTES,
]


def _named_like_a_route(path: str, handler: HTTPRouteHandler) -> HTTPRouteHandler:
    """The handler for the tool whose slug is the end of the path, which is another route's."""
    slug = path.rpartition("/")[2]

    async def of_the_tool(request: Http) -> ASGIResponse:
        answer: ASGIResponse = await handler.fn(request, slug=slug)
        return answer

    methods = sorted(handler.http_methods - {"HEAD", "OPTIONS"})
    made = route(
        path,
        http_method=methods,
        status_code=200,
        opt=handler.opt,
        include_in_schema=False,
        request_max_body_size=handler.request_max_body_size,
    )
    return made(of_the_tool)


BOOKMARK_PATH = "/v1/me/bookmarks/{slug:str}"
NAMED_LIKE_ROUTES = [
    _named_like_a_route(path, handler)
    for path in sorted({path for one in HANDLERS for path in one.paths} - {BOOKMARK_PATH})
    if path.rpartition("/")[0] == BOOKMARK_PATH.rpartition("/")[0]
    for handler in HANDLERS
    if BOOKMARK_PATH in handler.paths
]
"""The routes of bookmarks of tools with slugs such as `changes`: no route hides a tool."""


@get("/openapi.json", include_in_schema=False)
async def openapi_json(request: Http) -> ASGIResponse:
    return shared(request, request.app.state.openapi, stale=False)


def create_api(*lifespan: Lifespan) -> Litestar:
    return Litestar(
        route_handlers=[*HANDLERS, *NAMED_LIKE_ROUTES, openapi_json],
        lifespan=lifespan,
        guards=[origins.guard, limiting.guard],
        exception_handlers=EXCEPTION_HANDLERS,
        request_max_body_size=SMALL_BODY_BYTES_MAX,
        openapi_config=OpenAPIConfig(
            title="votes",
            version=__version__,
            description=ABOUT,
            license=License("Apache-2.0", identifier="Apache-2.0"),
            use_handler_docstrings=True,
        ),
        logging_config=None,
    )
