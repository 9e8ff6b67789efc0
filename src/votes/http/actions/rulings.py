"""Making, previewing and lifting rulings, for programs and for people."""

from msgspec import Struct
from msgspec.structs import replace

from votes.app.moderation import rulings
from votes.app.moderation.queue import PreviewView, RulingView
from votes.domain.moderation import finding as findings
from votes.domain.moderation import ruling as rules
from votes.domain.moderation.ruling import RulingMade, Selector, Verdict, ruling_of
from votes.domain.terms import Reason, RulingId, ToolId, ToolSlug, is_slug
from votes.engine.log import Position
from votes.http.deadlines import READ_S, within
from votes.http.errors import Refused
from votes.http.exchange import Http, refused, services, tool_ids, unknown, write_as
from votes.http.logins.tokens import User
from votes.projections.tallies import Counts, Tally, tally_view
from votes.resources import new_ruling_id, now


class RulingBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Votes on the tool: those cast at the times `from` (or at it) to `to` (before it), and of
    these the held ones alone, those of the voters of a `cluster`, or those of no voter of the
    clusters `without`. `discount`: they count no more. `release`: the held ones count."""

    tool: ToolSlug
    selector: Selector
    verdict: Verdict
    reason: Reason


async def make(request: Http, body: RulingBody, moderator: User) -> RulingView:
    """Store the ruling; a worker carries it out. Raises what `write` does."""
    tool = await _tool(request, body)
    command = rules.MakeRuling(new_ruling_id(), tool, body.selector, body.verdict, body.reason)
    outcome, _ = await write_as(request, moderator, rules.decider, lambda _: command)
    (stored,) = await services(request).store.at([outcome.position])
    return RulingView(
        id=ruling_of(stored.stream),  # a repeated request made none
        tool=body.tool,
        verdict=body.verdict,
        selector=body.selector,
        reason=body.reason,
        made_at=stored.at,
        lifted_at=None,
        votes=0,
        position=stored.position,
    )


async def preview(request: Http, body: RulingBody) -> PreviewView:
    """What the ruling would do at the head of the log. Raises `Refused` and `Unavailable`."""
    tool, parts = await _tool(request, body), services(request)
    made = RulingMade(body.selector, body.verdict, body.reason)
    with within(READ_S):
        head = await parts.store.head()
        preview = await rulings.preview(parts.store, tool, made, head)
        source = await parts.reader.models(head)
        tally = await parts.past.tally_at_position(source, tool, head)
    tally = tally or Tally(Counts(), 0, now())
    after = replace(tally, counts=tally.counts + preview.change)
    return PreviewView(preview.votes, tally_view(body.tool, after, stale=source.stale))


async def lift(request: Http, ruling: str, moderator: User) -> Position:
    """Lift the ruling, and return the position of that. Raises what `write` does."""
    stream = rules.stream(RulingId(ruling))
    lasts = await services(request).store.last_events([stream]) if is_slug(ruling) else {}
    if stream not in lasts:
        raise refused(rules.UNKNOWN)
    command = rules.LiftRuling(RulingId(ruling), ToolId(lasts[stream].subject))
    outcome, _ = await write_as(request, moderator, rules.decider, lambda _: command)
    return outcome.position


async def _tool(request: Http, body: RulingBody) -> ToolId:
    """The tool of a body whose selector can select something. Raises `Refused`."""
    selector = body.selector
    if selector.start is not None and selector.end is not None and selector.start >= selector.end:
        raise Refused("invalid_body", "selector.from: must be before selector.to.")
    tool = (await tool_ids(request, [body.tool])).get(body.tool)
    if tool is None:
        raise unknown(body.tool)
    with within(READ_S):
        members = await rulings.members_of(services(request).store, tool, selector)
    if not all(members.get(cluster) for cluster in selector.clusters):
        raise refused(findings.UNKNOWN)
    return tool
