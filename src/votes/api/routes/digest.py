"""The weekly mail: who wants it."""

import msgspec
from litestar import post
from litestar.response.base import ASGIResponse
from msgspec import Struct

from votes.api.operation import Operation
from votes.http.addresses import checked_address, require_mail
from votes.http.checks.limiting import Limited
from votes.http.deadlines import WRITE_S, within
from votes.http.exchange import Http, read_json, services
from votes.languages import ENGLISH

_NO_STORE = ((b"cache-control", b"private, no-store"),)


class SubscriptionBody(Struct, frozen=True, forbid_unknown_fields=True):
    email: str


_body = msgspec.json.Decoder(SubscriptionBody)


@post(
    "/v1/digest/subscriptions",
    operation_id="subscribeToDigest",
    summary="Ask for the weekly mail",
    tags=["digest"],
    status_code=202,
    opt=Operation(
        body=SubscriptionBody,
        responses={202: None},
        mails=True,
        limited=Limited("mails"),
    ).opt,
)
async def subscribe_to_digest(request: Http) -> ASGIResponse:
    """The address gets a mail with a link that confirms it, at most one an hour. The answer is the
    same whether it is known here or not."""
    require_mail(services(request).config)
    body = await read_json(request, _body)
    with within(WRITE_S):
        await services(request).subscriptions.subscribe(checked_address(body.email), ENGLISH)
    response = ASGIResponse(status_code=202, encoded_headers=_NO_STORE)
    del response.headers["content-type"]  # there is no content
    return response


ROUTES = [subscribe_to_digest]
