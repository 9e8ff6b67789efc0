"""Who votes, what they have, and whether the vote counts at once or is held."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from msgspec import Struct

from votes.app import mine, unlinking
from votes.app.catalogue.paging import Page
from votes.app.my_responses import MyVoteView, ToolState
from votes.app.shapes import LinkView
from votes.app.states import NOTHING, states
from votes.domain import link, vote
from votes.domain.person import Person
from votes.domain.terms import (
    Claims,
    LinkId,
    ToolId,
    ToolSlug,
    VisitorId,
    VoterId,
    visitor,
    visitor_of,
)
from votes.domain.vote import Vote, VoteCommand
from votes.domain.vote_events import UNTIL_PROVEN, Held
from votes.engine.decider import Command, Decider, State
from votes.engine.handle import Outcome
from votes.engine.ports import Unavailable
from votes.http.checks import proofs
from votes.http.checks.identity import COOKIE_MAX_AGE_S, VISITOR, Caller, identity
from votes.http.checks.limiting import network_sign, verdict_of
from votes.http.deadlines import READ_S, WRITE_S, within
from votes.http.errors import Refused
from votes.http.exchange import (
    PROOF,
    Headers,
    Http,
    Value,
    accepted,
    header,
    read_as,
    read_checked,
    refused,
    services,
    submit,
    write,
    write_as,
)
from votes.http.logins.tokens import User, Visitor, new_visitor
from votes.resources import now


class Voter(Struct, frozen=True):
    """Who votes, and the cookies that tell the next time.

    `before` is the visitor whom a user's browser still has. `beyond` says whether a network made
    the visitor beyond its soft limit; None where that is not known.
    """

    who: User | Visitor
    cookies: Headers = ()
    beyond: bool | None = False
    before: Visitor | None = None

    @property
    def claims(self) -> Claims | None:
        """Those with which a user votes."""
        return self.who.claims if isinstance(self.who, User) else None


async def voter(request: Http, *, keep: bool) -> Voter:
    """Who votes; `keep` makes a new visitor known. Raises `Refused` and `Unavailable`."""
    who = identity(request)
    caller = await who.caller(request)
    if caller.user is not None:
        return Voter(caller.user, before=caller.before)
    beyond: bool | None
    if caller.visitor is not None:
        voting, beyond = caller.visitor, caller.visitor.crowded
    else:
        beyond = verdict_of(request.scope).beyond_soft
        voting = new_visitor(now(), crowded=beyond is not False)
    cookies: Headers = ()
    if caller.renew or (caller.visitor is None and keep):
        cookies = (who.cookie(request, VISITOR, who.visitors.token(voting), COOKIE_MAX_AGE_S),)
    return Voter(voting, cookies, beyond)


async def write_for(
    request: Http, voter: Voter, decider: Decider[Command, State], ask: Callable[[VoterId], Command]
) -> Outcome[State]:
    """Decide the command that `ask` makes for the voter. Raises what `write` does."""
    if isinstance(voter.who, User):
        who = voter.who
        outcome, _ = await write_as(request, who, decider, lambda person: ask(person.voter))
        return outcome
    own = visitor(voter.who.id)
    return await write(request, decider, ask(own), own)


async def vote_for(
    request: Http, voter: Voter, ask: Callable[[VoterId, VisitorId | None], VoteCommand]
) -> Outcome[Vote]:
    """Decide the command that `ask` makes for the voter, and for the visitor who sends it where
    that one is linked to the voter. Raises what `write` does."""
    if isinstance(voter.who, User):
        with within(WRITE_S):
            await join(request, voter.who, voter.before)
            return await write_for(request, voter, vote.decider, lambda whose: ask(whose, None))
    own, parts = visitor(voter.who.id), services(request)
    with within(WRITE_S):
        result = await parts.links.vote(
            voter.who.id,
            lambda whose, by, unless: submit(request, vote.decider, ask(whose, by), own, *unless),
        )
    outcome = accepted(result)
    if (network := network_sign(request)) is not None:
        parts.networks.saw(voter.who.id, network)
    return outcome


async def join(request: Http, who: User, before: Visitor | None) -> None:
    """Link the visitor of the user's browser, where there is one. One that cannot be linked stays
    another voter. Raises `Unavailable`."""
    if before is None:
        return
    parts = services(request)
    person = await parts.people.person(who.subject)
    await parts.links.join(before.id, person.id)


async def link_to(request: Http, who: User, token: str | None) -> LinkView:
    """Link the visitor of the token, or else of the cookie, to the user. Raises `Refused`, and
    `Unavailable` where it is not done, or half: the same again settles it."""
    linkable = (await identity(request).caller(request)).before
    if token is not None:
        verified = identity(request).visitors.verify(token)
        if verified is None:
            raise Refused("invalid_body", "visitor: not a visitor's token of ours.")
        linkable = verified[0]
    if linkable is None:
        return LinkView(linked=False, votes=0, position=0, link=None)
    parts = services(request)
    with within(WRITE_S):
        user = await parts.people.person(who.subject)
        if (too_many := await parts.links.refusal(linkable.id, user.id)) is not None:
            raise refused(too_many)
        _, person = await write_as(
            request, who, link.decider, lambda person: link.LinkVisitor(linkable.id, person.id)
        )
        made = await parts.links.settle(linkable.id, person.id)
        name = await unlinking.by_which(parts.store, linkable.id)
    return LinkView(linked=True, votes=made.votes, position=made.position, link=name)


async def read_for(
    request: Http, caller: Caller, read: Callable[[VoterId, Person | None], Awaitable[Value]]
) -> Value | None:
    """What `read` finds of the caller's, called with the person too where that is a user; None for
    a caller who has never written anything. A user's browser is joined first, if it can be. Raises
    `Unavailable`."""
    with within(READ_S):
        if caller.user is not None:
            with suppress(Unavailable):
                await join(request, caller.user, caller.before)
            return await read_as(request, caller.user, lambda person: read(person.voter, person))
        if caller.visitor is None:
            return None
        return await read(visitor(caller.visitor.id), None)


async def states_for(
    request: Http, caller: Caller, tools: Mapping[ToolSlug, ToolId]
) -> dict[ToolSlug, ToolState]:
    """The caller's own votes and bookmarks on these tools. Raises `Unavailable`."""
    store, links, states_by_slug = services(request).store, services(request).links, None
    if caller.user is not None:
        with within(READ_S):
            with suppress(Unavailable):
                await join(request, caller.user, caller.before)
            states_by_slug = await read_checked(
                request, caller.user, lambda person: states(store, person.voter, person, tools)
            )
    elif caller.visitor is not None:
        who = caller.visitor.id
        with within(READ_S):
            states_by_slug = await states(store, visitor(who), None, tools)
            if states_by_slug is None:
                states_by_slug = await states(store, await links.voter(who), None, tools)
    return states_by_slug or dict.fromkeys(tools, NOTHING)


async def votes_of(
    request: Http, caller: Caller, cursor: str | None, limit: int
) -> Page[MyVoteView]:
    """A page of the caller's own votes. Raises `BadCursor` and `Unavailable`."""
    parts = services(request)

    async def read(voter: VoterId, _: Person | None) -> Page[MyVoteView]:
        who = visitor_of(voter)
        whose = voter if who is None else await parts.links.voter(who)
        return await mine.my_votes(parts.store, parts.reader.latest, whose, cursor, limit)

    return await read_for(request, caller, read) or mine.none(cursor, limit)


async def linked_by(request: Http, caller: Caller) -> LinkId | None:
    """The link by which a visitor's votes are a user's. Raises `Unavailable`."""
    if caller.user is not None or caller.visitor is None:
        return None
    with within(READ_S):
        return await unlinking.by_which(services(request).store, caller.visitor.id)


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


def asking_for_proof(slug: ToolSlug, after: Vote) -> Headers:
    """The header that says where a held vote's challenge is, if a proof lets it count."""
    if after.against not in UNTIL_PROVEN:
        return ()
    return ((b"votes-challenge", f"/v1/challenge?tool={slug}".encode()),)
