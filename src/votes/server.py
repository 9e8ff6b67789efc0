"""The server's application: the API, its stream and the pages, behind one edge."""

import asyncio
import gc
import os
import sys
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
from votes.http.checks.identity import Identity
from votes.http.checks.limiting import with_rate_limit_fields
from votes.http.edge.cache import Cache, with_cache
from votes.http.edge.cors import with_cors
from votes.http.edge.headers import FOR_OTHER_SITES, FOR_PROGRAMS, FOR_READERS, with_headers
from votes.http.edge.languages import with_languages
from votes.http.edge.requests import with_edge, with_end
from votes.http.edge.turns import Turns, with_turns
from votes.http.exchange import Asgi, Headers
from votes.http.hosts import with_one_host
from votes.languages import languages_of
from votes.live.sockets import limit_connections
from votes.live.stream import Streams
from votes.logs import set_up_logs
from votes.running import ends_the_process
from votes.site.about.describing import docs_of
from votes.site.application import create_site
from votes.site.html import problem_pages
from votes.site.people.logging_in import login_of
from votes.site.pictures.gallery import Gallery
from votes.wiring import services

PATHS_FOR_PROGRAMS = ("/v1/", "/health/", "/metrics/", "/openapi.json/")
PATHS_FOR_OTHER_SITES = ("/static/", "/elements.js/", "/elements.json/", "/elements/", "/og/")
GARBAGE_OBJECTS_MAX = 2_500
"""New objects before a search for garbage: Python's own 700 cost a tenth of a vote, and 10,000 held
the loop for 4 to 8 ms beside pages, where this takes 2 to 4."""
SWITCH_S = 0.0005
"""How long the server's threads, which read requests and send responses, wait for the interpreter
beside a page that is rendered. They wait several times for each request: with Python's own 5 ms, a
tally beside ten readers of pages took 30 ms, and takes 2."""


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
            site.state.gallery, site.state.turns = Gallery(parts.pictures), turns
            site.state.login = login_of(config)
            api.state.streams = streams
            description = describe(api, HANDLERS)
            api.state.openapi = msgspec.json.encode(description)
            site.state.docs = docs_of(description)
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

    api, turns = create_api(running), Turns()
    others = with_live(api, with_end(with_rate_limit_fields(with_turns(turns, api))))
    for_programs = with_cors(config, with_hot_routes(api, others))
    plain, tell = with_rate_limit_fields(with_turns(turns, site)), problem_pages(site)
    cached = with_turns(turns, with_cache(site, Cache(), plain))
    pages = _by_path(
        PATHS_FOR_OTHER_SITES,
        _behind_edge(config, FOR_OTHER_SITES, with_end(plain, tell)),
        _behind_edge(config, FOR_READERS, with_end(cached, tell)),
        endings=("/badge.svg/",),
    )
    return _by_path(
        PATHS_FOR_PROGRAMS,
        _behind_edge(config, FOR_PROGRAMS, for_programs),
        with_languages(languages_of(config.languages), pages),
    )


def _behind_edge(config: Config, headers: Headers, app: Asgi) -> Asgi:
    return with_headers(config, headers, with_edge(config, with_one_host(app)))


def _by_path(
    beginnings: tuple[str, ...], these: Asgi, others: Asgi, endings: tuple[str, ...] = ()
) -> Asgi:
    """These for paths that begin or end like this, and for what is no request; the others for the
    rest."""

    def dispatch(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        if scope["type"] != "http" or (path := f"{scope['path']}/").startswith(beginnings):
            return these(scope, receive, send)
        return (these if path.endswith(endings) else others)(scope, receive, send)

    return dispatch


def from_environment() -> Asgi:
    """What the server calls in each of its processes."""
    gc.disable()  # what the program consists of is never garbage: do not search it
    config = load(os.environ)
    set_up_logs(config.log)
    app = create_app(config)
    gc.freeze()
    gc.enable()
    gc.set_threshold(GARBAGE_OBJECTS_MAX)
    sys.setswitchinterval(SWITCH_S)
    return app
