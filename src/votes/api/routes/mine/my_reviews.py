"""What a panelist works on: the reviews of their persona, the tools without one, what they said."""

from litestar import get
from litestar.response.base import ASGIResponse

from votes.api.operation import Operation
from votes.app.catalogue import reviewing
from votes.app.catalogue.paging import LIMIT_DEFAULT
from votes.app.catalogue.responses import Suggestion
from votes.app.catalogue.reviewing import (
    MyReview,
    MyReviewsPage,
    RevisionsView,
    UnreviewedPage,
    own_review,
)
from votes.http.checks.identity import require_panelist
from votes.http.checks.limiting import Limited
from votes.http.deadlines import READ_S, within
from votes.http.exchange import Http, private, services, tool_id
from votes.http.parameters import Cursor, Limit, MinPosition


@get(
    "/v1/me/reviews",
    operation_id="listMyReviews",
    summary="The reviews of my persona",
    tags=["reviews"],
    opt=Operation(responses={200: MyReviewsPage}, who="panelist", limited=Limited("reads")).opt,
)
async def list_my_reviews(
    request: Http,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
    min_position: MinPosition = 0,
) -> ASGIResponse:
    """Of listed tools, the last published or revised first. For panelists."""
    _, persona = await require_panelist(request)
    source = await services(request).reader.models(min_position)
    page = await reviewing.reviewed(source.models, persona, cursor, limit)
    reviewed = [(tool, own_review(tool, persona)) for tool in page.items]
    items = [
        MyReview(tool.slug, tool.profile.name, review)
        for tool, review in reviewed
        if review is not None
    ]
    return private(MyReviewsPage(items, page.next_cursor, page.total))


@get(
    "/v1/me/reviews/missing",
    operation_id="listUnreviewedTools",
    summary="The tools without a review of my persona",
    tags=["reviews"],
    opt=Operation(responses={200: UnreviewedPage}, who="panelist", limited=Limited("reads")).opt,
)
async def list_unreviewed_tools(
    request: Http,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
    min_position: MinPosition = 0,
) -> ASGIResponse:
    """Listed tools, the newest first. For panelists."""
    _, persona = await require_panelist(request)
    source = await services(request).reader.models(min_position)
    page = await reviewing.unreviewed(source.models, persona, cursor, limit)
    found = [tool.profile for tool in page.items]
    tools = [Suggestion(one.slug, one.name, one.category, one.tagline) for one in found]
    return private(UnreviewedPage(tools, page.next_cursor, page.total))


@get(
    "/v1/me/reviews/{slug:str}/revisions",
    operation_id="listMyRevisions",
    summary="What my persona's review of a tool said before",
    tags=["reviews"],
    opt=Operation(responses={200: RevisionsView}, who="panelist", limited=Limited("reads")).opt,
)
async def list_my_revisions(request: Http, slug: str) -> ASGIResponse:
    """Each version of it, the last first, `opinion` null where it was withdrawn. Read from the log
    itself, so it always includes your last one. For panelists."""
    _, persona = await require_panelist(request)
    tool = await tool_id(request, slug)
    with within(READ_S):
        revisions = await reviewing.revisions(services(request).store, tool, persona)
    return private(RevisionsView(slug, persona, revisions))


ROUTES = [list_my_reviews, list_unreviewed_tools, list_my_revisions]
