"""Links: a visitor who logs in is the user from then on, and has one vote with the user.

A link is one event on the visitor's stream. Every vote of a visitor relies on that stream, so after
it no vote is stored as the visitor's own. Votes cast before are moved one by one (`moved_vote`).
"""

from collections.abc import Sequence
from typing import assert_never, get_args

from msgspec import Struct

from votes.domain.terms import PersonId, VisitorId
from votes.engine.decider import Decider
from votes.engine.log import Stream


def stream(visitor: VisitorId) -> Stream:
    return Stream(f"visitor:{visitor}")


class VisitorLinked(Struct, frozen=True):
    """Whoever is this visitor is this person, until the visitor is linked to another."""

    person: PersonId


class VisitorUnlinked(Struct, frozen=True):
    """The visitor is nobody else again. Votes that were moved stay where they are."""


LinkEvent = VisitorLinked | VisitorUnlinked
LINK_EVENTS = get_args(LinkEvent)


class Link(Struct, frozen=True):
    """The person to whom the visitor is linked, None for a visitor who is nobody else."""

    person: PersonId | None = None


def evolve(_: Link, event: LinkEvent) -> Link:
    match event:
        case VisitorLinked(person):
            return Link(person)
        case VisitorUnlinked():
            return Link(None)
    assert_never(event)


class LinkVisitor(Struct, frozen=True):
    """The last link of a visitor holds: who logged in last is most likely who votes there next."""

    visitor: VisitorId
    person: PersonId


class UnlinkVisitor(Struct, frozen=True):
    """Take the link to this person back, if it is the visitor's."""

    visitor: VisitorId
    person: PersonId


LinkCommand = LinkVisitor | UnlinkVisitor


def decide(command: LinkCommand, state: Link) -> Sequence[LinkEvent]:
    linked = state.person == command.person
    match command:
        case LinkVisitor(person=person):
            return [] if linked else [VisitorLinked(person)]
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
