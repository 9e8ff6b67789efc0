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
    """Who votes, and the cookies that tell the next time.

    `visitor` is None for a user. `beyond` says whether a network made the visitor beyond its soft
    limit; None where that is not known.
    """

    id: VoterId
    cookies: Headers = ()
    visitor: Visitor | None = None
    beyond: bool | None = False


async def voter(request: Http, *, keep: bool) -> Voter:
    """Who votes; `keep` makes a new visitor known. Raises `Refused` and `Unavailable`."""
    who = identity(request)
    caller = await who.caller(request)
    if caller.user is not None:
        return Voter(caller.user.actor)
    known, beyond = caller.visitor, verdict_of(request.scope).beyond_soft
    voting = known or new_visitor(now(), crowded=beyond is not False)
    cookies: Headers = ()
    if caller.renew or (known is None and keep):
        cookies = (who.cookie(request, who.visitors.token(voting)),)
    return Voter(visitor(voting.id), cookies, voting, beyond if known is None else known.crowded)


async def held(request: Http, who: Voter, tool: ToolId) -> Held | None:
    """Why a vote on the tool is not to count yet, None where it counts at once.

    Only votes of new visitors are held: those of a network that makes many, and those on a tool
    that gets many. A proof of work lets them count.
    """
    if who.visitor is None or not who.visitor.is_new(now()):
        return None
    parts, beyond = services(request), who.beyond
    if proof := header(request, PROOF):
        sent_by = (await identity(request).caller(request)).visitor_id
        proven = await proofs.spend(parts.limiter, parts.config, proof, tool, sent_by)
        if proven is not False:
            return None if proven else "unchecked"
    if beyond is False:
        charges = [(limit, tool) for limit in parts.limiter.limits["unproven"]]
        beyond = (await parts.limiter.check(charges)).beyond_soft
    if beyond is None:
        return "unchecked"
    return "unproven" if beyond else None


def asking_for_proof(slug: ToolSlug, vote: Vote) -> Headers:
    """The header that says where a held vote's challenge is, if a proof lets it count."""
    if vote.against not in UNTIL_PROVEN:
        return ()
    return ((b"votes-challenge", f"/v1/challenge?tool={slug}".encode()),)
