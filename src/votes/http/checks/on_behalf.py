"""Votes on behalf of others: a user with the role `service`, or an admin, votes for somebody who is
known elsewhere, for example to a customer database."""

from collections.abc import Callable

from msgspec import ValidationError, convert

from votes.domain import vote
from votes.domain.terms import Choice, PersonId, Subject, ToolId, VoterId, somebody_else
from votes.domain.vote import CastVote, RetractVote, Vote, VoteCommand
from votes.domain.vote_events import Uncounted
from votes.engine.handle import ENDED, Outcome
from votes.engine.log import Position
from votes.http.checks.identity import require_service
from votes.http.deadlines import WRITE_S, within
from votes.http.errors import Refused
from votes.http.exchange import Http, accepted, erase, services, submit
from votes.http.logins.tokens import User

_ELSEWHERE = "\0"
"""Before an id of elsewhere, where no subject of a login has it: so these never meet."""
_NOBODY = PersonId("")


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
    sender, subject = await require_service(request), _checked(other)
    return await _write(
        request, sender, subject, lambda voter: RetractVote(tool, voter), keep=False
    )


async def erase_on_behalf(request: Http, other: str) -> Position:
    """Erase the other, and return the position of that, 0 where there was nobody. Raises `Refused`
    for a caller who may not, and what `write` does."""
    await require_service(request)
    return await erase(request, _ELSEWHERE + _checked(other))


def _checked(other: str) -> Subject:
    try:
        return convert(other, Subject)
    except ValidationError as error:
        raise Refused("invalid_parameter", f"on_behalf_of: {error}") from error


async def _write(
    request: Http,
    sender: User,
    other: Subject,
    ask: Callable[[VoterId], VoteCommand],
    *,
    keep: bool = True,
) -> Outcome[Vote]:
    """The id of the other leads to a random one as the subject of a login does, and the log has
    that alone. The events say which user sent them. Neither may be erased: then there is another.
    Somebody unknown is made known only where `keep` says so, and is nobody, without votes, else.
    """
    people, subject = services(request).people, _ELSEWHERE + other
    with within(WRITE_S):
        while True:
            by = await people.person(sender.subject)
            whose = await (people.person if keep else people.find)(subject)
            voter = somebody_else(_NOBODY if whose is None else whose.id)
            streams = [one.stream for one in (by, whose) if one is not None]
            answer = await submit(request, vote.on_behalf, ask(voter), by.voter, *streams)
            if answer != ENDED:
                return accepted(answer)
            await people.destroy(sender.subject, by)
            if whose is not None:
                await people.destroy(subject, whose)
