"""Events are encoded, decoded, and brought up to today's schema."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from tests.domain import arbitrary
from tests.engine.commands.sending import append_to
from votes.domain.events import EVENT_TYPES
from votes.domain.vote_events import VoteCast
from votes.engine.log import REASON_LENGTH_MAX, TIME_MIN, Unreadable
from votes.store.codec import Codec

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("kind", EVENT_TYPES)
@given(data=st.data())
def test_every_event_comes_back_as_it_was(kind, data):
    event, codec = data.draw(arbitrary.BY_TYPE[kind]), Codec()
    name, schema, text = codec.encode(event)
    assert name == kind.__name__
    assert codec.decode(name, schema, text) == event


@settings(max_examples=20)
@given(st.lists(arbitrary.known_events, min_size=1, max_size=20))
async def test_postgres_gives_back_what_it_was_given(store, events):
    """What Postgres has no letter for, NUL, is in no name of a voter either."""
    kept = [event for event in events if "\\u0000" not in Codec().encode(event)[2]]
    start = await store.head()
    await store.append([append_to("s", start, *kept, at=AT)])
    read = [recorded.event async for each in store.after(start, 100) for recorded in each]
    assert read == kept


@settings(max_examples=20)
@given(st.lists(st.integers(0, int(AT.timestamp()) * 10**6), min_size=1, max_size=20))
async def test_postgres_gives_back_times_to_the_microsecond(store, since_1970):
    """By the query that reads many events, to which they come as seconds, and by the others."""
    times = [TIME_MIN + timedelta(microseconds=each) for each in since_1970]
    start = await store.head()
    appends = [append_to("s", start + n, VoteCast("ship"), at=at) for n, at in enumerate(times)]
    await store.append(appends)
    read = [recorded for each in [e async for e in store.after(start, 100)] for recorded in each]
    assert [recorded.at for recorded in read] == times
    assert read == await store.at(range(start + 1, start + len(times) + 1))


def test_the_names_of_events_are_storage():
    """A name in this list is in somebody's log: it never changes."""
    assert [kind.__name__ for kind in EVENT_TYPES] == [
        *("ToolListed", "ToolRevised", "ToolRenamed", "ToolDelisted", "SlugTaken"),
        *("VoteCast", "VoteRetracted"),
        *("VoteDiscounted", "VoteRestored", "VoteReleased", "VoteHeld"),
        *("VoteMoved", "VoteWithdrawn", "VoteReverted"),
        *("ToolBookmarked", "BookmarkRevised", "BookmarkRemoved"),
        *("CollectionSaved", "CollectionRemoved", "CollectionShared"),
        *("UnmatchedKept", "UnmatchedRemoved"),
        *("ReviewPublished", "ReviewRevised", "ReviewWithdrawn"),
        *("RulingMade", "RulingLifted", "SubjectErased"),
        *("ClusterFound", "BurstFound"),
        *("VisitorLinked", "VisitorUnlinked", "LinkUndone"),
    ]


@pytest.mark.parametrize(
    ("text", "event"),
    [
        (
            '{"choice":"ship"}',
            VoteCast("ship"),
        ),
        (
            '{"previous": "ship", "choice": "skip"}',
            VoteCast("skip", "ship"),
        ),
    ],
)
def test_a_row_of_the_first_release_is_read(text, event):
    assert Codec().decode("VoteCast", 1, text) == event


FIELDS = ("tool", "voter", "choice", "previous", "entry", "name", "category", "kilos", "by")


class Weighed(Struct, frozen=True):
    """An event whose fields changed twice: `by` was `kilos`, which was a text."""

    tool: str
    by: int


UPCASTS = {
    ("Weighed", 1): lambda fields: fields | {"kilos": int(fields["kilos"])},
    ("Weighed", 2): lambda fields: {"tool": fields["tool"], "by": fields["kilos"]},
}
WEIGHED = Codec((Weighed,), {"Weighed": 3}, UPCASTS)
ALL = Codec((*EVENT_TYPES, Weighed), {"Weighed": 3}, UPCASTS)


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (1, '{"tool":"atlas","kilos":"7"}'),
        (2, '{"tool":"atlas","kilos":7}'),
        (3, '{"tool":"atlas","by":7}'),
    ],
)
def test_an_older_schema_is_brought_up_step_by_step(schema, text):
    assert WEIGHED.decode("Weighed", schema, text) == Weighed("atlas", 7)
    assert WEIGHED.encode(Weighed("atlas", 7)) == ("Weighed", 3, '{"tool":"atlas","by":7}')


json_texts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | arbitrary.slugs,
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner),
).map(json.dumps)


@pytest.mark.parametrize(("name", "schema"), [("Weighed", 4), ("Measured", 1), ("", 0)])
def test_what_a_newer_release_wrote_cannot_be_read(name, schema):
    newer = WEIGHED.decode(name, schema, '{"grams":7000}')
    assert newer == Unreadable(name, schema, "this release has no such type or schema")
    assert newer.kind == f"{name}/{schema}"


@given(
    st.sampled_from(["Weighed", "VoteCast", "ToolListed"]) | st.text(),
    st.integers(-(2**15), 2**15 - 1),
    json_texts | st.text(),
)
def test_whatever_stands_in_a_row_is_decoded_or_says_why_not(name, schema, data):
    event = ALL.decode(name, schema, data)
    if isinstance(event, Unreadable):
        assert (event.type, event.schema) == (name, schema)
        assert 0 < len(event.reason) <= REASON_LENGTH_MAX
    else:
        assert type(event).__name__ == name


def test_data_nested_too_deeply_says_why_it_cannot_be_read():
    deep = "[" * 100_000 + "]" * 100_000
    assert "RecursionError" in WEIGHED.decode("Weighed", 1, deep).reason
