"""The votes on a tool by the claims of their voters: a split of the tally, whatever is done."""

from collections import defaultdict
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.histories import START, carried_out, histories, log_of
from tests.domain.names import ANN, ATLAS, BOB, BOLT
from votes.domain import link, vote
from votes.domain.link import LinkVisitor, UndoLink, VisitorLinked
from votes.domain.moderation.ruling import LiftRuling, MakeRuling, Selector
from votes.domain.moved_vote import MoveVote
from votes.domain.person import EraseSubject
from votes.domain.returned_vote import ReturnVote
from votes.domain.terms import RulingId, user, visitor
from votes.domain.tool import Entry, ListTool, ToolListed
from votes.domain.vote import CastVote, RetractVote
from votes.domain.vote_events import VOTE_EVENTS, VoteCast, VoteWithdrawn
from votes.engine.decider import fold
from votes.engine.log import Recorded, Stream
from votes.engine.read_models import ReadModels
from votes.projections import PROJECTIONS, cohorts
from votes.projections.cohorts import COHORTS, keys_of
from votes.projections.tallies import TALLIES, Counts
from votes.views.messages import Values

TOOLS, CLAIMS = (ATLAS, BOLT), ("plan", "organisation")
LISTINGS = [ListTool(tool, tool, Entry(tool, "Tests")) for tool in TOOLS]
UNDO = "the last link of the browser"
PERSONS = (ANN, BOB)
SAID = ({"plan": "pro"}, {"plan": "free", "organisation": "acme"}, {"plan": "pro"}, None)


def meeting(chance):
    """What few do who meet all the time: on one tool, with rulings that come and go."""
    done, rulings = [], ["none"]
    for turn in range(60):
        browsers = f"browser {turn // 6}", f"browser {turn // 12}"  # one that is linked stays so
        person, browser, ruling = map(chance.choice, (PERSONS, browsers, rulings[-3:]))
        choice, claims = map(chance.choice, (("ship", "skip"), SAID))
        held, verdict = map(chance.choice, ((None, None, "unproven"), ("discount", "release")))
        everywhere = [carried_out(user(each), ATLAS, ruling) for each in PERSONS]
        made = MakeRuling(RulingId(f"ruling {turn}"), ATLAS, Selector(), verdict, "A burst.")
        act = chance.choice(
            [
                [CastVote(ATLAS, user(person), choice, held, None, claims)],
                [CastVote(ATLAS, user(person), choice, held, None, claims)],
                [RetractVote(ATLAS, user(person))],
                [CastVote(ATLAS, visitor(browser), choice, held)],
                [RetractVote(ATLAS, visitor(browser))],
                [CastVote(ATLAS, user(person), choice, held, browser)],
                [made],
                [carried_out(user(person), ATLAS, ruling)],
                everywhere,
                [LiftRuling(ruling, ATLAS), *everywhere],
                [
                    CastVote(ATLAS, visitor(browser), choice, held),
                    LinkVisitor(browser, person),
                    MoveVote(browser, person, ATLAS),
                ],
                [(UNDO, browser)],
                [(UNDO, browser)],
                [EraseSubject(person)],
            ]
        )
        if act == [made]:
            rulings.append(made.ruling)
        done += act
    return done


meetings = st.integers(0, 2**32).map(lambda seed: meeting(Random(seed)))
whatever = histories | meetings


@pytest.fixture(params=[1, 2, 64])
def parts(request, monkeypatch):
    """So many parts of each claim: with few of them values share one."""
    monkeypatch.setattr(cohorts, "PARTS", request.param)


def logged(history):
    """The log of the listings and of the history."""
    log = log_of(LISTINGS)
    for command in history:
        if isinstance(command, tuple):
            undo_last(log, command[1])
        else:
            log.submit(command)
    return log


def undo_last(log, browser):
    made = log.head(link.stream(browser))
    if isinstance(made.event, VisitorLinked):
        which = browser, made.event.person
        log.submit(UndoLink(*which, made.position))
        log.submit(ReturnVote(*which, ATLAS, made.position))


def folded(*lists):
    """The read models after the events of each list; between two lists they are stored."""
    models, values = ReadModels(PROJECTIONS, "here"), Values(PROJECTIONS)
    for events in lists:
        for partition in models.partitions:
            for name, stored in partition.values.items():
                encoded = {key.encode(): msgspec.json.encode(one) for key, one in stored.items()}
                partition.values[name] = values.decode(name, encoded)
        models.fold(events)
    return models


def split(models, tool, claim):
    found: dict[str | None, Counts] = {}
    for key in keys_of(tool, claim):
        found |= models.get(COHORTS, key) or {}
    return found


def recounted(log):
    """What stands at the end of each voter's own history, by tool, claim and value."""
    counts: dict[tuple[str, str, str | None], Counts] = defaultdict(Counts)
    streams = {recorded.stream: recorded.subject for recorded in log.events}
    for stream, tool in streams.items():
        if stream.startswith("vote:"):
            standing = fold(vote.decider, [recorded.event for recorded in log.of([stream])])
            if standing.choice is not None:
                one = Counts(**{standing.against or standing.choice: 1})
                for claim in CLAIMS:
                    counts[tool, claim, (standing.claims or {}).get(claim)] += one
    return counts


@given(history=whatever)
def test_it_equals_a_recount_and_with_those_without_a_claim_it_is_the_tally(parts, history):
    log = logged(history)
    models, counts = folded(log.events), recounted(log)
    for tool in TOOLS:
        for claim in CLAIMS:
            found = split(models, tool, claim)
            for value in {one for on, by, one in counts if (on, by) == (tool, claim)} - {None}:
                assert found.pop(value) == counts[tool, claim, value]
            assert found == {}
            every = [count for (on, by, _), count in counts.items() if (on, by) == (tool, claim)]
            assert models.get(TALLIES, tool).counts == sum(every, Counts())
    assert models.parked() == {}


@given(history=whatever, place=st.integers(0, 99))
def test_however_often_it_is_stored_it_is_byte_for_byte_what_a_rebuild_makes(parts, history, place):
    events = logged(history).events
    live, anew = folded(events[:place], events[place:]), folded(events)
    for one, other in zip(live.partitions, anew.partitions, strict=True):
        encoded = [
            {key: msgspec.json.encode(value) for key, value in models.of(COHORTS).items()}
            for models in (one, other)
        ]
        assert encoded[0] == encoded[1]


@given(history=whatever)
def test_without_claims_no_event_and_no_value_says_anything_of_them(history):
    without = [
        msgspec.structs.replace(command, claims=None) if isinstance(command, CastVote) else command
        for command in history
    ]
    log = logged(without)
    assert not any(b"claims" in msgspec.json.encode(recorded.event) for recorded in log.events)
    assert list(folded(log.events).items(COHORTS)) == []


def test_whoever_meets_does_all_that_can_be_done_to_a_vote():
    """Otherwise the tests above show nothing of it."""
    said = set()
    for seed in range(40):
        for recorded in logged(meeting(Random(seed))).events:
            if b"claims" in msgspec.json.encode(recorded.event):
                said.add(type(recorded.event))
    assert said == set(VOTE_EVENTS) - {VoteWithdrawn}


def listed(position):
    listing = ToolListed("atlas", Entry("Atlas", "x"))
    return Recorded(position, Stream("tool:atlas"), 1, listing, START, "atlas")


def test_a_vote_before_the_listing_of_its_tool_counts_nowhere():
    stream, said = vote.stream(user(ANN), ATLAS), {"plan": "pro"}
    early = Recorded(1, stream, 1, VoteCast("ship", claims=said), START, "atlas")
    assert split(folded([early, listed(2)]), "atlas", "plan") == {}


def test_what_a_stolen_login_adds_takes_no_vote_out_of_the_tally():
    """An event that names claims which no vote had is counted as it says."""
    stream = vote.stream(user(ANN), ATLAS)
    first = Recorded(2, stream, 1, VoteCast("ship"), START, "atlas")
    planted = VoteCast("skip", "ship", previous_claims={"plan": "pro"})
    models = folded([listed(1), first, Recorded(3, stream, 2, planted, START, "atlas")])
    assert models.get(TALLIES, "atlas").counts == Counts(skip=1)
    assert split(models, "atlas", "plan") == {"pro": Counts(ship=-1)}
    assert models.parked() == {}
