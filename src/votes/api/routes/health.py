"""For whoever keeps this running."""

import msgspec
from litestar import get
from litestar.response.base import ASGIResponse
from msgspec import Struct

from votes import __version__
from votes.api.operation import Operation
from votes.app.shapes import Alive, Ready
from votes.http.exchange import Http, services
from votes.http.readiness import readiness

_NO_STORE = ((b"cache-control", b"no-store"),)


def _answer(value: Struct, status: int = 200) -> ASGIResponse:
    return ASGIResponse(
        body=msgspec.json.encode(value),
        status_code=status,
        media_type="application/json",
        encoded_headers=_NO_STORE,
    )


@get(
    "/health/live",
    operation_id="getLive",
    summary="Is the process alive",
    tags=["health"],
    opt=Operation(responses={200: Alive}).opt,
)
async def live() -> ASGIResponse:
    return _answer(Alive("ok", __version__))


@get(
    "/health/ready",
    operation_id="getReady",
    summary="Can it serve",
    tags=["health"],
    opt=Operation(responses={200: Ready, 503: Ready}).opt,
)
async def ready(request: Http) -> ASGIResponse:
    """503 when the log does not answer; without Redis it serves from the log and says so."""
    readiness_now = await readiness(services(request))
    return _answer(readiness_now, 503 if readiness_now.head is None else 200)


ROUTES = [live, ready]
