"""What is written is read as the same, whatever anybody has called anything."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votes.formats import files
from votes.formats.labels import read_folder, read_tags, write_folder, write_tags
from votes.formats.saved import EPOCH, Saved, tidy
from votes.formats.times import moment

FORMATS: tuple[files.Format, ...] = ("html", "json", "csv")
TRICKY = st.sampled_from(
    [
        *('"', "'", "<", ">", "&", "&amp;", "&#91;", ",", ";", "|", " / ", "/", "[", "]", "\\"),
        *("\n", "\r\n", "\t", "</A>", "<DD>", "<!--", "[linkding-notes]", "[/linkding-notes]"),
        *("=", "\ufeff", "\0", "\u202e", "é", "書", "🚀", "\u2028", "\x85", "a", "B"),
    ]
)
TEXT = st.one_of(st.text(max_size=30), st.lists(TRICKY, max_size=8).map("".join))
PAGES = st.builds(
    Saved,
    url=st.one_of(
        st.sampled_from(["https://example.com/", "http://a.example/?q=1&amp;r=%20#f", "place:x"]),
        TEXT.map(lambda text: f"https://example.com/{text}"),
    ),
    title=TEXT,
    folder=st.lists(TEXT, max_size=4).map(tuple),
    tags=st.lists(TEXT, max_size=4).map(tuple),
    note=TEXT,
    added_at=st.one_of(
        st.none(),
        st.integers(10**15, 4 * 10**15).map(lambda us: EPOCH + timedelta(microseconds=us)),
        st.integers(10**8, 4 * 10**9).map(lambda s: EPOCH + timedelta(seconds=s)),
    ),
    tool=st.one_of(st.none(), st.just("a-tool")),
)


def written(pages: list[Saved], form: files.Format) -> bytes:
    return "".join(files.write(pages, form)).encode()


@given(st.lists(PAGES.map(tidy), min_size=1, max_size=6, unique=True), st.sampled_from(FORMATS))
def test_a_written_file_is_read_as_what_it_was_made_of(pages, form):
    found = files.read(written(pages, form))
    assert found.unread == []
    assert {_whole_seconds(page, form) for page in pages} == set(found.saved)


def _whole_seconds(page: Saved, form: str) -> Saved:
    """HTML has no parts of seconds."""
    at = page.added_at
    if form != "html" or at is None:
        return page
    return Saved(
        *(page.url, page.title, page.folder, page.tags, page.note),
        *(at.replace(microsecond=0), page.tool),
    )


@given(st.lists(PAGES, min_size=1, max_size=6), st.sampled_from(FORMATS), st.sampled_from(FORMATS))
def test_what_is_read_and_written_again_is_the_same_file(pages, one, other):
    first = written(files.read(written(pages, one)).saved, other)
    assert written(files.read(first).saved, other) == first


@given(st.lists(PAGES.map(tidy), min_size=1, max_size=6, unique=True), st.randoms())
def test_a_file_does_not_depend_on_the_order_of_its_pages(pages, random):
    mixed = random.sample(pages, len(pages))
    for form in FORMATS:
        assert written(mixed, form) == written(pages, form)


LABELS = st.lists(TEXT.map(lambda text: " ".join(text.split())).filter(bool), max_size=5)


@given(LABELS)
def test_tags_and_folders_in_one_text_are_themselves(labels):
    assert [each for each in read_tags(write_tags(labels)) if each] == labels
    assert [each for each in read_folder(write_folder(labels)) if each] == labels


TIMES = {
    "1700000000": 1_700_000_000,
    "1700000000.25": 1_700_000_000.25,
    "1700000000250": 1_700_000_000.25,
    "1700000000250000": 1_700_000_000.25,
    "1700000000250000000": 1_700_000_000.25,
    "2023-11-14T22:13:20Z": 1_700_000_000,
    "2023-11-14T23:13:20+0100": 1_700_000_000,
    "2023-11-14 22:13:20": 1_700_000_000,
    "2023-11-14 22:13:20 UTC": 1_700_000_000,
    "Tue, 14 Nov 2023 22:13:20 GMT": 1_700_000_000,
    "2023-11-14": 1_699_920_000,
}


@pytest.mark.parametrize("text", TIMES)
def test_a_time_may_be_written_in_many_ways(text):
    assert moment(text) == datetime.fromtimestamp(TIMES[text], UTC)


@given(st.one_of(st.text(max_size=40), st.integers(), st.floats(), st.booleans(), st.none()))
def test_anything_else_is_no_time(written):
    at = moment(written)
    assert at is None or at.tzinfo is UTC


@pytest.mark.parametrize("written", ["0", 0, "", "never", "1e400", "9" * 30, -5, True, [], "1970"])
def test_what_is_no_time_is_none(written):
    assert moment(written) is None or written == "1970"
