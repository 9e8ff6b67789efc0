"""A rank is between two others, whatever these are, and stays short at the ends."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from votes.domain.bookmarks.ranks import DIGITS, NoRoom, between, default_rank, moved
from votes.domain.terms import RANK_LENGTH_MAX, Rank

ranks = st.from_regex(r"[0-9A-Za-z]{0,20}[1-9A-Za-z]", fullmatch=True)
bounds = st.none() | ranks
times = st.datetimes(datetime(2000, 1, 1), datetime(3000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def check(rank: str) -> str:
    return msgspec.convert(rank, Rank)


@given(bounds, bounds)
def test_there_is_one_between_any_two(low, high):
    assume(low is None or high is None or low < high)
    rank = check(between(low, high))
    assert (low or "") < rank
    assert high is None or rank < high


@given(times, st.text(max_size=5))
def test_what_is_moved_to_an_end_again_and_again_keeps_a_short_rank(at, name):
    first = last = default_rank(at, name)
    for _ in range(300):
        first, last = between(None, first), between(last, None)
    assert len(first) <= 14
    assert len(last) <= 14


def test_between_two_there_is_room_for_hundreds_and_then_none_is_made_up():
    low, high = "1", "2"
    for _ in range(500):
        high = check(between(low, high))
    low, high = "1", "1" + "0" * (RANK_LENGTH_MAX - 2) + "1"
    with pytest.raises(NoRoom):
        between(low, high)


@given(times, times, st.text(max_size=5), st.text(max_size=5))
def test_without_one_of_its_own_a_thing_is_where_it_was_added(one, other, name, another):
    assume(one < other)
    assert check(default_rank(one, name)) < check(default_rank(other, another))


def test_things_added_at_one_moment_have_an_order_all_the_same():
    at = datetime(2026, 1, 1, tzinfo=UTC)
    made = {default_rank(at, f"tool-{n}") for n in range(1_000)}
    assert len(made) == 1_000
    assert max(made) < default_rank(at + timedelta(microseconds=1), "tool")


def test_digits_are_in_the_order_of_characters():
    assert "".join(sorted(DIGITS)) == DIGITS
    assert len(between("1" * RANK_LENGTH_MAX, "2")) == 1 + 1


@given(st.lists(ranks, min_size=1, unique=True).map(sorted), st.data(), st.booleans())
def test_a_move_goes_past_the_one_beside_and_no_other(before, data, up):
    place = data.draw(st.integers(0, len(before) - 1))
    to = min(max(place + (-1 if up else 1), 0), len(before) - 1)
    new = moved(before, place, up=up)
    others = [rank for rank in before if rank != before[place]]
    assert sorted([*others, new]).index(new) == to


def test_of_things_of_one_rank_it_goes_past_all():
    assert moved(["5", "5", "5"], 2, up=True) < "5" < moved(["5", "5", "5"], 0, up=False)
