"""Any event at all, of every type: what the codec has to carry and every fold to bear."""

from datetime import UTC

from hypothesis import strategies as st

from votes.domain.bookmark import Annotations, BookmarkRemoved, BookmarkRevised, ToolBookmarked
from votes.domain.events import EVENT_TYPES, Unknown
from votes.domain.review import Opinion, ReviewPublished, ReviewRevised, ReviewWithdrawn
from votes.domain.tool import Entry, Plan, ToolDelisted, ToolListed, ToolRevised
from votes.domain.vote import VoteCast, VoteRetracted

text = st.text(max_size=12)
slugs = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,6}[a-z0-9])?", fullmatch=True)
choices = st.sampled_from(("ship", "skip"))
times = st.datetimes(timezones=st.just(UTC))
prices = st.none() | st.floats(min_value=0, allow_infinity=False)
plans = st.builds(Plan, text, prices, text)
entries = st.builds(
    Entry, text, text, text, text, st.none() | text, text, text, st.lists(plans, max_size=3).map(tuple)
)
annotations = st.builds(
    Annotations, text, st.lists(text, max_size=3).map(tuple), st.none() | text
)
opinions = st.builds(Opinion, st.integers(0, 100), choices, text)

BY_TYPE = {
    ToolListed: st.builds(ToolListed, slugs, entries),
    ToolRevised: st.builds(ToolRevised, slugs, entries),
    ToolDelisted: st.builds(ToolDelisted, slugs),
    VoteCast: st.builds(VoteCast, slugs, text, choices, st.none() | choices),
    VoteRetracted: st.builds(VoteRetracted, slugs, text, choices),
    ToolBookmarked: st.builds(ToolBookmarked, text, slugs, annotations, times),
    BookmarkRevised: st.builds(BookmarkRevised, text, slugs, annotations, times),
    BookmarkRemoved: st.builds(BookmarkRemoved, text, slugs),
    ReviewPublished: st.builds(ReviewPublished, slugs, slugs, opinions),
    ReviewRevised: st.builds(ReviewRevised, slugs, slugs, opinions),
    ReviewWithdrawn: st.builds(ReviewWithdrawn, slugs, slugs),
}
assert set(BY_TYPE) == set(EVENT_TYPES)

known_events = st.one_of(*BY_TYPE.values())
unknown_events = st.builds(Unknown, st.just("VoteWeighed"), st.integers(1, 9), st.just({"by": 2}))
events = known_events | unknown_events
