"""What a user does to bookmarks: one, many, and to those that fit, with a way back."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Literal

from msgspec.structs import replace

from votes.app.bookmarks import collecting, unmatched
from votes.app.bookmarks import lists as bookmarks
from votes.app.bookmarks.responses import BookmarksChanged, BookmarkView
from votes.app.bookmarks.sealing import unseal
from votes.app.bookmarks.shelves import (
    TRASH_KEPT,
    Kept,
    KeptCollection,
    Shelf,
    changes_until,
    kept_of,
)
from votes.domain.bookmarks import bookmark, collection
from votes.domain.bookmarks import unmatched as pages
from votes.domain.bookmarks.bookmark import (
    Annotations,
    Bookmark,
    BookmarkCommand,
    KeepBookmark,
    RemoveBookmark,
)
from votes.domain.bookmarks.collection import CollectionCommand
from votes.domain.conditions import CHANGED
from votes.domain.person import Person
from votes.domain.terms import CollectionId, ToolId, ToolSlug
from votes.engine.decider import Command, Decider, State
from votes.engine.deciding import KEY_REUSED
from votes.engine.handle import ENDED, Outcome, Result
from votes.engine.log import Position
from votes.http.deadlines import WRITE_S, within
from votes.http.errors import Refused
from votes.http.exchange import (
    Http,
    parts,
    read_checked,
    refused,
    services,
    submit,
)
from votes.http.logins.tokens import User
from votes.resources import now

TRIES_MAX = 5
COMMANDS_AT_ONCE = 200
"""So many commands are sealed and submitted before others have their turn."""


NOTHING_DONE = BookmarksChanged(0, 0, 0, 0)


async def shelf_of(request: Http, user: User) -> Shelf | None:
    """The user's bookmarks; None where there have never been any. Raises `Unavailable`."""
    return await read_checked(request, user, services(request).shelves.of)


async def submit_all_as(
    request: Http,
    user: User,
    decider: Decider[Command, State],
    ask: Callable[[Person], Sequence[Command]],
    *,
    keyed: bool = True,
) -> tuple[list[Result], Person]:
    """Decide the commands that `ask` makes for the user, each by itself, in order.

    An `Idempotency-Key` holds for all of them together, if they are `keyed`. Raises `Refused` and
    `Unavailable`.
    """
    people = services(request).people
    with within(WRITE_S):
        while True:
            person = await people.person(user.subject)
            results = await _submit_all(request, person, decider, ask(person), keyed=keyed)
            if ENDED not in results:
                return results, person
            await people.destroy(user.subject, person)


async def _submit_all(
    request: Http,
    person: Person,
    decider: Decider[Command, State],
    commands: Sequence[Command],
    *,
    keyed: bool,
) -> list[Result]:
    """The first alone: where the key was used for another request, nothing of this one is done.
    Raises `Refused` then."""
    numbered = list(zip(parts(decider, commands), commands, strict=True))
    results: list[Result] = []
    for start, end in _steps(len(commands)):
        results += await asyncio.gather(
            *(
                submit(
                    request,
                    decider,
                    command,
                    person.voter,
                    person.stream,
                    part=part,
                    keyed=keyed,
                )
                for part, command in numbered[start:end]
            )
        )
        if KEY_REUSED in results:
            raise refused(KEY_REUSED)
    return results


def _steps(number: int) -> Iterable[tuple[int, int]]:
    """The first, then the others in pieces."""
    return pairwise((0, *range(1, number, COMMANDS_AT_ONCE), number))


async def rewrite(
    request: Http,
    user: User,
    choose: Callable[[Shelf], Iterable[Kept]],
    change: Callable[[Annotations], Annotations],
) -> BookmarksChanged:
    """Change what is written beside the chosen bookmarks, none of which is overwritten as it was
    not read. What does not change is not stored, and what is unreadable stays.

    Raises `Refused` and `Unavailable`.
    """
    done = NOTHING_DONE
    for _ in range(TRIES_MAX):
        shelf = await shelf_of(request, user)
        if shelf is None:
            return done
        person, at = shelf.person, now()
        commands = [
            bookmarks.keep(person, kept.tool, new, at, (kept.standing.tag,))
            for kept in choose(shelf)
            if not kept.unreadable and (new := change(kept.written).canonical()) != kept.written
        ]
        results = await _submit_for(request, user, person, bookmark.decider, commands)
        done = _sum(done, results)
        if CHANGED not in results:
            return done
    raise Refused("contended", "The bookmarks change all the time.")


async def retag(request: Http, user: User, tag: str, to: str | None) -> BookmarksChanged:
    """Put another tag, or none, in the place of the tag. Raises `Refused` and `Unavailable`."""
    return await rewrite(
        request,
        user,
        lambda shelf: [kept for kept in shelf.kept.values() if tag in kept.written.tags],
        lambda written: written.retagged(tag, to),
    )


async def remove(
    request: Http, user: User, choose: Callable[[Shelf], Iterable[Kept]]
) -> BookmarksChanged:
    """Remove the chosen bookmarks. Raises `Refused` and `Unavailable`."""
    shelf = await shelf_of(request, user)
    if shelf is None:
        return NOTHING_DONE
    person = shelf.person
    commands = [RemoveBookmark(person.id, kept.tool) for kept in choose(shelf)]
    return _sum(NOTHING_DONE, await _submit_for(request, user, person, bookmark.decider, commands))


async def undo(request: Http, user: User, after: Position, until: Position) -> BookmarksChanged:
    """Make each bookmark, collection and unmatched page again what it was before the events after
    the one position, up to the other; but for those that have changed since, and for events of more
    than 30 days ago.

    Raises `Refused` and `Unavailable`.
    """
    store, people = services(request).store, services(request).people
    person = await people.find(user.subject)
    if person is None:
        return NOTHING_DONE
    shelf, at = Shelf(person), now()
    changes = await changes_until(store, shelf, after, at - TRASH_KEPT)
    collections = [
        _collection_back(person, known, before, shelf.collections.get(known), at)
        for known, (before, position) in changes.collections.items()
        if position <= until
    ]
    commands = [
        _back(person, tool, before, shelf.kept.get(tool), at)
        for tool, (before, position) in changes.bookmarks.items()
        if position <= until
    ]
    done = _sum(
        NOTHING_DONE,
        await _submit_for(request, user, person, collection.decider, collections),
        "collections",
    )
    results = await _submit_for(request, user, person, bookmark.decider, commands)
    return await _pages_back(request, user, person, _sum(done, results), after, until, at)


async def _pages_back(
    request: Http,
    user: User,
    person: Person,
    done: BookmarksChanged,
    after: Position,
    until: Position,
    at: datetime,
) -> BookmarksChanged:
    store = services(request).store
    async for found in unmatched.undoing(store, person, after, until, at - TRASH_KEPT):
        results = await _submit_for(request, user, person, pages.decider, found)
        done = _sum(done, results, "unmatched")
    return done


def _collection_back(
    person: Person,
    collection_id: CollectionId,
    before: KeptCollection | None,
    after: KeptCollection | None,
    at: datetime,
) -> CollectionCommand:
    tags = (after.saved.tag,) if after is not None else ()
    if before is None:
        return collecting.remove(person, collection_id, tags)
    added = before.saved.added_at if after is None else at
    return collecting.save(person, before.named, before.saved.public, added, tags)


def _back(
    person: Person, tool: ToolId, before: Kept | None, after: Kept | None, at: datetime
) -> BookmarkCommand:
    tags = (after.standing.tag,) if after is not None else ()
    if before is None:
        return RemoveBookmark(person.id, tool, tags)
    added = before.standing.added_at if after is None else at
    return KeepBookmark(person.id, tool, before.standing.annotations, added, tags)


async def _submit_for(
    request: Http,
    user: User,
    person: Person,
    decider: Decider[Command, State],
    commands: Sequence[Command],
) -> list[Result]:
    """As `submit_all_as`, of commands for the person: none of them for another one, whom the user
    is after an erasure."""
    results, _ = await submit_all_as(
        request,
        user,
        decider,
        lambda of: commands if of.id == person.id else [],
        keyed=False,
    )
    return results


def _sum(
    done: BookmarksChanged,
    results: Iterable[Result],
    of: Literal["bookmarks", "collections", "unmatched"] = "bookmarks",
) -> BookmarksChanged:
    positions = [one.position for one in results if isinstance(one, Outcome) and one.changed]
    if not positions:
        return done
    first = min(positions) - 1
    return replace(
        done,
        **{of: getattr(done, of) + len(positions)},
        after=min(done.after, first) if done.until else first,
        until=max(done.until, *positions),
    )


def view_of(
    person: Person, tool: ToolId, slug: ToolSlug, outcome: Outcome[Bookmark]
) -> BookmarkView:
    """The bookmark that is there after a command."""
    stands = outcome.after.standing
    assert stands is not None
    written = unseal(person.cipher, bookmark.stream(person.id, tool), stands.annotations)
    return bookmarks.view(kept_of(tool, written, stands, outcome.position), slug)


def status_of(outcome: Outcome[Bookmark]) -> int:
    """200 for a bookmark that was there, 201 for a new one."""
    return 200 if outcome.before.standing is not None else 201
