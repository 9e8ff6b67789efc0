"""Put the demo catalogue into the log. What is there already is left as it is."""

from collections.abc import Sequence

from rich.console import Console

from votes.config import Config
from votes.demo import reviews, tools
from votes.domain import review, tool
from votes.domain.review import Opinion
from votes.engine.bulk import submit_all
from votes.engine.decider import Rejected
from votes.engine.handle import Request
from votes.engine.ports import Meta
from votes.store.postgres import PostgresEventStore
from votes.wiring import event_store, now

ACTOR = Meta(actor="demo")


async def load_demo(config: Config, console: Console) -> int:
    """List what was never listed, publish what was never published; answers how many events."""
    async with event_store(config) as store:
        listed = await _submit_new(
            store,
            [
                Request(tool.decider, tool.ListTool(slug, entry), ACTOR, now())
                for slug, entry in tools()
            ],
        )
        published = await _submit_new(
            store,
            [
                Request(
                    review.decider,
                    review.PublishReview(r.tool, r.persona, Opinion(r.score, r.choice, r.body)),
                    ACTOR,
                    now(),
                )
                for r in reviews()
            ],
        )
    if listed or published:
        console.print(f"demo: {listed} tools and {published} panel reviews")
    return listed + published


async def _submit_new(store: PostgresEventStore, requests: Sequence[Request]) -> int:
    """Submit the commands whose own stream has no event yet."""
    own = {request.decider.streams(request.command)[0]: request for request in requests}
    known = await store.last_events(own)
    new = [request for stream, request in own.items() if stream not in known]
    for answer in await submit_all(store, new):
        if isinstance(answer, Rejected):
            raise RuntimeError(f"the demo was refused: {answer.detail}")
    return len(new)
