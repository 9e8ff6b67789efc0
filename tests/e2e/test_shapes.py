"""The checks of shapes themselves."""

import pytest

from tests.e2e.shapes import ME, TALLY, VOTE, check_shape

VOTED = {"tool": "a", "choice": "ship", "previous": None, "changed": True, "position": 1}


@pytest.mark.parametrize(
    "planted",
    [
        {"position": "1"},
        {"position": True},
        {"position": 1.0},
        {"changed": 1},
        {"choice": "SHIP"},
        {"tool": None},
        {"more": 1},
    ],
)
def test_a_planted_change_of_a_shape_is_caught(planted):
    check_shape(VOTED, VOTE)
    with pytest.raises(AssertionError):
        check_shape({**VOTED, **planted}, VOTE)


@pytest.mark.parametrize("key", VOTED)
def test_a_missing_key_is_caught(key):
    with pytest.raises(AssertionError):
        check_shape({name: value for name, value in VOTED.items() if name != key}, VOTE)


def test_what_is_no_object_or_list_is_caught():
    for value, shape in (([], TALLY), ({}, [str]), ([1], [str]), ({"roles": "a"}, ME)):
        with pytest.raises(AssertionError):
            check_shape(value, shape)
