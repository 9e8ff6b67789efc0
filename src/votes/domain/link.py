"""Links: a visitor who logs in is the user from then on, and has one vote with the user.

A link is one event on the visitor's stream. Every vote of a visitor relies on that stream, so after
it no vote is stored as the visitor's own. Votes cast before are moved one by one (`moved_vote`).
A moderator may undo a link; then each is given back (`returned_vote`).
"""

from collections.abc import Mapping, Sequence
from typing import assert_never, get_args

from msgspec import Struct

from votes.domain.terms import PersonId, VisitorId
from votes.engine.decider import Decider, ForStream, Rejected
from votes.engine.heads import Head
from votes.engine.log import Position, Stream

PREFIX = "link:"
"""Of the streams of all links that were undone, and of no other."""

UNKNOWN = Rejected("link_unknown", "There is no such link.")


def stream(visitor: VisitorId) -> Stream:
    return Stream(f"visitor:{visitor}")


def visitor_of(stream: Stream) -> VisitorId:
    """Whose links the stream has."""
    return VisitorId(stream.removeprefix("visitor:"))


def undone_stream(link: Position) -> Stream:
    """The stream of the link at the position, once it is undone."""
    return Stream(f"{PREFIX}{link}")


def link_of(stream: Stream) -> Position:
    """Which link the stream is of. Raises `ValueError` for another stream."""
    if not stream.startswith(PREFIX):
        raise ValueError("not the stream of a link")
    return int(stream.removeprefix(PREFIX))


class VisitorLinked(Struct, frozen=True):
    """Whoever is this visitor is this person, until the visitor is linked to another."""

    person: PersonId


class VisitorUnlinked(Struct, frozen=True):
    """The visitor is nobody else again, as the person is erased: what was moved stays. Or a
    moderator undid the link to the person `parted`, which is not made by itself again."""

    parted: PersonId | None = None


class LinkUndone(Struct, frozen=True):
    """What the link moved is given back. The event names nobody: it is shown to who undid it."""


LinkEvent = VisitorLinked | VisitorUnlinked
LINK_EVENTS = (*get_args(LinkEvent), LinkUndone)


class Link(Struct, frozen=True):
    """The person to whom the visitor is linked, None for a visitor who is nobody else; and from
    whom a moderator has `parted` the visitor."""

    person: PersonId | None = None
    parted: PersonId | None = None


def evolve(_: Link, event: LinkEvent) -> Link:
    match event:
        case VisitorLinked(person):
            return Link(person)
        case VisitorUnlinked(parted):
            return Link(None, parted)
    assert_never(event)


class LinkVisitor(Struct, frozen=True):
    """The last link of a visitor holds: who logged in last is most likely who votes there next.
    `by_itself`: nobody asked for it."""

    visitor: VisitorId
    person: PersonId
    by_itself: bool = False


class UnlinkVisitor(Struct, frozen=True):
    """Take the link to this person back, if it is the visitor's."""

    visitor: VisitorId
    person: PersonId


LinkCommand = LinkVisitor | UnlinkVisitor


def decide(command: LinkCommand, state: Link) -> Sequence[LinkEvent]:
    linked = state.person == command.person
    match command:
        case LinkVisitor(person=person, by_itself=by_itself):
            undone = by_itself and state.parted == person
            return [] if linked or undone else [VisitorLinked(person)]
        case UnlinkVisitor():
            return [VisitorUnlinked()] if linked else []
    assert_never(command)


decider: Decider[LinkCommand, Link] = Decider(
    initial=Link(),
    streams=lambda command: (stream(command.visitor),),
    subject=lambda command: command.person,
    evolve=evolve,
    decide=decide,
)


class UndoLink(Struct, frozen=True):
    """The link of the visitor to the person, at the position."""

    visitor: VisitorId
    person: PersonId
    link: Position


class Undoing(Struct, frozen=True):
    """Whether the link was undone, and whether it is the visitor's last."""

    undone: bool = False
    last: bool = False


def _undoing(command: UndoLink, heads: Mapping[Stream, Head]) -> Undoing:
    own, of_visitor = (heads[stream] for stream in undoing.streams(command))
    return Undoing(own.version > 0, of_visitor.position == command.link)


def _undo(command: UndoLink, state: Undoing) -> Sequence[LinkUndone | ForStream]:
    if state.undone:
        return []
    parted = ForStream(stream(command.visitor), VisitorUnlinked(command.person))
    return [LinkUndone(), *([parted] if state.last else [])]


undoing: Decider[UndoLink, Undoing] = Decider(
    initial=Undoing(),
    streams=lambda command: (undone_stream(command.link), stream(command.visitor)),
    subject=lambda command: command.person,
    evolve=lambda state, _: Undoing(True, state.last),
    decide=_undo,
    state_of=_undoing,
)
