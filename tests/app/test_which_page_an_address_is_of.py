"""Addresses of one page, written in several ways, are the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votes.app.bookmarks import matching


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example", "http://www.a.example/", True),
        ("https://a.example/x/?utm_source=1&b=2&a=1", "https://a.example:443/x?a=1&b=2#top", True),
        ("https://A.Example/x", "https://a.example/x", True),
        ("https://a.example/%7Ex", "https://a.example/~x", True),
        ("https://bücher.example/", "https://xn--bcher-kva.example", True),
        ("https://a.example/?gclid=1&fbclid=2&ref=x", "https://a.example/", True),
        ("https://a.example/X", "https://a.example/x", False),
        ("https://a.example/?a=1", "https://a.example/?a=2", False),
        ("https://a.example:8443/", "https://a.example/", False),
        ("https://b.a.example/", "https://a.example/", False),
    ],
)
def test_addresses_of_one_page_are_the_same(one, other, same):
    assert (matching.address(one) == matching.address(other)) is same


@given(st.text(max_size=60).map(lambda text: f"https://{text}"))
def test_any_text_is_an_address_or_none(text):
    matching.address(text)
