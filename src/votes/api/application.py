"""The API as an application: JSON, for programs."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from litestar import Litestar, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import License
from litestar.response.base import ASGIResponse

from votes import __version__
from votes.api.openapi import ABOUT
from votes.api.routes import (
    bookmarks,
    cohorts,
    collecting,
    digest,
    health,
    links,
    many_bookmarks,
    me,
    reviews,
    rulings,
    sharing,
    tallies,
    tools,
    trend,
    votes,
)
from votes.http import limiting, origins
from votes.http.errors import EXCEPTION_HANDLERS
from votes.http.exchange import SMALL_BODY_BYTES_MAX, Http, shared

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]

HANDLERS: list[HTTPRouteHandler] = [
    *votes.ROUTES,
    *tallies.ROUTES,
    *trend.ROUTES,
    *tools.ROUTES,
    *reviews.ROUTES,
    *rulings.ROUTES,
    *cohorts.ROUTES,
    *links.ROUTES,
    *me.ROUTES,
    *bookmarks.ROUTES,
    *many_bookmarks.ROUTES,
    *collecting.ROUTES,
    *sharing.ROUTES,
    *digest.ROUTES,
    *health.ROUTES,
]


@get("/openapi.json", include_in_schema=False)
async def openapi_json(request: Http) -> ASGIResponse:
    return shared(request, request.app.state.openapi, stale=False)


def create_api(*lifespan: Lifespan) -> Litestar:
    return Litestar(
        route_handlers=[*HANDLERS, openapi_json],
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
