"""However visitors log in, what counts is as if each person had done all of it themselves."""

from datetime import datetime
from typing import Any

from hypothesis import example
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec import Struct, field

from tests.domain.histories import Log, log_of
from tests.domain.names import ANN, BOB, HERE, THERE
from votes.domain import link, vote
from votes.domain.link import Link, LinkVisitor, UndoLink, VisitorLinked
from votes.domain.moved_vote import MoveVote, OfferVote
from votes.domain.returned_vote import ReturnVote
from votes.domain.terms import ToolId, VisitorId, user, visitor
from votes.domain.tool import Entry, ListTool
from votes.domain.vote import CastVote, RetractVote
from votes.projections import tallies
from votes.projections.tallies import Counts

TOOL = ToolId("atlas")
VISITORS, PERSONS = (HERE, THERE, VisitorId("yonder")), (ANN, BOB)
visitors, persons = st.sampled_from(VISITORS), st.sampled_from(PERSONS)
choices = st.none() | st.sampled_from(("ship", "skip"))
helds = st.none() | st.just("unproven")

acts = st.tuples(st.just("act"), visitors | persons, choices, helds)
logins = st.tuples(st.just("login"), visitors, persons)
links = st.tuples(st.just("link"), visitors, persons)
moves = st.tuples(st.just("move"), visitors, persons)
undone = st.tuples(st.just("undo"), visitors, st.integers(0, 3), st.lists(acts, max_size=2))
beliefs = st.tuples(st.just("mistaken"), visitors, st.none() | persons, choices)


def asked(voter, choice, held, by):
    if choice is None:
        return RetractVote(TOOL, voter, by)
    return CastVote(TOOL, voter, choice, held, by)


def now_of(head):
    return vote.evolve(vote.Vote(), head.event)


def of_visitor(linked):
    """The stream of the vote of the visitor who was linked by this event."""
    return vote.stream(visitor(link.visitor_of(linked.stream)), TOOL)


class Act(Struct):
    """Of a voter, at a time; `counted` says as what. It is the `owner`'s now, by a link."""

    owner: str
    voter: str
    at: datetime
    choice: str | None
    counted: str | None
    by: int = 0


class Site(Struct):
    """A log, and what was done on its one tool."""

    log: Log = field(default_factory=lambda: log_of([ListTool(TOOL, TOOL, Entry("A", "M"))]))
    done: list[Act] = field(default_factory=list)

    def linked(self, name):
        head = self.log.head(link.stream(name))
        return link.evolve(Link(), head.event).person if head.version else None

    def act(self, name, choice, held):
        """As a visitor, who may be linked, or as a person. One that changes nothing is none."""
        own = visitor(name) if name in VISITORS else user(name)
        person = self.linked(name) if name in VISITORS else None
        voter, by = (own, None) if person is None else (user(person), name)
        if person is not None:
            self.move(name, person)
        if self.log.submit(asked(voter, choice, held, by)):
            at = self.log.head(vote.stream(voter, TOOL)).at
            self.done.append(Act(voter, voter, at, choice, choice and (held or choice)))

    def mistaken(self, name, person, choice):
        """A vote by a process that knows an earlier link of the visitor, or none."""
        if person != self.linked(name):
            voter, by = (visitor(name), None) if person is None else (user(person), name)
            assert self.log.submit(asked(voter, choice, None, by)) == vote.LINKED

    def link(self, name, person):
        self.log.submit(LinkVisitor(name, person))

    def move(self, name, person):
        self.log.submit(MoveVote(name, person, TOOL))
        if person == self.linked(name):
            for act in self.done:
                if act.owner == visitor(name):
                    act.owner, act.by = user(person), self.log.head(link.stream(name)).position

    def undo(self, name, number, between):
        """The link of that number of the visitor's, with acts before it is carried out."""
        made = [one for one in self.log.events if isinstance(one.event, VisitorLinked)]
        of_name = [one for one in made if one.stream == link.stream(name)]
        if number >= len(of_name):
            return
        at, person = of_name[number].position, of_name[number].subject
        self.log.submit(UndoLink(name, person, at))
        for act in self.done:
            if act.by == at:
                act.owner, act.by = visitor(name), 0
        for _, *act in between:
            self.act(*act)
        for _ in range(2):  # the second time nothing is left to do
            returned = self.log.submit(ReturnVote(name, person, TOOL, at))
        assert returned == []
        for one in sorted(made, key=lambda one: self.log.head(of_visitor(one)).at):
            if one.subject == person:
                asked = OfferVote(link.visitor_of(one.stream), person, TOOL, one.position)
                self.log.submit(asked)
                assert self.log.submit(asked) == []
        if (now := self.linked(name)) is not None:
            self.move(name, now)

    def login(self, name, person):
        self.link(name, person)
        self.move(name, person)
        at = self.log.head(link.stream(name)).position
        assert self.log.submit(ReturnVote(name, person, TOOL, at)) == []  # for the link stands

    def choices(self):
        """The choice of each voter, by the votes' streams."""
        voters = [*map(visitor, VISITORS), *map(user, PERSONS)]
        heads = {voter: self.log.head(vote.stream(voter, TOOL)) for voter in voters}
        return {
            voter: now_of(head).choice if head.version else None for voter, head in heads.items()
        }

    def times(self):
        """When the votes that there are were cast, by the votes' streams."""
        heads = [self.log.head(vote.stream(voter, TOOL)) for voter in self.choices()]
        return sorted(one.at for one in heads if one.version and now_of(one).choice is not None)

    def newest(self):
        """What each voter did last."""
        return {act.owner: act for act in sorted(self.done, key=lambda act: act.at)}

    def counts(self):
        found = None
        for recorded in self.log.events:
            if recorded.subject == TOOL:
                found = tallies.evolve(found, recorded)
        assert found is not None
        return found.counts

    def check(self):
        newest, counts = self.newest(), Counts()
        chosen = {voter: act.choice for voter, act in newest.items()}
        assert self.choices() == dict.fromkeys(self.choices()) | chosen
        for act in newest.values():
            if act.counted is not None:
                counts += Counts(**{act.counted: 1})
        assert self.counts() == counts
        cast = [act.at for act in newest.values() if act.choice is not None]
        assert self.times() == sorted(cast)


TAKEN_BACK = [
    ("act", "here", "ship", None),
    ("act", "there", "skip", None),
    ("act", "here", None, None),
    ("login", "here", "ann"),
    ("login", "there", "ann"),
]
"""What was taken back last stays so, also where the person has no other act on the tool."""
AFTER_ONE_UNDONE: list[tuple[Any, ...]] = [
    ("act", "there", "skip", None),
    ("act", "here", "ship", None),
    ("login", "here", "ann"),
    ("undo", "here", 0, []),
    ("login", "there", "ann"),
]
"""Of a person who had nothing of their own an undone link leaves nothing that is newer."""
OF_A_HELD_ONE = [
    ("act", "ann", "ship", "unproven"),
    ("act", "here", "skip", None),
    ("login", "here", "ann"),
]


@for_all(st.lists(acts | logins | links | moves | beliefs | undone, min_size=3, max_size=25))
@example(TAKEN_BACK)
@example(OF_A_HELD_ONE)
@example(AFTER_ONE_UNDONE)
def test_each_person_has_the_vote_of_their_newest_act_in_any_browser(steps):
    site = Site()
    for what, *of in steps:
        getattr(site, what)(*of)
        site.check()
