"""The panel's reviews: all read them, a panelist writes their own persona's."""

import msgspec
from litestar import delete, get, put
from litestar.response.base import ASGIResponse

from votes.api.operation import Operation
from votes.app.catalogue.responses import ReviewsView, panel_view
from votes.app.shapes import ReviewWritten
from votes.domain import review
from votes.domain.review import Opinion
from votes.http.checks.identity import require_persona
from votes.http.checks.limiting import Limited
from votes.http.exchange import (
    LARGE_BODY_BYTES_MAX,
    Http,
    listed,
    no_content,
    private,
    read_json,
    services,
    shared_value,
    tool_id,
    tool_slug,
    write_as,
)
from votes.http.parameters import MinPosition

_opinion = msgspec.json.Decoder(Opinion)


@get(
    "/v1/tools/{slug:str}/reviews",
    operation_id="listReviews",
    summary="The panel's reviews of a tool",
    tags=["reviews"],
    opt=Operation(responses={200: ReviewsView}).opt,
)
async def list_reviews(request: Http, slug: str, min_position: MinPosition = 0) -> ASGIResponse:
    """In the order of their first publication, with the verdict that they come to."""
    tool = tool_slug(request, slug)
    source = await services(request).reader.models(min_position)
    profile = listed(source, tool).profile
    answer = ReviewsView(profile.slug, panel_view(profile.reviews), profile.position)
    return shared_value(request, answer, stale=source.stale)


@put(
    "/v1/tools/{slug:str}/reviews/{persona:str}",
    operation_id="putReview",
    summary="Publish your review, or revise it",
    tags=["reviews"],
    status_code=200,
    request_max_body_size=LARGE_BODY_BYTES_MAX,
    opt=Operation(
        body=Opinion,
        responses={200: ReviewWritten, 201: ReviewWritten},
        write=True,
        who="panelist",
        limited=Limited("writes"),
    ).opt,
)
async def put_review(request: Http, slug: str, persona: str) -> ASGIResponse:
    """201 for a new review, 200 for one that was there. For the panelist with that persona."""
    panelist = await require_persona(request, persona)
    tool = await tool_id(request, slug)
    opinion = await read_json(request, _opinion)
    command = review.PublishReview(tool, persona, opinion)
    outcome, _ = await write_as(request, panelist, review.decider, lambda _: command)
    said = opinion.score, opinion.choice, opinion.body
    written = ReviewWritten(slug, persona, *said, outcome.changed, outcome.position)
    return private(written, status=200 if outcome.before.opinion else 201)


@delete(
    "/v1/tools/{slug:str}/reviews/{persona:str}",
    operation_id="withdrawReview",
    summary="Withdraw your review",
    tags=["reviews"],
    status_code=200,  # the answer itself says 204
    opt=Operation(write=True, who="panelist", limited=Limited("writes")).opt,
)
async def withdraw_review(request: Http, slug: str, persona: str) -> ASGIResponse:
    """Without a review this changes nothing. For the panelist with that persona."""
    panelist = await require_persona(request, persona)
    command = review.WithdrawReview(await tool_id(request, slug), persona)
    outcome, _ = await write_as(request, panelist, review.decider, lambda _: command)
    return no_content(outcome.position)


ROUTES = [list_reviews, put_review, withdraw_review]
