"""The pages as an application: HTML, for people, the same for every origin."""

from typing import Any

from litestar import Litestar
from litestar.config.compression import CompressionConfig
from litestar.handlers import HTTPRouteHandler
from litestar.middleware import DefineMiddleware
from litestar.middleware.compression import CompressionMiddleware

from votes.http.checks import limiting, origins
from votes.http.edge.cache import accepts_gzip
from votes.http.exchange import SMALL_BODY_BYTES_MAX
from votes.site import files, forms
from votes.site.about import describing, explaining
from votes.site.catalogue import badges, comparing, crawling, pages
from votes.site.html import PAGE_PROBLEMS
from votes.site.people import bookmarking, collecting, importing, logging_in, mailing
from votes.site.staff import cataloguing, moderating, reviewing

COMPRESSION = CompressionConfig("gzip", gzip_compress_level=6, exclude="^/og/")

HANDLERS: list[HTTPRouteHandler] = [
    *pages.ROUTES,
    *comparing.ROUTES,
    *explaining.ROUTES,
    *badges.ROUTES,
    *describing.ROUTES,
    *crawling.ROUTES,
    *forms.ROUTES,
    *bookmarking.ROUTES,
    *collecting.ROUTES,
    *importing.ROUTES,
    *moderating.ROUTES,
    *reviewing.ROUTES,
    *cataloguing.ROUTES,
    *logging_in.ROUTES,
    *mailing.ROUTES,
    *files.ROUTES,
]


class Gzip(CompressionMiddleware):
    """Litestar's compression, except where a request refuses gzip with `gzip;q=0`."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        answer = super().__call__ if accepts_gzip(scope) else self.app
        await answer(scope, receive, send)


def create_site() -> Litestar:
    return Litestar(
        route_handlers=HANDLERS,
        guards=[origins.guard, limiting.guard],
        exception_handlers=PAGE_PROBLEMS,
        middleware=[DefineMiddleware(Gzip, config=COMPRESSION)],
        request_max_body_size=SMALL_BODY_BYTES_MAX,
        openapi_config=None,
        logging_config=None,
    )
