"""Votes on behalf of others: a user with the role `service`, or an admin, votes for somebody who is
known elsewhere, for example to a customer database."""

from collections.abc import Callable

from msgspec import ValidationError, convert

from votes.domain import vote
from votes.domain.terms import Choice, Subject, ToolId, VoterId, somebody_else
from votes.domain.vote import CastVote, RetractVote, Uncounted, Vote, VoteCommand
from votes.engine.handle import Outcome
from votes.http.deadlines import WRITE_S, within
from votes.http.errors import Refused
from votes.http.exchange import Http, services, write_as
from votes.http.identity import require_service
from votes.http.tokens import User

_ELSEWHERE = "\0"
"""Before an id of elsewhere, where no subject of a login has it: so these never meet."""


async def cast_on_behalf(
    request: Http, other: Subject, tool: ToolId, choice: Choice
) -> Outcome[Vote]:
    """Vote for the other. Raises what `write` does, and `Refused` for a caller who may not and on a
    site that takes no such votes."""
    sender, setting = await require_service(request), services(request).config.on_behalf
    if setting == "off":
        raise Refused("forbidden", "This site takes no votes on behalf of others.")
    apart: Uncounted | None = "on_behalf" if setting == "apart" else None
    return await _write(request, sender, other, lambda voter: CastVote(tool, voter, choice, apart))


async def retract_on_behalf(request: Http, other: str, tool: ToolId) -> Outcome[Vote]:
    """Take back the vote of the other, on every site. Raises as `cast_on_behalf` otherwise."""
    sender = await require_service(request)
    try:
        known = convert(other, Subject)
    except ValidationError as error:
        raise Refused("invalid_parameter", f"on_behalf_of: {error}") from error
    return await _write(request, sender, known, lambda voter: RetractVote(tool, voter))


async def _write(
    request: Http, sender: User, other: Subject, ask: Callable[[VoterId], VoteCommand]
) -> Outcome[Vote]:
    """The id of the other leads to a random one as the subject of a login does, and the log has
    that alone. The events say which user sent them."""
    async with within(WRITE_S):
        person = await services(request).people.person(_ELSEWHERE + other)
        voter = somebody_else(person.id)
        outcome, _ = await write_as(request, sender, vote.on_behalf, lambda _: ask(voter))
    return outcome
