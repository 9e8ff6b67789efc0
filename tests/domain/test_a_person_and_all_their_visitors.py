"""However visitors log in, what counts is as if each person had done all of it themselves."""

from hypothesis import example
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec import Struct, field

from tests.domain.histories import log_of
from votes.domain import link, vote
from votes.domain.link import Link, LinkVisitor
from votes.domain.moved_vote import MoveVote
from votes.domain.terms import user, visitor
from votes.domain.tool import Entry, ListTool
from votes.domain.vote import CastVote, RetractVote
from votes.projections import tallies
from votes.projections.tallies import Counts

TOOL = "atlas"
VISITORS, PERSONS = ("here", "there", "yonder"), ("ann", "bob")
visitors, persons = st.sampled_from(VISITORS), st.sampled_from(PERSONS)
choices = st.none() | st.sampled_from(("ship", "skip"))
helds = st.none() | st.just("unproven")

acts = st.tuples(st.just("act"), visitors | persons, choices, helds)
logins = st.tuples(st.just("login"), visitors, persons)
links = st.tuples(st.just("link"), visitors, persons)
moves = st.tuples(st.just("move"), visitors, persons)
beliefs = st.tuples(st.just("mistaken"), visitors, st.none() | persons, choices)


def asked(voter, choice, held, by):
    if choice is None:
        return RetractVote(TOOL, voter, by)
    return CastVote(TOOL, voter, choice, held, by)


class Site(Struct):
    """A log, and what was done on its one tool: who owns an act is whose vote it is now."""

    log: object = field(default_factory=lambda: log_of([ListTool(TOOL, TOOL, Entry("A", "M"))]))
    done: list = field(default_factory=list)

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
            self.done.append([voter, at, choice, choice and (held or choice)])

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
                if act[0] == visitor(name):
                    act[0] = user(person)

    def login(self, name, person):
        self.link(name, person)
        self.move(name, person)

    def choices(self):
        """The choice of each voter, by the votes' streams."""
        voters = [*map(visitor, VISITORS), *map(user, PERSONS)]
        heads = {voter: self.log.head(vote.stream(voter, TOOL)) for voter in voters}
        return {
            voter: vote.evolve(vote.Vote(), head.event).choice if head.version else None
            for voter, head in heads.items()
        }

    def newest(self):
        """What each voter did last."""
        return {act[0]: act for act in sorted(self.done, key=lambda act: act[1])}

    def counts(self):
        found = None
        for recorded in self.log.events:
            if recorded.subject == TOOL:
                found = tallies.evolve(found, recorded)
        return found.counts

    def check(self):
        newest, choices = self.newest(), self.choices()
        nothing = (None, None, None)
        assert choices == {voter: newest.get(voter, nothing)[2] for voter in choices}
        counts = Counts()
        for *_, counted_as in newest.values():
            if counted_as is not None:
                counts += Counts(**{counted_as: 1})
        assert self.counts() == counts


TAKEN_BACK = [
    ("act", "here", "ship", None),
    ("act", "there", "skip", None),
    ("act", "here", None, None),
    ("login", "here", "ann"),
    ("login", "there", "ann"),
]
"""What was taken back last stays so, also where the person has no other act on the tool."""
OF_A_HELD_ONE = [
    ("act", "ann", "ship", "unproven"),
    ("act", "here", "skip", None),
    ("login", "here", "ann"),
]


@for_all(st.lists(acts | logins | links | moves | beliefs, min_size=3, max_size=25))
@example(TAKEN_BACK)
@example(OF_A_HELD_ONE)
def test_each_person_has_the_vote_of_their_newest_act_in_any_browser(steps):
    site = Site()
    for what, *of in steps:
        getattr(site, what)(*of)
        site.check()
