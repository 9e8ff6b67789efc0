"""The challenge whose solution lets a held vote count."""

from litestar import get
from litestar.response.base import ASGIResponse

from votes.api.operation import Operation
from votes.app.shapes import ChallengeView
from votes.http import proofs
from votes.http.exchange import Http, private, services, tool_id
from votes.http.identity import identity
from votes.http.limiting import Limited
from votes.http.parameters import OneTool
from votes.wiring import now


@get(
    "/v1/challenge",
    operation_id="getChallenge",
    summary="What to solve so that a held vote counts",
    tags=["votes"],
    opt=Operation(answers={200: ChallengeView}, who="voter", limited=Limited("reads")).opt,
)
async def get_challenge(request: Http, tool: OneTool) -> ASGIResponse:
    """For a vote on the tool by whoever asks. Its solution counts once, within ten minutes."""
    caller = await identity(request).caller(request)
    bound = await tool_id(request, tool)
    made = proofs.challenge(services(request).config, bound, caller.visitor_id, now())
    return private(made)


ROUTES = [get_challenge]
