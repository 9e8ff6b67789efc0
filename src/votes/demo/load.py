"""Adds the demo catalogue and its sample votes to the log, without changing what exists."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.console import Console

from votes.app.catalogue import tools as catalogue
from votes.config import Config
from votes.demo import Review, reviews, tools
from votes.demo.samples import FIRST_VOTER, HISTORY, SampleVote, samples
from votes.domain import review, tool, vote
from votes.domain.review import Opinion
from votes.domain.terms import ToolId, ToolSlug
from votes.domain.tool import Entry
from votes.engine.bulk import submit_all
from votes.engine.decider import Rejected
from votes.engine.handle import Request
from votes.engine.ports import Meta
from votes.resources import event_store, new_tool_id, now
from votes.store.postgres import PostgresEventStore

ACTOR = Meta(actor="demo")


async def load_demo(config: Config, console: Console, *, with_votes: bool = True) -> int:
    """List tools, publish reviews and cast sample votes that never existed; return the number of
    events.

    Without sample votes the catalogue was listed just now, else before the first of them.
    """
    start = now()
    began = start - HISTORY if with_votes else start
    async with event_store(config) as store:
        ids = await catalogue.ids(store, None, [slug for slug, _ in tools()])
        new = {slug: new_tool_id() for slug, _ in tools() if slug not in ids}
        panel = {row.tool for row in reviews()}
        listings = [
            _listing(new[slug], slug, entry, start if slug in panel else began)
            for slug, entry in tools()
            if slug in new
        ]
        listed = await _submit_new(store, listings)
        ids |= new
        published = await _submit_new(
            store, [_review(row, ids[row.tool], start) for row in reviews()]
        )
        cast = await _cast_samples(store, ids, start) if with_votes else 0
    if listed or published or cast:
        console.print(f"demo: {listed} tools, {published} panel reviews and {cast} sample votes")
    return listed + published + cast


def _listing(new: ToolId, slug: ToolSlug, entry: Entry, at: datetime) -> Request:
    return Request(tool.decider, tool.ListTool(new, slug, entry), ACTOR, at)


def _review(row: Review, tool: ToolId, at: datetime) -> Request:
    opinion = Opinion(row.score, row.choice, row.body)
    command = review.PublishReview(tool, row.persona, opinion)
    return Request(review.decider, command, ACTOR, at)


async def _cast_samples(
    store: PostgresEventStore, ids: Mapping[ToolSlug, ToolId], start: datetime
) -> int:
    """The last one is stored last: once it is there, all are."""
    requests = [_sample(row, ids[row.tool], start - row.age) for row in samples()]
    last = requests[-1].streams[0]
    return 0 if await store.last_events([last]) else await _submit_new(store, requests)


def _sample(row: SampleVote, tool: ToolId, at: datetime) -> Request:
    command = vote.CastVote(tool, row.voter, row.choice, row.held)
    return Request(vote.decider, command, ACTOR, at)


async def has_samples(config: Config) -> bool:
    """Whether the log has sample votes, of this start or of an earlier one."""
    async with event_store(config) as store:
        return bool(await store.last_of_prefix(vote.prefix(FIRST_VOTER), 1))


async def _submit_new(store: PostgresEventStore, requests: Sequence[Request]) -> int:
    """Submit the commands whose own stream has no event yet."""
    own = {request.decider.streams(request.command)[0]: request for request in requests}
    existing = await store.last_events(own)
    new = [request for stream, request in own.items() if stream not in existing]
    for result in await submit_all(store, new):
        if isinstance(result, Rejected) and result != tool.UNKNOWN:
            raise RuntimeError(f"the demo was refused: {result.detail}")
    return len(new)
