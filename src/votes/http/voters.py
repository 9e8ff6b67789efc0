"""Who votes, what they have, and whether the vote counts at once or is held."""

from collections.abc import Awaitable, Callable, Mapping

from msgspec import Struct

from votes.app.responses import ToolState
from votes.app.states import NOTHING, states
from votes.domain.person import Person
from votes.domain.terms import ToolId, ToolSlug, VoterId, visitor
from votes.domain.vote import UNTIL_PROVEN, Held, Vote
from votes.engine.decider import Command, Decider, State
from votes.engine.handle import Outcome
from votes.http import proofs
from votes.http.deadlines import READ_S, within
from votes.http.exchange import (
    PROOF,
    Found,
    Headers,
    Http,
    header,
    read_as,
    read_checked,
    services,
    write,
    write_as,
)
from votes.http.identity import Caller, identity
from votes.http.limiting import verdict_of
from votes.http.tokens import User, Visitor, new_visitor
from votes.wiring import now


class Voter(Struct, frozen=True):
    """Who votes, and the cookies that tell the next time.

    `beyond` says whether a network made the visitor beyond its soft limit; None where that is not
    known.
    """

    who: User | Visitor
    cookies: Headers = ()
    beyond: bool | None = False


async def voter(request: Http, *, keep: bool) -> Voter:
    """Who votes; `keep` makes a new visitor known. Raises `Refused` and `Unavailable`."""
    who = identity(request)
    caller = await who.caller(request)
    if caller.user is not None:
        return Voter(caller.user)
    known, beyond = caller.visitor, verdict_of(request.scope).beyond_soft
    voting = known or new_visitor(now(), crowded=beyond is not False)
    cookies: Headers = ()
    if caller.renew or (known is None and keep):
        cookies = (who.cookie(request, who.visitors.token(voting)),)
    return Voter(voting, cookies, beyond if known is None else known.crowded)


async def write_for(
    request: Http, voter: Voter, decider: Decider[Command, State], ask: Callable[[VoterId], Command]
) -> Outcome[State]:
    """Decide the command that `ask` makes for the voter. Raises what `write` does."""
    if isinstance(voter.who, User):
        who = voter.who
        outcome, _ = await write_as(request, who, decider, lambda person: ask(person.voter))
        return outcome
    known = visitor(voter.who.id)
    return await write(request, decider, ask(known), known)


async def read_for(
    request: Http, caller: Caller, read: Callable[[VoterId, Person | None], Awaitable[Found]]
) -> Found | None:
    """What `read` finds of the caller's, called with the person too where that is a user; None for
    a caller who has never written anything. Raises `Unavailable`."""
    if caller.user is not None:
        return await read_as(request, caller.user, lambda person: read(person.voter, person))
    if caller.visitor is None:
        return None
    async with within(READ_S):
        return await read(visitor(caller.visitor.id), None)


async def states_for(
    request: Http, caller: Caller, tools: Mapping[ToolSlug, ToolId]
) -> dict[ToolSlug, ToolState]:
    """The caller's own votes and bookmarks on these tools. Raises `Unavailable`."""
    store, found = services(request).store, None
    if caller.user is not None:
        found = await read_checked(
            request, caller.user, lambda person: states(store, person.voter, person, tools)
        )
    elif caller.visitor is not None:
        async with within(READ_S):
            found = await states(store, visitor(caller.visitor.id), None, tools)
    return found or dict.fromkeys(tools, NOTHING)


async def held(request: Http, who: Voter, tool: ToolId) -> Held | None:
    """Why a vote on the tool is not to count yet, None where it counts at once.

    Only votes of new visitors are held: those of a network that makes many, and those on a tool
    that gets many. A proof of work lets them count.
    """
    if not isinstance(who.who, Visitor) or not who.who.is_new(now()):
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
