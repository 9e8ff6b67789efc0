"""All that is held of a user, for that user."""

from collections.abc import AsyncIterator, Sequence

import msgspec

from votes.app import unlinking
from votes.app.bookmarks import collecting, unmatched
from votes.app.bookmarks import lists as bookmarks
from votes.app.bookmarks.shelves import Shelf
from votes.app.catalogue import tools as catalogue
from votes.app.my_responses import ActView, MyData, MyVote
from votes.domain import vote
from votes.domain.link import VisitorUnlinked
from votes.domain.terms import Subject, ToolId
from votes.domain.vote import Vote
from votes.domain.vote_events import VOTE_EVENTS
from votes.engine.log import Recorded, Unreadable
from votes.engine.ports import EventStore
from votes.engine.read_models import ReadModels

STREAMS_READ_MAX = 10_000


async def export(
    store: EventStore,
    models: ReadModels | None,
    user: Subject,
    shelf: Shelf,
    acts: Sequence[Recorded],
) -> MyData:
    """What is held of the person of the shelf; `acts` are what the person did under a role. Raises
    `Unavailable`."""
    person = shelf.person
    votes = [last async for last in _lasts(store, vote.prefix(person.voter))]
    saved = list(shelf.kept.values())
    tools = {ToolId(recorded.subject) for recorded in (*votes, *acts)}
    tools.update(one.tool for one in saved)
    slugs = await catalogue.slugs(store, models, tools)
    cast = []
    for last in votes:
        slug = slugs.get(ToolId(last.subject))
        standing = vote.evolve(Vote(), last.event) if isinstance(last.event, VOTE_EVENTS) else None
        if slug is not None and standing is not None and standing.choice is not None:
            cast.append(MyVote(slug, standing.choice, last.at, standing.claims or {}))
    did = [
        ActView(
            type(act.event).__name__,
            slugs.get(ToolId(act.subject)),
            act.at,
            msgspec.to_builtins(act.event),
            act.position,
        )
        for act in acts
        if not isinstance(act.event, (Unreadable, VisitorUnlinked))  # which names somebody else
    ]
    by = await unlinking.to(store, person.id)
    views = list(bookmarks.views(saved, slugs))
    collections = collecting.views(shelf.collections.values())
    pages = [
        unmatched.view(one)
        async for found in unmatched.kept_by(store, person)
        for one in unmatched.opened(person, found)
    ]
    return MyData(user, person.since, cast, views, collections, pages, did, by)


async def _lasts(store: EventStore, prefix: str) -> AsyncIterator[Recorded]:
    """The last event of each stream that begins with the prefix, however many these are."""
    after = None
    while page := await store.last_of_prefix(prefix, STREAMS_READ_MAX, after):
        for last in page:
            yield last
        after = page[-1].stream
