"""Nothing is shown that few voters made, neither of a value nor by what is left of the tally."""

from hypothesis import given
from hypothesis import strategies as st

from votes.app.catalogue.cohorts import SHOWN_MAX, shown_of
from votes.projections.tallies import Counts

numbers = st.integers(0, 8)
counts = st.builds(Counts, numbers, numbers)
by_values = st.dictionaries(
    st.text("abc", max_size=5), counts.filter(lambda one: one.total), max_size=130
)
minima = st.integers(0, 9)


@given(by_values, counts, minima)
def test_all_parts_together_are_the_tally_and_no_part_is_of_few(by_value, without, minimum):
    tally = sum(by_value.values(), without)
    shown, others = shown_of(tally, by_value, minimum)
    assert sum((part for _, part in shown), others) == tally
    assert all(by_value[value] == part for value, part in shown)
    if shown:
        assert others.total == 0 or others.total >= minimum
        assert min(part.total for _, part in shown) >= minimum


@given(by_values, counts, minima)
def test_no_more_is_left_out_than_has_to_be_and_the_largest_come_first(by_value, without, minimum):
    tally = sum(by_value.values(), without)
    shown, _ = shown_of(tally, by_value, minimum)
    ranked = sorted(by_value, key=lambda value: (-by_value[value].total, value))
    assert [value for value, _ in shown] == ranked[: len(shown)]
    many = [value for value in ranked if by_value[value].total >= minimum][:SHOWN_MAX]
    left = tally.total - sum(by_value[value].total for value in many)
    few_are_left = 0 < left < minimum
    assert len(shown) == max(len(many) - few_are_left, 0)


def test_one_small_value_takes_the_smallest_large_one_with_it():
    """What is left of the tally would be the one voter's choice."""
    by_value = {"a": Counts(6), "b": Counts(0, 5), "c": Counts(1)}
    assert shown_of(Counts(7, 5), by_value, 5) == ([("a", Counts(6))], Counts(1, 5))
    assert shown_of(Counts(7, 9), by_value, 5)[1] == Counts(1, 4)
