"""Server-sent events as a Python program reads them."""

from collections.abc import AsyncGenerator, Sequence

import httpx
import msgspec
from httpx_sse import aconnect_sse
from msgspec import Struct

from votes.app.catalogue.responses import SummaryView
from votes.domain.terms import ToolSlug
from votes.engine.log import Position
from votes.projections.tallies import TallyView

SILENCE_S = 60.0
"""Several times the server's heartbeat: a server that is silent for longer is gone."""


class Delisted(Struct, frozen=True):
    """The tool is not in the catalogue. `former` are its former slugs."""

    tool: ToolSlug
    position: Position
    former: tuple[ToolSlug, ...] = ()


class LiveEvent(Struct, frozen=True):
    """A tool's state, and the id to resume after."""

    id: str
    data: TallyView | SummaryView | Delisted


_KINDS: dict[str, type[TallyView | SummaryView | Delisted]] = {
    "tally": TallyView,
    "summary": SummaryView,
    "delisted": Delisted,
}


async def events(
    http: httpx.AsyncClient, tools: Sequence[str], seen: str | None
) -> AsyncGenerator[LiveEvent, None]:
    """The events of one connection after the id `seen`, without events of other kinds."""
    headers = {"Last-Event-ID": seen} if seen else {}
    query = {"tools": ",".join(tools)}
    async with aconnect_sse(
        http, "GET", "/v1/live", params=query, headers=headers, timeout=SILENCE_S
    ) as source:
        if source.response.is_error:
            await source.response.aread()
            source.response.raise_for_status()
        async for event in source.aiter_sse():
            kind = _KINDS.get(event.event)
            if kind is not None:
                yield LiveEvent(event.id, msgspec.json.decode(event.data, type=kind))
