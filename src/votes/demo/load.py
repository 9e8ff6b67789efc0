"""Adds the demo catalogue to the log, without changing what exists."""

from collections.abc import Sequence

from rich.console import Console

from votes.app import catalogue
from votes.config import Config
from votes.demo import Review, reviews, tools
from votes.domain import review, tool
from votes.domain.review import Opinion
from votes.domain.terms import ToolId
from votes.engine.bulk import submit_all
from votes.engine.decider import Rejected
from votes.engine.handle import Request
from votes.engine.ports import Meta
from votes.store.postgres import PostgresEventStore
from votes.wiring import event_store, new_tool_id, now

ACTOR = Meta(actor="demo")


async def load_demo(config: Config, console: Console) -> int:
    """List tools and publish reviews that never existed; return the number of events."""
    async with event_store(config) as store:
        ids = await catalogue.ids(store, None, [slug for slug, _ in tools()])
        new = {slug: new_tool_id() for slug, _ in tools() if slug not in ids}
        listed = await _submit_new(
            store,
            [
                Request(tool.decider, tool.ListTool(new[slug], slug, entry), ACTOR, now())
                for slug, entry in tools()
                if slug in new
            ],
        )
        published = await _submit_new(store, [_review(r, (ids | new)[r.tool]) for r in reviews()])
    if listed or published:
        console.print(f"demo: {listed} tools and {published} panel reviews")
    return listed + published


def _review(row: Review, tool: ToolId) -> Request:
    opinion = Opinion(row.score, row.choice, row.body)
    command = review.PublishReview(tool, row.persona, opinion)
    return Request(review.decider, command, ACTOR, now())


async def _submit_new(store: PostgresEventStore, requests: Sequence[Request]) -> int:
    """Submit the commands whose own stream has no event yet."""
    own = {request.decider.streams(request.command)[0]: request for request in requests}
    existing = await store.last_events(own)
    new = [request for stream, request in own.items() if stream not in existing]
    for result in await submit_all(store, new):
        if isinstance(result, Rejected):
            raise RuntimeError(f"the demo was refused: {result.detail}")
    return len(new)
