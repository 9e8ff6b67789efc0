"""Links of visitors to users: a moderator sees what one has moved, and undoes it. Nobody is
shown."""

from litestar import delete, get
from litestar.response.base import ASGIResponse

from votes.api.operation import Operation
from votes.app import unlinking
from votes.app.moderation.queue import LinkTold
from votes.domain import link as links
from votes.domain.link import UndoLink
from votes.domain.terms import LinkId, PersonId
from votes.engine.log import Recorded
from votes.http.checks.identity import require_moderator
from votes.http.checks.limiting import Limited
from votes.http.deadlines import READ_S, within
from votes.http.exchange import Http, no_content, private, refused, services, write_as


@get(
    "/v1/moderation/links/{link:str}",
    operation_id="getLink",
    summary="What a link has moved",
    tags=["moderation"],
    opt=Operation(responses={200: LinkTold}, who="moderator", limited=Limited("reads")).opt,
)
async def get_link(request: Http, link: str) -> ASGIResponse:
    """How many votes are a user's by it, and whether it was undone; never whose they are. The id of
    a link is told to the visitor in `/v1/me/votes` and to the user in `/v1/me/export`. For
    moderators."""
    await require_moderator(request)
    with within(READ_S):
        linked = await _found(request, link)
        return private(await unlinking.tell(services(request).store, linked))


@delete(
    "/v1/moderation/links/{link:str}",
    operation_id="undoLink",
    summary="Undo a link",
    tags=["moderation"],
    status_code=200,  # the answer itself says 204
    opt=Operation(write=True, who="moderator", limited=Limited("writes")).opt,
)
async def undo_link(request: Http, link: str) -> ASGIResponse:
    """Within seconds the visitor's votes are the visitor's again and the user's what they were,
    where neither has chosen anew since. It is not made again by itself, but by `POST /v1/me/link`.
    For moderators."""
    moderator = await require_moderator(request)
    with within(READ_S):
        linked = await _found(request, link)
    visitor, person = links.visitor_of(linked.stream), PersonId(linked.subject)
    command = UndoLink(visitor, person, linked.position)
    outcome, _ = await write_as(request, moderator, links.undoing, lambda _: command)
    return no_content(outcome.position)


async def _found(request: Http, link: str) -> Recorded:
    """The event that made the link. Raises `Refused` and `Unavailable`."""
    linked = await unlinking.find(services(request).store, LinkId(link))
    if linked is None:
        raise refused(links.UNKNOWN)
    return linked


ROUTES = [get_link, undo_link]
