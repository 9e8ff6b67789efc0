"""Random commands, and the log that they lead to."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from msgspec import Struct, field

from tests import toy
from tests.domain.names import ANN, ATLAS, BOB, BOLT, CYD, FIRST, HERE, SECOND, THERE
from votes.domain import link, moved_vote, person, returned_vote, review, tool, vote
from votes.domain.bookmarks import bookmark, collection
from votes.domain.bookmarks.bookmark import KeepBookmark, RemoveBookmark
from votes.domain.bookmarks.collection import RemoveCollection, SaveCollection
from votes.domain.link import LinkVisitor, UndoLink, UnlinkVisitor
from votes.domain.moderation import ruled_vote, ruling
from votes.domain.moderation.ruled_vote import CarryOut
from votes.domain.moderation.ruling import LiftRuling, MakeRuling, Selector
from votes.domain.moved_vote import MoveVote, OfferVote
from votes.domain.person import EraseSubject
from votes.domain.returned_vote import ReturnVote
from votes.domain.review import Opinion, PublishReview, WithdrawReview
from votes.domain.terms import RulingId, ToolId, VoterId, user, visitor
from votes.domain.tool import DelistTool, Entry, ListTool, RenameTool
from votes.domain.vote import CastVote, RetractVote
from votes.domain.vote_events import UNTIL_PROVEN
from votes.engine.decider import Decider, ForStream, Rejected, fold, state_of
from votes.engine.heads import NOTHING, Head
from votes.engine.log import Recorded, Stream

START = datetime(2026, 1, 1, tzinfo=UTC)


def carried_out(voter: VoterId, tool: ToolId, ruling: RulingId) -> CarryOut:
    return CarryOut(vote.stream(voter, tool), tool, ruling)


# So few of each that commands meet.
tools = st.sampled_from((ATLAS, BOLT))
slugs = st.sampled_from(("atlas", "bolt", "map", "chart"))
voters = st.sampled_from([user(ANN), user(BOB), user(CYD)])
choices = st.sampled_from(("ship", "skip"))
personas = st.sampled_from(("builder", "skeptic"))
entries = st.sampled_from((Entry("Atlas", "Maps"), Entry("Bolt", "Tools", tagline="Fast")))
opinions = st.sampled_from((Opinion(80, "ship"), Opinion(20, "skip", "No.")))
annotations = st.sampled_from((b"", b"Mine, encrypted"))
times = st.integers(0, 99).map(lambda minutes: START + timedelta(minutes=minutes))

tool_commands = (
    st.builds(ListTool, tools, slugs, entries)
    | st.builds(RenameTool, tools, slugs)
    | st.builds(DelistTool, tools)
)
helds = st.none() | st.sampled_from((*UNTIL_PROVEN, "on_behalf"))
claims = st.none() | st.sampled_from(
    ({"plan": "pro"}, {"plan": "free", "organisation": "acme"}, {"organisation": "b@=: \u00fc"})
)
"""Of users alone."""
vote_commands = st.builds(CastVote, tools, voters, choices, helds, st.none(), claims) | st.builds(
    RetractVote, tools, voters
)
visitors = st.sampled_from((HERE, THERE))
persons = st.sampled_from((ANN, BOB))
places = st.integers(1, 12)
linked_votes = st.builds(CastVote, tools, voters | visitors.map(visitor), choices, helds) | (
    st.builds(CastVote, tools, persons.map(user), choices, helds, visitors)
)
link_commands = (
    st.builds(LinkVisitor, visitors, persons)
    | st.builds(UnlinkVisitor, visitors, persons)
    | st.builds(UndoLink, visitors, persons, places)
    | st.builds(MoveVote, visitors, persons, tools)
    | st.builds(OfferVote, visitors, persons, tools, places)
    | st.builds(ReturnVote, visitors, persons, tools, places)
    | linked_votes
    | st.builds(RetractVote, tools, visitors.map(visitor))
)
rulings = st.sampled_from((FIRST, SECOND))
verdicts = st.sampled_from(("discount", "release"))
ruling_commands = (
    st.builds(MakeRuling, rulings, tools, st.just(Selector()), verdicts, st.just("A burst."))
    | st.builds(LiftRuling, rulings, tools)
    | st.builds(carried_out, voters, tools, rulings)
)
bookmark_commands = st.builds(KeepBookmark, persons, tools, annotations, times) | st.builds(
    RemoveBookmark, persons, tools
)
collections = st.sampled_from(("collection:ann:a", "collection:ann:b"))
addresses = st.none() | st.sampled_from(("first".ljust(22, "-"), "other".ljust(22, "-")))
collection_commands = st.builds(
    SaveCollection, collections, st.just(ANN), st.sampled_from((b"x", b"y")), addresses, times
) | st.builds(RemoveCollection, collections, st.just(ANN))
review_commands = st.builds(PublishReview, tools, personas, opinions) | st.builds(
    WithdrawReview, tools, personas
)
erasures = st.builds(EraseSubject, persons)
by_people = vote_commands | bookmark_commands | collection_commands | erasures
commands = tool_commands | by_people | review_commands | ruling_commands | link_commands
histories = st.lists(commands, max_size=60)


DECIDERS: dict[type, Decider[Any, Any]] = {
    **dict.fromkeys((ListTool, RenameTool, DelistTool), tool.decider),
    **dict.fromkeys((CastVote, RetractVote), vote.decider),
    **dict.fromkeys((MakeRuling, LiftRuling), ruling.decider),
    CarryOut: ruled_vote.decider,
    **dict.fromkeys((LinkVisitor, UnlinkVisitor), link.decider),
    UndoLink: link.undoing,
    MoveVote: moved_vote.decider,
    OfferVote: moved_vote.offering,
    ReturnVote: returned_vote.decider,
    **dict.fromkeys((KeepBookmark, RemoveBookmark), bookmark.decider),
    **dict.fromkeys((SaveCollection, RemoveCollection), collection.decider),
    **dict.fromkeys((PublishReview, WithdrawReview), review.decider),
    EraseSubject: person.decider,
    **dict.fromkeys((toy.Move, toy.Lose), toy.decider),
}


def decider_of(command: Any) -> Decider[Any, Any]:
    return DECIDERS[type(command)]


class Log(Struct):
    """The log in its plainest form: decide on everything, append."""

    events: list[Recorded] = field(default_factory=list)

    def of(self, streams: Iterable[Stream]) -> list[Recorded]:
        wanted = set(streams)
        return [recorded for recorded in self.events if recorded.stream in wanted]

    def state_for(self, command: Any) -> Any:
        decider = decider_of(command)
        streams = decider.streams(command)
        if decider.state_of is not None:
            return state_of(decider, command, {stream: self.head(stream) for stream in streams})
        return fold(decider, [r.event for r in self.of(streams)])

    def head(self, stream: Stream) -> Head:
        for last in self.of([stream])[-1:]:
            return Head(last.event, last.version, last.position, last.at)
        return NOTHING

    def submit(self, command: Any) -> Any:
        decider = decider_of(command)
        decision = decider.decide(command, self.state_for(command))
        if not isinstance(decision, Rejected):
            own, subject = decider.streams(command)[0], decider.subject(command)
            at = self.head(own).at if decider.keeps_time else None
            for event in decision:
                if isinstance(event, ForStream):
                    self.append(event.stream, event.event, subject, event.at or at)
                else:
                    self.append(own, event, subject, at)
        return decision

    def append(self, stream: Stream, event: Any, subject: str, at: datetime | None = None) -> None:
        position, version = len(self.events) + 1, len(self.of([stream])) + 1
        at = at or START + timedelta(minutes=position)
        self.events.append(Recorded(position, stream, version, event, at, subject))


def log_of(history: Iterable[Any]) -> Log:
    log = Log()
    for command in history:
        log.submit(command)
    return log
