"""Votes to measure with: every one of another visitor."""

import random
from itertools import count

from votes.domain import tool, vote
from votes.domain.terms import Choice, ToolId, VoterId, visitor
from votes.domain.tool import Entry
from votes.domain.vote_events import VoteCast
from votes.engine.decider import Rejected
from votes.engine.handle import Request
from votes.engine.ports import Addition, Append, Meta
from votes.http.logins.tokens import RANDOM_BYTES, hours, visitor_id
from votes.resources import now
from votes.store.postgres import PostgresEventStore
from votes.wiring import batcher_on

VOTERS = 128
HOUR = hours(now())
_changes = count()


def voter() -> VoterId:
    """One who has not voted yet, with an id like a real one."""
    return visitor(visitor_id(HOUR, random.randbytes(RANDOM_BYTES)))


def cast(slug: str) -> Request:
    who = voter()
    return Request(vote.decider, vote.CastVote(ToolId(slug), who, "ship"), Meta(), now())


def change(slug: str) -> Request:
    """Of one of few voters, who each change their mind every time."""
    turn, number = divmod(next(_changes), VOTERS)
    who = visitor(visitor_id(HOUR, number.to_bytes(RANDOM_BYTES, "big")))
    choice: Choice = "skip" if turn % 2 else "ship"
    return Request(vote.decider, vote.CastVote(ToolId(slug), who, choice), Meta(), now())


def append_of(slug: str) -> Append:
    """What the command above comes to."""
    who = voter()
    event = VoteCast("ship")
    added = Addition(vote.stream(who, ToolId(slug)), 0, slug, event)
    return Append([added], Meta(), now(), {tool.stream(ToolId(slug)): 1})


async def list_tools(store: PostgresEventStore, slugs: list[str], description: str = "") -> None:
    batcher = batcher_on(store)
    for slug in slugs:
        entry = Entry(name=slug, category="Benchmarks", description=description)
        command = tool.ListTool(ToolId(slug), slug, entry)
        answer = await batcher.submit(
            Request(tool.decider, command, Meta(actor="benchmark"), now())
        )
        assert not isinstance(answer, Rejected), answer
