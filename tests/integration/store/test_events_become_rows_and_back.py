"""Events are encoded, decoded, and brought up to today's schema."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from tests.domain import arbitrary
from votes.app.ports import Append, Meta
from votes.domain.events import EVENT_TYPES, Unknown
from votes.domain.vote import VoteCast
from votes.store.codec import Codec

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("kind", EVENT_TYPES)
@given(data=st.data())
def test_every_event_comes_back_as_it_was(kind, data):
    event, codec = data.draw(arbitrary.BY_TYPE[kind]), Codec()
    name, schema, text = codec.encode(event)
    assert name == kind.__name__
    assert codec.decode(name, schema, text) == event
    assert codec.readable(f"{name}/{schema}")


@settings(max_examples=20)
@given(st.lists(arbitrary.known_events, min_size=1, max_size=20))
async def test_postgres_gives_back_what_it_was_given(store, events):
    """What Postgres has no letter for, NUL, is in no name of a voter either."""
    kept = [event for event in events if "\\u0000" not in Codec().encode(event)[2]]
    start = await store.head()
    await store.append([Append("s", start, kept, Meta("test"), AT)])
    read = [recorded.event async for each in store.after(start, 100) for recorded in each]
    assert read == kept


def test_the_names_of_events_are_storage():
    """A name in this list is in somebody's log: it never changes."""
    assert [kind.__name__ for kind in EVENT_TYPES] == [
        *("ToolListed", "ToolRevised", "ToolDelisted", "VoteCast", "VoteRetracted"),
        *("ToolBookmarked", "BookmarkRevised", "BookmarkRemoved"),
        *("ReviewPublished", "ReviewRevised", "ReviewWithdrawn"),
    ]


@pytest.mark.parametrize(
    ("text", "event"),
    [
        (
            '{"tool":"atlas","voter":"user:ann","choice":"ship","previous":null}',
            VoteCast("atlas", "user:ann", "ship"),
        ),
        (
            '{"voter": "user:ann", "tool": "atlas", "choice": "skip", "previous": "ship"}',
            VoteCast("atlas", "user:ann", "skip", "ship"),
        ),
    ],
)
def test_a_row_of_the_first_release_is_read(text, event):
    assert Codec().decode("VoteCast", 1, text) == event


class Weighed(Struct, frozen=True):
    """An event whose fields changed twice: `by` was `kilos`, which was a text."""

    tool: str
    by: int


WEIGHED = Codec(
    (Weighed,),
    {"Weighed": 3},
    {
        ("Weighed", 1): lambda fields: fields | {"kilos": int(fields["kilos"])},
        ("Weighed", 2): lambda fields: {"tool": fields["tool"], "by": fields["kilos"]},
    },
)


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


def test_what_a_newer_release_wrote_is_unknown_and_whole():
    newer = WEIGHED.decode("Weighed", 4, '{"grams":7000}')
    assert newer == Unknown("Weighed", 4, {"grams": 7000})
    assert (newer.kind, WEIGHED.readable(newer.kind)) == ("Weighed/4", False)
    other = WEIGHED.decode("Measured", 1, "[1]")
    assert other == Unknown("Measured", 1, [1])
    assert (other.kind, WEIGHED.readable(other.kind)) == ("Measured/1", False)


@pytest.mark.parametrize(("kind", "readable"), [("Weighed/1", True), ("Weighed/3", True)])
def test_what_is_not_newer_is_readable(kind, readable):
    assert WEIGHED.readable(kind) == readable
