"""Who votes, and whether the vote counts at once or is held."""

from msgspec import Struct

from votes.domain.terms import ToolId, ToolSlug, VoterId, visitor
from votes.domain.vote import UNTIL_PROVEN, Held, Vote
from votes.http import proofs
from votes.http.exchange import PROOF, Headers, Http, header, services
from votes.http.identity import identity
from votes.http.limiting import verdict_of
from votes.http.tokens import Visitor, new_visitor
from votes.wiring import now


class Voter(Struct, frozen=True):
    """Who votes, why the vote is not to count yet, and the cookies that tell the next time."""

    id: VoterId
    held: Held | None = None
    cookies: Headers = ()


async def voter(request: Http, casts_on: ToolId | None) -> Voter:
    """Who casts a vote on the tool, or takes one back. Raises `Refused` and `Unavailable`.

    Whoever casts the first vote is made known. Only votes of new visitors are held: those of a
    network that makes many, and those on a tool that gets many.
    """
    who = identity(request)
    caller = await who.caller(request)
    if caller.user is not None:
        return Voter(caller.user.actor)
    known, crowded = caller.visitor, verdict_of(request.scope).beyond_soft
    voting = known or new_visitor(now(), crowded=crowded is not False)
    cookies: Headers = ()
    if caller.renew or (known is None and casts_on is not None):
        cookies = (who.cookie(request, who.visitors.token(voting)),)
    held = None
    if casts_on is not None and voting.is_new(now()):
        beyond = crowded if known is None else known.crowded
        held = await _held(request, casts_on, known, beyond)
    return Voter(visitor(voting.id), held, cookies)


async def _held(
    request: Http, tool: ToolId, known: Visitor | None, beyond: bool | None
) -> Held | None:
    """Why a new visitor's vote is held, `beyond` a soft limit or not, or nobody knows."""
    parts = services(request)
    if proof := header(request, PROOF):
        visitor_id = known.id if known is not None else None
        proven = await proofs.spend(parts.limiter, parts.config, proof, tool, visitor_id)
        if proven is not False:
            return None if proven else "unchecked"
    if beyond is False:
        asked = [(limit, tool) for limit in parts.limiter.limits["unproven"]]
        beyond = (await parts.limiter.check(asked)).beyond_soft
    if beyond is None:
        return "unchecked"
    return "unproven" if beyond else None


def asking_for_proof(slug: ToolSlug, vote: Vote) -> Headers:
    """The header that says where a held vote's challenge is, if a proof lets it count."""
    if vote.against not in UNTIL_PROVEN:
        return ()
    return ((b"votes-challenge", f"/v1/challenge?tool={slug}".encode()),)
