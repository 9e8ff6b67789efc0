"""PUT and DELETE a vote, and prove one; a visitor is made at the first vote, never at a read."""

from typing import Annotated

import msgspec
from litestar import delete, get, post, put
from litestar.response.base import ASGIResponse
from msgspec import UNSET, Meta, Struct, UnsetType

from votes.api.operation import Operation
from votes.app.my_responses import VoteView
from votes.app.shapes import ChallengeView, VisitorView
from votes.domain import vote
from votes.domain.terms import Choice, Subject, ToolSlug
from votes.domain.vote import Vote
from votes.engine.handle import Outcome
from votes.http.checks import proofs
from votes.http.checks.identity import identity
from votes.http.checks.limiting import Limited, verdict_of
from votes.http.checks.on_behalf import cast_on_behalf, retract_on_behalf
from votes.http.checks.voters import asking_for_proof, held, vote_for, voter
from votes.http.exchange import Http, private, read_json, services, tool_id
from votes.http.logins.tokens import new_visitor
from votes.http.parameters import Elsewhere, OneTool
from votes.resources import now


class VoteBody(Struct, frozen=True, forbid_unknown_fields=True):
    """`on_behalf_of`: the id of somebody known elsewhere, for whom an admin or a service votes."""

    choice: Annotated[Choice, Meta(examples=["ship"])]
    on_behalf_of: Subject | UnsetType = UNSET


_body = msgspec.json.Decoder(VoteBody)
_LIMITED = Limited("votes")


@put(
    "/v1/tools/{slug:str}/vote",
    operation_id="castVote",
    summary="Vote ship or skip",
    tags=["votes"],
    status_code=200,
    opt=Operation(
        body=VoteBody,
        responses={200: VoteView},
        write=True,
        who="voter",
        limited=_LIMITED,
        held=True,
        on_behalf=True,
    ).opt,
)
async def cast_vote(request: Http, slug: str) -> ASGIResponse:
    """Says which choice is yours from now on; the same again changes nothing. With `on_behalf_of`
    it is that of somebody known elsewhere: for admins and the role `service`."""
    tool = await tool_id(request, slug)
    body = await read_json(request, _body)
    if (other := body.on_behalf_of) is not UNSET:
        return private(_view(slug, await cast_on_behalf(request, other, tool, body.choice)))
    who = await voter(request, keep=True)
    why = await held(request, who, tool)
    outcome = await vote_for(
        request, who, lambda voter, by: vote.CastVote(tool, voter, body.choice, why, by, who.claims)
    )
    return private(
        _view(slug, outcome), headers=(*who.cookies, *asking_for_proof(slug, outcome.after))
    )


@delete(
    "/v1/tools/{slug:str}/vote",
    operation_id="retractVote",
    summary="Take your vote back",
    tags=["votes"],
    status_code=200,
    opt=Operation(
        responses={200: VoteView}, write=True, who="voter", limited=_LIMITED, on_behalf=True
    ).opt,
)
async def retract_vote(request: Http, slug: str, on_behalf_of: Elsewhere = None) -> ASGIResponse:
    """Leaves no vote of yours on the tool; without one this changes nothing."""
    tool = await tool_id(request, slug)
    if on_behalf_of is not None:
        return private(_view(slug, await retract_on_behalf(request, on_behalf_of, tool)))
    who = await voter(request, keep=False)
    outcome = await vote_for(request, who, lambda voter, by: vote.RetractVote(tool, voter, by))
    return private(_view(slug, outcome), headers=who.cookies)


def _view(slug: ToolSlug, outcome: Outcome[Vote]) -> VoteView:
    return VoteView(
        tool=slug,
        choice=outcome.after.choice,
        previous=outcome.before.choice,
        changed=outcome.changed,
        position=outcome.position,
    )


@post(
    "/v1/visitors",
    operation_id="createVisitor",
    summary="A visitor token, for pages on other origins",
    tags=["identity"],
    status_code=201,
    opt=Operation(responses={201: VisitorView}, limited=Limited("visitors")).opt,
)
async def create_visitor(request: Http) -> ASGIResponse:
    """For a page on another origin, where cookies of this one are not sent: the page keeps it."""
    crowded = verdict_of(request.scope).beyond_soft is not False
    made = new_visitor(now(), crowded=crowded)
    return private(VisitorView(identity(request).visitors.token(made)), status=201)


@get(
    "/v1/challenge",
    operation_id="getChallenge",
    summary="What to solve so that a held vote counts",
    tags=["votes"],
    opt=Operation(responses={200: ChallengeView}, who="voter", limited=Limited("reads")).opt,
)
async def get_challenge(request: Http, tool: OneTool) -> ASGIResponse:
    """For a vote on the tool by whoever asks. Its solution counts once, within ten minutes."""
    caller = await identity(request).caller(request)
    bound = await tool_id(request, tool)
    made = proofs.challenge(services(request).config, bound, caller.visitor_id, now())
    return private(made)


ROUTES = [cast_vote, retract_vote, create_visitor, get_challenge]
