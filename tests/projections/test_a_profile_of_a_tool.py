"""What is shown of a tool beside its votes: the catalogue entry and the panel's reviews."""

import zlib
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from msgspec.structs import replace

from tests.domain.arbitrary import entries
from tests.domain.histories import START, histories, log_of
from tests.domain.names import ATLAS
from votes.domain import review, tool
from votes.domain.review import Opinion, ReviewPublished, ReviewRevised, ReviewWithdrawn
from votes.domain.tool import Entry, ToolDelisted, ToolListed, ToolRenamed, ToolRevised
from votes.domain.vote_events import VoteCast
from votes.engine.decider import fold
from votes.engine.log import Recorded
from votes.projections.profiles import PROFILES, Profile, evolve

ENTRY, OTHER = Entry("Atlas", "Maps"), Entry("Atlas", "Charts")
GOOD, BAD = Opinion(80, "ship"), Opinion(20, "skip")


def by(persona, event):
    """The event in the stream of the persona's review."""
    return review.stream(ATLAS, persona), event


def profile_after(*events, start=None):
    """The profile after the events, at positions and minutes 1, 2, …"""
    profile = start
    for position, said in enumerate(events, 1):
        stream, event = said if isinstance(said, tuple) else (tool.stream(ATLAS), said)
        at = START + timedelta(minutes=position)
        profile = evolve(profile, Recorded(position, stream, 1, event, at, "atlas"))
    return profile


def reviewed(profile):
    return [(kept.persona, kept.opinion.choice) for kept in profile.reviews]


LISTED = ToolListed("atlas", ENTRY)
DELISTED = ToolDelisted("atlas")
TWO = (
    LISTED,
    by("skeptic", ReviewPublished(GOOD)),
    by("builder", ReviewPublished(GOOD)),
)


def test_a_listing_begins_it():
    profile = profile_after(LISTED)
    assert (profile.entry, profile.listed, profile.position) == (ENTRY, True, 1)
    assert (profile.listed_at, profile.reviews) == (START + timedelta(minutes=1), ())


@given(entries)
def test_an_entry_comes_back_whole_from_what_is_stored(entry):
    profile = profile_after(ToolListed("atlas", entry))
    stored = msgspec.json.decode(msgspec.json.encode(profile), type=Profile)
    assert stored == profile
    assert stored.entry == entry
    assert (profile.name, profile.category, profile.tagline) == (
        (entry.name, entry.category, entry.tagline)
    )
    prices = [plan.price for plan in entry.plans if plan.price is not None]
    assert profile.price == min(prices, default=None)


def test_profiles_are_equal_that_say_the_same_however_they_are_packed():
    profile = profile_after(LISTED)
    packer = zlib.compressobj(level=0, wbits=-zlib.MAX_WBITS)
    packed = packer.compress(msgspec.json.encode(ENTRY)) + packer.flush()
    assert replace(profile, packed=packed) == profile
    assert replace(profile, packed=packed, position=2) != profile
    described = replace(ENTRY, description="Maps of anything.")
    assert profile_after(ToolListed("atlas", described)) != profile
    assert profile != "atlas"


def test_what_is_no_packed_entry_is_a_wrong_value():
    profile = replace(profile_after(LISTED), packed=b"nothing")
    with pytest.raises(ValueError, match="not a packed entry"):
        assert profile.entry


def test_before_a_listing_there_is_none():
    assert profile_after(by("skeptic", ReviewPublished(GOOD)), DELISTED) is None


def test_a_revision_changes_the_entry_and_not_the_time_of_listing():
    profile = profile_after(LISTED, ToolRevised("atlas", OTHER))
    assert (profile.entry, profile.position) == (OTHER, 2)
    assert profile.listed_at == START + timedelta(minutes=1)


def test_a_delisted_tool_keeps_all_and_is_listed_anew_with_its_reviews():
    delisted = profile_after(*TWO, DELISTED)
    assert (delisted.listed, len(delisted.reviews)) == (False, 2)
    again = profile_after(*TWO, DELISTED, ToolListed("atlas", OTHER))
    assert (again.listed, again.entry, reviewed(again)) == (True, OTHER, reviewed(delisted))
    assert again.listed_at == START + timedelta(minutes=5)


def test_a_renamed_tool_keeps_all_and_its_former_slugs_in_order():
    renamed = profile_after(*TWO, ToolRenamed("map", ENTRY), ToolRenamed("chart", ENTRY))
    assert (renamed.slug, renamed.former, renamed.position) == ("chart", ("atlas", "map"), 5)
    assert reviewed(renamed) == [("skeptic", "ship"), ("builder", "ship")]
    again = profile_after(ToolDelisted("chart"), ToolListed("chart", OTHER), start=renamed)
    assert (again.slug, again.former, again.listed) == ("chart", ("atlas", "map"), True)


def test_a_renaming_says_the_entry_of_then():
    assert profile_after(LISTED, ToolRenamed("map", OTHER)).entry == OTHER


@pytest.mark.parametrize(
    "event",
    [
        *(LISTED, DELISTED, ToolRevised("atlas", OTHER), ToolRenamed("map", OTHER)),
        by("skeptic", ReviewPublished(BAD)),
        by("skeptic", ReviewRevised(BAD)),
        by("skeptic", ReviewWithdrawn()),
    ],
)
def test_it_stands_at_the_last_event_that_changed_it(event):
    assert profile_after(*TWO, event).position == len(TWO) + 1


def test_an_event_of_something_else_leaves_it_as_it_is():
    profile = profile_after(*TWO)
    assert profile_after(VoteCast("ship"), start=profile) is profile


def test_a_revised_review_keeps_its_place():
    profile = profile_after(*TWO, by("skeptic", ReviewRevised(BAD)))
    assert reviewed(profile) == [("skeptic", "skip"), ("builder", "ship")]
    assert profile.reviews[0].revised_at == START + timedelta(minutes=4)


def test_a_review_withdrawn_and_published_again_comes_last():
    withdrawn = (*TWO, by("skeptic", ReviewWithdrawn()))
    assert reviewed(profile_after(*withdrawn)) == [("builder", "ship")]
    again = profile_after(*withdrawn, by("skeptic", ReviewPublished(BAD)))
    assert reviewed(again) == [("builder", "ship"), ("skeptic", "skip")]


@given(histories)
def test_it_equals_what_the_deciders_know(history):
    log = log_of(history)
    profile, last = None, None
    for recorded in log.events:
        if type(recorded.event) in PROFILES.on and recorded.subject == "atlas":
            profile, last = evolve(profile, recorded), recorded
    state = fold(tool.decider, [r.event for r in log.of([tool.stream(ATLAS)])])
    assert (profile is not None) == (state.listed is not None)
    if profile is None:
        return
    assert (profile.listed, profile.slug) == (state.listed, state.slug)
    assert last is not None
    assert profile.position == last.position
    assert state.entry in (None, profile.entry)
    for persona in ("builder", "skeptic"):
        kept = {shown.persona: shown.opinion for shown in profile.reviews}.get(persona)
        events = [r.event for r in log.of([review.stream(ATLAS, persona)])]
        assert kept == fold(review.decider, events).opinion
