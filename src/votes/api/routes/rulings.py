"""Rulings: a moderator sees what is held, discounts or releases votes, and lifts that; all read
the journal."""

from typing import Annotated

import msgspec
from litestar import delete, get, post
from litestar.params import Parameter
from litestar.response.base import ASGIResponse
from msgspec import Struct
from msgspec.structs import replace

from votes.api.operation import Operation
from votes.app import moderation, rulings
from votes.app.moderation import PreviewView, QueuePage, RulingsPage, RulingView
from votes.app.paging import LIMIT_DEFAULT
from votes.app.trend import window
from votes.domain import ruling as rules
from votes.domain.ruling import RulingMade, Selector, Verdict, ruling_of
from votes.domain.terms import Reason, RulingId, ToolId, ToolSlug, is_slug
from votes.http.deadlines import READ_S, within
from votes.http.errors import Refused
from votes.http.exchange import (
    Http,
    no_content,
    private,
    read_json,
    refused,
    services,
    shared_value,
    tool_ids,
    unknown,
    write,
)
from votes.http.identity import require_moderator
from votes.http.limiting import Limited
from votes.http.parameters import Cursor, Limit, MinPosition
from votes.projections.tallies import Counts, Tally, tally_view
from votes.wiring import new_ruling_id, now

DryRun = Annotated[bool, Parameter(description="Store nothing, and say what the ruling would do.")]


class RulingBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Votes on the tool: those cast at the times `from` (or at it) to `to` (before it), and of
    these the held ones alone. `discount`: they count no more. `release`: the held ones count."""

    tool: ToolSlug
    selector: Selector
    verdict: Verdict
    reason: Reason


_body = msgspec.json.Decoder(RulingBody)


@get(
    "/v1/rulings",
    operation_id="listRulings",
    summary="The journal of rulings on votes",
    tags=["moderation"],
    opt=Operation(answers={200: RulingsPage}).opt,
)
async def list_rulings(
    request: Http,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
    min_position: MinPosition = 0,
) -> ASGIResponse:
    """All rulings, newest first, also lifted ones: what, how many votes, why."""
    source = await services(request).reader.models(min_position)
    answer = moderation.journal(source.models, cursor, limit)
    return shared_value(request, answer, stale=source.stale)


@get(
    "/v1/moderation/queue",
    operation_id="getModerationQueue",
    summary="The tools on which votes are held",
    tags=["moderation"],
    opt=Operation(answers={200: QueuePage}, who="moderator", limited=Limited("reads")).opt,
)
async def get_queue(
    request: Http,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
    min_position: MinPosition = 0,
) -> ASGIResponse:
    """Most held votes first, with the reasons and the last 48 hours; never a person. For
    moderators."""
    await require_moderator(request)
    parts = services(request)
    source = await parts.reader.models(min_position)
    found = moderation.watched(source.models, cursor, limit)
    hours = window("hour", None, None, now())
    async with within(READ_S):
        views = [
            await moderation.watched_view(parts.past, source, tool, hours) for tool in found.items
        ]
    return private(QueuePage(views, found.next_cursor, found.total))


@post(
    "/v1/rulings",
    operation_id="makeRuling",
    summary="Discount votes, or release held ones",
    tags=["moderation"],
    opt=Operation(
        body=RulingBody,
        answers={200: PreviewView, 201: RulingView},
        write=True,
        who="moderator",
        tool_in_body=True,
        limited=Limited("writes"),
    ).opt,
)
async def make_ruling(request: Http, dry_run: DryRun = False) -> ASGIResponse:
    """Of the votes that stand now. A worker carries it out within seconds: `votes` in the journal
    says how far it is. 200 is the answer of a dry run. For moderators."""
    moderator = await require_moderator(request)
    body = await read_json(request, _body)
    _check(body.selector)
    tool = (await tool_ids(request, [body.tool])).get(body.tool)
    if tool is None:
        raise unknown(body.tool)
    made = RulingMade(body.selector, body.verdict, body.reason)
    if dry_run:
        async with within(READ_S):
            return private(await _preview(request, tool, body.tool, made))
    command = rules.MakeRuling(new_ruling_id(), tool, made.selector, made.verdict, made.reason)
    outcome = await write(request, rules.decider, command, moderator.actor)
    (stored,) = await services(request).store.at([outcome.position])
    view = RulingView(
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
    return private(view, status=201)


def _check(selector: Selector) -> None:
    """Raises `Refused` for what selects nothing."""
    if selector.cluster is not None:
        raise Refused("invalid_body", "selector.cluster: no clusters are known.")
    if selector.start is not None and selector.end is not None and selector.start >= selector.end:
        raise Refused("invalid_body", "selector.from: must be before selector.to.")


async def _preview(request: Http, tool: ToolId, slug: ToolSlug, made: RulingMade) -> PreviewView:
    """What the ruling would do at the head of the log."""
    parts = services(request)
    head = await parts.store.head()
    found = await rulings.preview(parts.store, tool, made, head)
    source = await parts.reader.models(head)
    tally = await parts.past.tally_at_position(source, tool, head) or Tally(Counts(), 0, now())
    after = replace(tally, counts=tally.counts + found.change)
    return PreviewView(found.votes, tally_view(slug, after, stale=source.stale))


@delete(
    "/v1/rulings/{ruling:str}",
    operation_id="liftRuling",
    summary="Lift a ruling",
    tags=["moderation"],
    status_code=200,  # the answer itself says 204
    opt=Operation(write=True, who="moderator", limited=Limited("writes")).opt,
)
async def lift_ruling(request: Http, ruling: str) -> ASGIResponse:
    """Within seconds each vote is what it was before. A lifted ruling stays in the journal. For
    moderators."""
    moderator = await require_moderator(request)
    stream = rules.stream(RulingId(ruling))
    known = await services(request).store.last_events([stream]) if is_slug(ruling) else {}
    if stream not in known:
        raise refused(rules.UNKNOWN)
    command = rules.LiftRuling(RulingId(ruling), ToolId(known[stream].subject))
    outcome = await write(request, rules.decider, command, moderator.actor)
    return no_content(outcome.position)


ROUTES = [list_rulings, get_queue, make_ruling, lift_ruling]
