"""Any event at all, of every type: what the codec has to carry and every fold to bear."""

from datetime import UTC
from typing import get_args

from hypothesis import strategies as st

from votes.domain.bookmarks.bookmark import BookmarkRemoved, BookmarkRevised, ToolBookmarked
from votes.domain.bookmarks.collection import CollectionRemoved, CollectionSaved, CollectionShared
from votes.domain.bookmarks.unmatched import UnmatchedKept, UnmatchedRemoved
from votes.domain.events import EVENT_TYPES
from votes.domain.link import LinkUndone, VisitorLinked, VisitorUnlinked
from votes.domain.moderation.finding import BurstFound, ClusterFound, Evidence, Networks, OnTool
from votes.domain.moderation.ruling import RulingLifted, RulingMade, Selector
from votes.domain.person import SubjectErased
from votes.domain.review import Opinion, ReviewPublished, ReviewRevised, ReviewWithdrawn
from votes.domain.tool import (
    Entry,
    Plan,
    SlugTaken,
    ToolDelisted,
    ToolListed,
    ToolRenamed,
    ToolRevised,
)
from votes.domain.vote_events import (
    Before,
    Held,
    Origin,
    VoteCast,
    VoteDiscounted,
    VoteHeld,
    VoteMoved,
    VoteReleased,
    VoteRestored,
    VoteRetracted,
    VoteReverted,
    VoteWithdrawn,
)
from votes.engine.log import Unreadable

# Within the limits of `votes.domain.terms`: what is beyond them was never let in.
visible = st.characters(
    codec="utf-8",
    exclude_categories=["Cc"],
    exclude_characters="\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff",
)
text = st.text(visible, max_size=12)
label = st.text(visible, min_size=1, max_size=12)
slugs = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,6}[a-z0-9])?", fullmatch=True)
addresses = slugs.map("https://{}".format)
choices = st.sampled_from(("ship", "skip"))
times = st.datetimes(timezones=st.just(UTC))
prices = st.none() | st.floats(min_value=0, allow_infinity=False)
plans = st.builds(Plan, label, prices, text)
some_plans = st.lists(plans, max_size=3).map(tuple)
entries = st.builds(Entry, label, label, text, text, st.none() | addresses, text, text, some_plans)
sealed = st.binary(max_size=40)
rulings = st.text("abcdefg", min_size=7, max_size=7)
publics = st.from_regex(r"[A-Za-z0-9_-]{22}", fullmatch=True)
some_held = st.sampled_from(get_args(Held))
held = st.none() | some_held
against = held | st.just("ruling")
claims = st.none() | st.dictionaries(label, label, min_size=1, max_size=3)
some_names = st.lists(rulings, max_size=3).map(tuple)
selectors = st.builds(
    Selector,
    st.none() | times,
    st.none() | times,
    st.booleans(),
    st.none() | rulings,
    some_names,
)
counts = st.integers(0, 9)
shares = st.floats(0, 1)
on_tools = st.lists(st.builds(OnTool, slugs, times, times, counts, counts, counts, counts))
networks = st.builds(Networks, counts, counts)
evidence = st.builds(
    Evidence,
    counts,
    counts,
    times,
    times,
    shares,
    shares,
    on_tools.map(tuple),
    st.lists(counts).map(tuple),
)
opinions = st.builds(Opinion, st.integers(0, 100), choices, text)

before = st.builds(
    Before, st.none() | choices, against, st.none() | rulings, st.none() | rulings, held
)
origins = st.none() | st.builds(Origin, rulings, counts, st.none() | before, st.none() | times)

BY_TYPE = {
    ToolListed: st.builds(ToolListed, slugs, entries),
    ToolRevised: st.builds(ToolRevised, slugs, entries),
    ToolRenamed: st.builds(ToolRenamed, slugs, entries),
    ToolDelisted: st.builds(ToolDelisted, slugs),
    SlugTaken: st.builds(SlugTaken, slugs),
    VoteCast: st.builds(
        VoteCast,
        choices,
        st.none() | choices,
        against,
        against,
        st.none() | rulings,
        held,
        claims,
        claims,
    ),
    VoteRetracted: st.builds(VoteRetracted, choices, against, st.none() | rulings, held, claims),
    VoteDiscounted: st.builds(VoteDiscounted, rulings, st.none() | choices, held, origins, claims),
    VoteRestored: st.builds(
        VoteRestored, rulings, st.none() | choices, held, against, origins, claims
    ),
    VoteReleased: st.builds(VoteReleased, rulings, choices, some_held, origins, claims),
    VoteHeld: st.builds(VoteHeld, rulings, choices, some_held, origins, claims),
    VoteMoved: st.builds(
        VoteMoved,
        st.none() | choices,
        against,
        st.none() | choices,
        against,
        against,
        st.none() | rulings,
        st.none() | rulings,
        held,
        origins,
        claims,
    ),
    VoteWithdrawn: st.builds(
        VoteWithdrawn, counts, before, st.none() | rulings, st.none() | rulings
    ),
    VoteReverted: st.builds(
        VoteReverted,
        st.none() | choices,
        against,
        st.none() | choices,
        against,
        st.none() | rulings,
        st.none() | rulings,
        held,
        origins,
        st.booleans(),
        st.none() | rulings,
        claims,
        claims,
    ),
    VisitorLinked: st.builds(VisitorLinked, rulings),
    VisitorUnlinked: st.builds(VisitorUnlinked, st.none() | rulings),
    LinkUndone: st.builds(LinkUndone),
    ToolBookmarked: st.builds(ToolBookmarked, sealed, times),
    BookmarkRevised: st.builds(BookmarkRevised, sealed, times, times),
    BookmarkRemoved: st.builds(BookmarkRemoved),
    CollectionSaved: st.builds(CollectionSaved, sealed, st.none() | publics, times, times),
    CollectionRemoved: st.builds(CollectionRemoved, sealed),
    CollectionShared: st.builds(CollectionShared, rulings, rulings),
    UnmatchedKept: st.builds(UnmatchedKept, sealed),
    UnmatchedRemoved: st.builds(UnmatchedRemoved),
    ReviewPublished: st.builds(ReviewPublished, opinions),
    ReviewRevised: st.builds(ReviewRevised, opinions),
    ReviewWithdrawn: st.builds(ReviewWithdrawn),
    RulingMade: st.builds(RulingMade, selectors, st.sampled_from(("discount", "release")), label),
    RulingLifted: st.builds(RulingLifted),
    ClusterFound: st.builds(ClusterFound, evidence, st.text("0123 x"), some_names, networks),
    BurstFound: st.builds(BurstFound, times, times, counts, counts, counts, shares, networks),
    SubjectErased: st.builds(SubjectErased),
}
assert set(BY_TYPE) == set(EVENT_TYPES)

known_events = st.one_of(*BY_TYPE.values())
unknown_events = st.builds(
    Unreadable, st.just("VoteWeighed"), st.integers(1, 9), st.just({"by": 2})
)
events = known_events | unknown_events
