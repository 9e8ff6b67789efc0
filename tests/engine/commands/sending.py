"""Commands on their way, as tests send them."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from tests.domain.histories import START, decider_of
from votes.domain.terms import Choice, ToolId, VoterId
from votes.domain.tool import DelistTool, Entry, ListTool
from votes.domain.vote import CastVote, RetractVote
from votes.engine.decider import Rejected
from votes.engine.handle import Outcome, Request, Result
from votes.engine.log import Recorded, Stream
from votes.engine.ports import Addition, Append, EventStore, Meta

KEYS = UUID(int=1)


def request(
    command: Any, key: str | None = None, asked: bytes = b"", at: datetime = START
) -> Request:
    """A request; `key` is its sender's idempotency key."""
    command_id = None if key is None else uuid5(KEYS, key)
    return Request(decider_of(command), command, Meta("test"), at, command_id, asked)


def cast(voter: str, choice: Choice, tool: str = "atlas", key: str | None = None) -> Request:
    return request(CastVote(ToolId(tool), VoterId(voter), choice), key, choice.encode())


def retract(voter: str, tool: str = "atlas", key: str | None = None) -> Request:
    return request(RetractVote(ToolId(tool), VoterId(voter)), key)


def listed(tool: str = "atlas", name: str = "Atlas", key: str | None = None) -> Request:
    return request(ListTool(ToolId(tool), tool, Entry(name, "Maps")), key, name.encode())


def delisted(tool: str = "atlas", key: str | None = None) -> Request:
    return request(DelistTool(ToolId(tool)), key)


def append_to(
    stream: str, version: int, *events: Any, at: datetime = START, subject: str = "atlas"
) -> Append:
    """What adds the events to the stream, after that version."""
    numbered = enumerate(events, version)
    added = [Addition(Stream(stream), after, subject, event) for after, event in numbered]
    return Append(added, Meta("test"), at)


def obeyed(result: Result | None) -> Outcome[Any]:
    """The result of a command that was carried out."""
    assert isinstance(result, Outcome), result
    return result


def refusal(result: Result | None) -> str:
    """The code of a refusal."""
    assert isinstance(result, Rejected), result
    return result.code


async def everything(store: EventStore) -> list[Recorded]:
    return [recorded async for events in store.after(0, 1_000) for recorded in events]
