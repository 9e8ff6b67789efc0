"""Server-sent events as a Python program reads them."""

from collections.abc import AsyncIterator, Sequence

import httpx
import msgspec
from msgspec import Struct

from votes.app.answers import SummaryView
from votes.domain.terms import ToolSlug
from votes.engine.log import Position
from votes.projections.tallies import TallyView

SILENCE_S = 60.0
"""Several times the server's heartbeat: who is silent for longer is gone."""


class Delisted(Struct, frozen=True):
    """The tool is out of the catalogue. `former` are other slugs by which one may know it."""

    tool: ToolSlug
    position: Position
    former: tuple[ToolSlug, ...] = ()


class LiveEvent(Struct, frozen=True):
    """A tool's state, and the id after which to go on."""

    id: str
    data: TallyView | SummaryView | Delisted


_KINDS: dict[str, type[TallyView | SummaryView | Delisted]] = {
    "tally": TallyView,
    "summary": SummaryView,
    "delisted": Delisted,
}


async def events(
    http: httpx.AsyncClient, tools: Sequence[str], seen: str | None
) -> AsyncIterator[LiveEvent]:
    """The events of one connection, after the id `seen`. Events of other kinds are left out."""
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": seen} if seen else {})
    query = {"tools": ",".join(tools)}
    timeout = httpx.Timeout(SILENCE_S)
    async with http.stream(
        "GET", "/v1/live", params=query, headers=headers, timeout=timeout
    ) as answer:
        if answer.is_error:
            await answer.aread()
            answer.raise_for_status()
        fields: dict[str, str] = {}
        async for line in answer.aiter_lines():
            if line:
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
                continue
            kind = _KINDS.get(fields.get("event", ""))
            if kind is not None:
                yield LiveEvent(fields["id"], msgspec.json.decode(fields["data"], type=kind))
            fields = {}
