"""Whether the site can serve, and how well."""

from typing import Literal

from votes import __version__
from votes.app.shapes import Ready
from votes.engine.ports import Unavailable
from votes.http.deadlines import STATUS_S, within
from votes.wiring import Services


async def readiness(parts: Services) -> Ready:
    """How things are."""
    models = parts.replica.fresh()
    position = models.position if models is not None else None
    try:
        with within(STATUS_S):
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
