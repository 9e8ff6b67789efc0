"""A list is read page by page, while it changes."""

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from votes.app.catalogue.paging import BadCursor, page, picked_page, sorted_page

keys = st.lists(
    st.tuples(st.integers(0, 3), st.text(max_size=3)).map(list), max_size=20, unique_by=tuple
)


def keyed(found):
    return [(key, tuple(key)) for key in found]


def read_all(found, limit):
    pages: list[Any] = []
    cursor = None
    while not pages or cursor is not None:
        pages.append(page(keyed(found), "new", cursor, limit))
        cursor = pages[-1].next_cursor
    return pages


@given(keys, st.integers(1, 7))
def test_the_pages_together_are_the_list_in_order(found, limit):
    pages = read_all(found, limit)
    assert [item for each in pages for item in each.items] == sorted(map(tuple, found))
    assert all(len(each.items) <= limit and each.total == len(found) for each in pages)
    assert all(each.items for each in pages[1:])


@given(keys, st.integers(1, 7), st.randoms())
def test_a_page_that_is_picked_is_that_of_the_sorted_list(found, limit, chance):
    ordered, cursor = sorted(map(tuple, found)), None
    shuffled = chance.sample(ordered, len(ordered))
    for _ in range(len(found) + 1):
        expected = sorted_page(ordered, lambda item: item, "new", cursor, limit)
        assert picked_page(shuffled, lambda item: item, "new", cursor, limit) == expected
        cursor = expected.next_cursor


@given(keys.filter(lambda found: len(found) > 1), st.data())
def test_what_is_added_or_gone_in_between_moves_nothing_else(found, data):
    first = page(keyed(found), "new", None, 1)
    later = [key for key in found if tuple(key) > first.items[0]]
    kept = data.draw(st.lists(st.sampled_from(later), unique_by=tuple))
    rest = page(keyed([*kept, [-1, "new"]]), "new", first.next_cursor, 100)
    assert rest.items == sorted(map(tuple, kept))


def cursor_of(text):
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "\u00e9",
        "!!!!",
        cursor_of(b"[]"),
        cursor_of(b"{}"),
        cursor_of(b"nonsense"),
        cursor_of(b'["old",1,"a"]'),
        cursor_of(b'["new","a",1]'),
        cursor_of(b'["new",{"a":1}]'),
        cursor_of(b'["new",null]'),
        cursor_of(b"[" * 40_000),
        cursor_of(b"\xff"),
    ],
)
def test_text_that_is_no_cursor_of_the_list_is_refused(cursor):
    with pytest.raises(BadCursor):
        page(keyed([[1, "a"], [2, "b"]]), "new", cursor, 1)


def test_a_cursor_does_not_tell_how_the_list_goes_on():
    shown = page(keyed([[1, "a"], [2, "b"]]), "new", None, 1)
    text = base64.urlsafe_b64decode(f"{shown.next_cursor}==")
    assert msgspec.json.decode(text) == ["new", 1, "a"]
