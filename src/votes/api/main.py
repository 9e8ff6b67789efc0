"""The application, put together."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from litestar import Litestar, get
from litestar.config.cors import CORSConfig
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import ScalarRenderPlugin
from litestar.openapi.spec import License
from litestar.response.base import ASGIResponse

from votes import __version__
from votes.api import bookmarks, health, me, pages, reviews, tallies, tools, trend, votes
from votes.api.edge import with_edge
from votes.api.errors import EXCEPTION_HANDLERS
from votes.api.exchange import SMALL_BODY_BYTES_MAX, Http, shared
from votes.api.gallery import Gallery
from votes.api.hosts import with_one_host
from votes.api.html import NOT_ROUTED, with_pages
from votes.api.identity import Identity
from votes.api.live import with_live
from votes.api.openapi import ABOUT, describe
from votes.config import Config, load
from votes.live.sockets import bound_connections
from votes.live.stream import Streams
from votes.logs import set_up_logs
from votes.wiring import services

CORS_MAX_AGE_S = 600
GARBAGE_OBJECTS_MAX = 10_000
"""New objects before a search for garbage: Python's own 700 cost a tenth of a vote."""

HANDLERS: list[HTTPRouteHandler] = [
    *votes.ROUTES,
    *tallies.ROUTES,
    *trend.ROUTES,
    *tools.ROUTES,
    *reviews.ROUTES,
    *me.ROUTES,
    *bookmarks.ROUTES,
    *health.ROUTES,
]


@get("/openapi.json", include_in_schema=False)
async def openapi_json(request: Http) -> ASGIResponse:
    return shared(request, request.app.state.openapi, stale=False)


def create_app(config: Config) -> Litestar:
    """The API on the servers that the settings name."""

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with services(config) as parts:
            app.state.services = parts
            app.state.identity = Identity.of(config)
            app.state.gallery = Gallery(parts.pictures)
            app.state.streams = streams = Streams(parts.hub)
            app.state.openapi = msgspec.json.encode(describe(app, HANDLERS))
            tasks = [
                asyncio.create_task(streams.keep(), name="streams"),
                asyncio.create_task(parts.hub.follow_log(parts.reads), name="hub"),
                asyncio.create_task(bound_connections(), name="connections"),
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    return Litestar(
        route_handlers=[*HANDLERS, openapi_json, pages.ROUTER],
        lifespan=[lifespan],
        exception_handlers=EXCEPTION_HANDLERS | NOT_ROUTED,
        cors_config=_cors(config),
        request_max_body_size=SMALL_BODY_BYTES_MAX,
        openapi_config=OpenAPIConfig(
            title="votes",
            version=__version__,
            description=ABOUT,
            license=License("Apache-2.0", identifier="Apache-2.0"),
            use_handler_docstrings=True,
            path="/docs",
            render_plugins=[ScalarRenderPlugin(path="/")],
        ),
        logging_config=None,
    )


def _cors(config: Config) -> CORSConfig | None:
    if not config.allowed_origins:
        return None
    return CORSConfig(
        allow_origins=list(config.allowed_origins),
        allow_methods=["GET", "PUT", "POST", "DELETE"],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "Idempotency-Key",
            "If-None-Match",
            "Last-Event-ID",
        ],
        expose_headers=["ETag", "Retry-After", "Votes-Position"],
        max_age=CORS_MAX_AGE_S,
    )


def from_environment() -> Any:
    """What the server calls in each of its processes."""
    config = load(os.environ)
    set_up_logs(config.log)
    app = create_app(config)
    gc.freeze()  # what the program consists of is never garbage: do not search it
    gc.set_threshold(GARBAGE_OBJECTS_MAX)
    return with_edge(app, with_one_host(with_live(app, with_pages(app))))
