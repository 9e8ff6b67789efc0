"""The route by which a release shows its new read model."""

import msgspec
from litestar import get
from litestar.response.base import ASGIResponse
from msgspec import Struct

from tests.faults.upgrades.releases import Count
from votes.api.operation import Operation
from votes.engine.log import Position
from votes.http.exchange import Http, services
from votes.projections import PROJECTIONS


class CountsView(Struct, frozen=True):
    """`counts` are by what events are about, `position` is that of the read models."""

    position: Position
    stale: bool
    counts: dict[str, Count]


@get("/v1/counts", operation_id="getCounts", opt=Operation(responses={200: CountsView}).opt)
async def counts(request: Http) -> ASGIResponse:
    read = await services(request).reader.models()
    found = dict(read.models.items(PROJECTIONS.named["counts"]))
    return ASGIResponse(
        body=msgspec.json.encode(CountsView(read.models.position, read.stale, found)),
        media_type="application/json",
    )
