"""Rulings: a moderator sees what is held, discounts or releases votes, and lifts that; all read
the journal."""

from typing import Annotated

import msgspec
from litestar import delete, get, post
from litestar.params import Parameter
from litestar.response.base import ASGIResponse

from votes.api.operation import Operation
from votes.app.catalogue.paging import LIMIT_DEFAULT
from votes.app.catalogue.trend import window
from votes.app.moderation import queue as moderation
from votes.app.moderation import suspicion
from votes.app.moderation.queue import PreviewView, QueuePage, RulingsPage, RulingView
from votes.http.actions import rulings
from votes.http.actions.rulings import RulingBody
from votes.http.checks.identity import require_moderator
from votes.http.checks.limiting import Limited
from votes.http.deadlines import READ_S, within
from votes.http.exchange import Http, no_content, private, read_json, services, shared_value
from votes.http.parameters import Cursor, Limit, MinPosition
from votes.resources import now

DryRun = Annotated[bool, Parameter(description="Store nothing, and say what the ruling would do.")]


_body = msgspec.json.Decoder(RulingBody)


@get(
    "/v1/rulings",
    operation_id="listRulings",
    summary="The journal of rulings on votes",
    tags=["moderation"],
    opt=Operation(responses={200: RulingsPage}).opt,
)
async def list_rulings(
    request: Http,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
    min_position: MinPosition = 0,
) -> ASGIResponse:
    """All rulings, newest first, also lifted ones: what, how many votes, why."""
    source = await services(request).reader.models(min_position)
    answer = await moderation.journal(source.models, cursor, limit)
    return shared_value(request, answer, stale=source.stale)


@get(
    "/v1/moderation/queue",
    operation_id="getModerationQueue",
    summary="What the scan found, and the tools on which votes are held",
    tags=["moderation"],
    opt=Operation(responses={200: QueuePage}, who="moderator", limited=Limited("reads")).opt,
)
async def get_queue(
    request: Http,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
    min_position: MinPosition = 0,
) -> ASGIResponse:
    """Clusters and bursts newest first, then the tools with most held votes, with the reasons and
    the last 48 hours; never a person. For moderators."""
    await require_moderator(request)
    parts = services(request)
    source = await parts.reader.models(min_position)
    page = await moderation.watched(source.models, cursor, limit)
    hours = window("hour", None, None, now())
    with within(READ_S):
        views = [
            await moderation.watched_view(parts.past, source, tool, hours) for tool in page.items
        ]
    suspect = suspicion.clusters(source.models), suspicion.bursts(source.models)
    return private(QueuePage(*suspect, views, page.next_cursor, page.total))


@post(
    "/v1/rulings",
    operation_id="makeRuling",
    summary="Discount votes, or release held ones",
    tags=["moderation"],
    opt=Operation(
        body=RulingBody,
        responses={200: PreviewView, 201: RulingView},
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
    if dry_run:
        return private(await rulings.preview(request, body))
    return private(await rulings.make(request, body, moderator), status=201)


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
    return no_content(await rulings.lift(request, ruling, moderator))


ROUTES = [list_rulings, get_queue, make_ruling, lift_ruling]
