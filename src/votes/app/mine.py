"""A voter's votes, read from the voter's own streams in the log."""

from votes.app.catalogue import tools as catalogue
from votes.app.catalogue.paging import Page, page
from votes.app.my_responses import MyVoteView
from votes.domain import vote as votes
from votes.domain.terms import ToolId, VoterId
from votes.domain.vote import Vote
from votes.engine.log import Unreadable
from votes.engine.ports import EventStore
from votes.engine.read_models import ReadModels

VOTES_READ_MAX = 10_000
_ORDER = "votes new"


def none(cursor: str | None, limit: int) -> Page[MyVoteView]:
    """The page of somebody who has never voted. Raises `BadCursor`."""
    return page([], _ORDER, cursor, limit)


async def my_votes(
    store: EventStore, models: ReadModels | None, voter: VoterId, cursor: str | None, limit: int
) -> Page[MyVoteView]:
    """A page of the voter's votes, newest first; `models` give the slugs that the tools have now.

    Raises `BadCursor` and `Unavailable`.
    """
    last_events = await store.last_of_prefix(votes.prefix(voter), VOTES_READ_MAX)
    current = [
        (last, choice)
        for last in last_events
        if not isinstance(last.event, Unreadable)
        if (choice := votes.evolve(Vote(), last.event).choice) is not None
    ]
    slugs = await catalogue.slugs(store, models, [ToolId(last.subject) for last, _ in current])
    views = [
        MyVoteView(slug, choice, last.at)
        for last, choice in current
        if (slug := slugs.get(ToolId(last.subject))) is not None
    ]
    return page([([-one.at.timestamp(), one.tool], one) for one in views], _ORDER, cursor, limit)
