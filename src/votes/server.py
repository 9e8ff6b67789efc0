"""The server's application: the API, its stream and the pages, behind one edge."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from litestar import Litestar

from votes.api.application import HANDLERS, create_api
from votes.api.hot import with_hot_routes
from votes.api.openapi import describe
from votes.api.routes.live import with_live
from votes.config import Config, load
from votes.http.cors import with_cors
from votes.http.edge import with_edge
from votes.http.exchange import Asgi
from votes.http.hosts import with_one_host
from votes.http.identity import Identity
from votes.http.limiting import with_rate_limit_fields
from votes.live.sockets import limit_connections
from votes.live.stream import Streams
from votes.logs import set_up_logs
from votes.site.application import create_site
from votes.site.pictures.gallery import Gallery
from votes.wiring import ends_the_process, services

FOR_PROGRAMS = ("/v1/", "/health/", "/metrics/", "/docs/", "/openapi.json/")
GARBAGE_OBJECTS_MAX = 10_000
"""New objects before a search for garbage: Python's own 700 cost a tenth of a vote."""


def create_app(config: Config) -> Asgi:
    """The application on the servers that the settings name."""
    site = create_site()

    @asynccontextmanager
    async def running(api: Litestar) -> AsyncIterator[None]:
        async with services(config) as parts:
            streams = Streams(parts.hub)
            for app in (api, site):
                app.state.services = parts
                app.state.identity = Identity.of(config)
            site.state.gallery = Gallery(parts.pictures)
            api.state.streams = streams
            api.state.openapi = msgspec.json.encode(describe(api, HANDLERS))
            tasks = [
                asyncio.create_task(streams.supervise(), name="streams"),
                asyncio.create_task(parts.hub.follow_log(parts.reader), name="hub"),
            ]
            for task in tasks:
                task.add_done_callback(ends_the_process)
            tasks.append(asyncio.create_task(limit_connections(), name="connections"))
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    api = create_api(running)
    others = with_live(api, with_rate_limit_fields(api))
    for_programs = with_cors(config, with_hot_routes(api, others))
    return with_edge(config, with_one_host(_by_path(for_programs, with_rate_limit_fields(site))))


def _by_path(api: Asgi, site: Asgi) -> Asgi:
    """The API for its own paths, and for what is no request; pages for all others."""

    def dispatch(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        if scope["type"] == "http" and not f"{scope['path']}/".startswith(FOR_PROGRAMS):
            return site(scope, receive, send)
        return api(scope, receive, send)

    return dispatch


def from_environment() -> Asgi:
    """What the server calls in each of its processes."""
    config = load(os.environ)
    set_up_logs(config.log)
    app = create_app(config)
    gc.freeze()  # what the program consists of is never garbage: do not search it
    gc.set_threshold(GARBAGE_OBJECTS_MAX)
    return app
