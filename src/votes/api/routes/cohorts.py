"""A tally split by a claim of the logins of those who voted, for moderators."""

from typing import Annotated

from litestar import get
from litestar.params import QueryParameter
from litestar.response.base import ASGIResponse

from votes.api.operation import Operation
from votes.app.catalogue.cohorts import CohortsView, cohorts
from votes.http.checks.identity import require_moderator
from votes.http.checks.limiting import Limited
from votes.http.deadlines import READ_S, within
from votes.http.errors import Refused
from votes.http.exchange import Http, for_role, listed, services, tool_slug
from votes.http.parameters import TEXT_LENGTH_MAX, MinPosition

Claim = Annotated[
    str, QueryParameter(max_length=TEXT_LENGTH_MAX, description="One of `VOTES_COHORT_CLAIMS`.")
]


@get(
    "/v1/tools/{slug:str}/cohorts",
    operation_id="getCohorts",
    summary="The votes on a tool by a claim of their voters' logins",
    tags=["moderation"],
    opt=Operation(responses={200: CohortsView}, who="moderator", limited=Limited("reads")).opt,
)
async def get_cohorts(
    request: Http, slug: str, claim: Claim, min_position: MinPosition = 0
) -> ASGIResponse:
    """By a claim that the site has allowed, such as a plan or an organisation. Values of few voters
    are not shown. For moderators."""
    await require_moderator(request)
    name, parts = tool_slug(request, slug), services(request)
    if claim not in parts.config.cohort_claims:
        raise Refused("claim_unknown", f"Tallies are not split by the claim {claim[:120]!r}.")
    source = await parts.reader.models(min_position)
    tool = listed(source, name)
    with within(READ_S):
        view = await cohorts(parts.stored, source, tool, claim, parts.config.cohort_min)
    return for_role(request, view, stale=view.stale)


ROUTES = [get_cohorts]
