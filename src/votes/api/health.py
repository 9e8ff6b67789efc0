"""For whoever keeps this running."""

from typing import Literal

import msgspec
from litestar import get
from litestar.response.base import ASGIResponse
from msgspec import Struct

from votes import __version__
from votes.api.deadlines import STATUS_S, within
from votes.api.exchange import Http, services
from votes.app.shapes import Alive, Ready
from votes.engine.ports import Unavailable
from votes.wiring import Services

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
    opt={"answers": {200: Alive}},
)
async def live() -> ASGIResponse:
    return _answer(Alive("ok", __version__))


@get(
    "/health/ready",
    operation_id="getReady",
    summary="Can it serve",
    tags=["health"],
    opt={"answers": {200: Ready, 503: Ready}},
)
async def ready(request: Http) -> ASGIResponse:
    """503 when the log does not answer; without Redis it serves from the log and says so."""
    found = await readiness(services(request))
    return _answer(found, 503 if found.head is None else 200)


async def readiness(parts: Services) -> Ready:
    """How things are."""
    models = parts.memory.fresh()
    position = models.position if models is not None else None
    try:
        async with within(STATUS_S):
            head = await parts.store.head()
    except Unavailable:
        head = None
    lag = head - position if head is not None and position is not None else None
    status: Literal["ok", "degraded", "unavailable"] = "ok" if models else "degraded"
    return Ready(
        status="unavailable" if head is None else status,
        postgres=head is not None,
        read_models=models is not None,
        head=head,
        position=position,
        lag=max(lag, 0) if lag is not None else None,
        parked=len(models.parked()) if models is not None else 0,
        version=__version__,
    )


ROUTES = [live, ready]
