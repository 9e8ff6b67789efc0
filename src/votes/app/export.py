"""All that is held of a user, for that user."""

from collections.abc import AsyncIterator, Sequence

import msgspec

from votes.app import bookmarks, catalogue, unlinking
from votes.app.responses import ActView, MyData, MyVote
from votes.domain import bookmark, vote
from votes.domain.link import VisitorUnlinked
from votes.domain.person import Person
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
    person: Person,
    acts: Sequence[Recorded],
) -> MyData:
    """What is held of the person; `acts` are what the person did under a role. Raises
    `Unavailable`."""
    votes = [last async for last in _lasts(store, vote.prefix(person.voter))]
    kept = [last async for last in _lasts(store, bookmark.prefix(person.id))]
    tools = {ToolId(recorded.subject) for recorded in (*votes, *kept, *acts)}
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
    return MyData(user, person.since, cast, bookmarks.views(person, kept, slugs), did, by)


async def _lasts(store: EventStore, prefix: str) -> AsyncIterator[Recorded]:
    """The last event of each stream that begins with the prefix, however many these are."""
    after = None
    while page := await store.last_of_prefix(prefix, STREAMS_READ_MAX, after):
        for last in page:
            yield last
        after = page[-1].stream
