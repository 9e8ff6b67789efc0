"""A user keeps tools, each with a note, tags and a collection."""

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from tests.domain.names import ANN, BOB, BOLT, NOTION
from tests.domain.specification import given
from votes.domain.bookmarks import bookmark
from votes.domain.bookmarks.bookmark import (
    Annotations,
    BookmarkRemoved,
    BookmarkRevised,
    KeepBookmark,
    RemoveBookmark,
    ToolBookmarked,
)
from votes.domain.terms import CollectionId
from votes.domain.tool import Entry, ToolDelisted, ToolListed, ToolRevised

THEN = datetime(2026, 5, 1, tzinfo=UTC)
LATER = THEN + timedelta(days=1)
LISTED = ToolListed("notion", Entry("Notion", "Notes"))
REVISED = ToolRevised("notion", Entry("Notion", "Documents"))
DELISTED = ToolDelisted("notion")
K = CollectionId("k")
PLAIN = b""
NOTED = b"For the team, encrypted"
KEPT = ToolBookmarked(PLAIN, THEN)
REMOVED = BookmarkRemoved()


def keep(annotations=PLAIN, at=LATER):
    return KeepBookmark(ANN, NOTION, annotations, at)


REMOVE = RemoveBookmark(ANN, NOTION)


@pytest.mark.parametrize("events", [(LISTED,), (LISTED, REVISED), (LISTED, KEPT, REMOVED)])
def test_a_tool_is_kept_from_the_time_of_asking(events):
    given(bookmark.decider, *events).when(keep(NOTED)).then(ToolBookmarked(NOTED, LATER))


def test_keeping_it_again_changes_nothing_not_even_its_time():
    given(bookmark.decider, LISTED, KEPT).when(keep()).then_nothing()


def test_another_annotation_revises_it_and_leaves_its_time():
    revised = BookmarkRevised(NOTED, THEN, LATER)
    given(bookmark.decider, LISTED, KEPT).when(keep(NOTED)).then(revised)
    given(bookmark.decider, LISTED, KEPT, revised).when(keep(NOTED)).then_nothing()


def test_without_annotations_those_that_there_are_stay():
    noted = ToolBookmarked(NOTED, THEN)
    given(bookmark.decider, LISTED).when(keep(None)).then(ToolBookmarked(PLAIN, LATER))
    given(bookmark.decider, LISTED, noted).when(keep(None)).then_nothing()
    given(bookmark.decider, LISTED, noted, REMOVED).when(keep(None)).then(
        ToolBookmarked(PLAIN, LATER)
    )


def test_it_is_removed_once():
    given(bookmark.decider, LISTED, KEPT).when(REMOVE).then(REMOVED)
    given(bookmark.decider, LISTED, KEPT, REMOVED).when(REMOVE).then_nothing()
    given(bookmark.decider, LISTED).when(REMOVE).then_nothing()


@pytest.mark.parametrize("events", [(), (LISTED, DELISTED), (LISTED, KEPT, DELISTED)])
def test_a_tool_that_is_not_listed_cannot_be_kept(events):
    given(bookmark.decider, *events).when(keep()).then_refused("tool_unknown")


def test_a_bookmark_of_a_delisted_tool_can_be_removed():
    given(bookmark.decider, LISTED, KEPT, DELISTED).when(REMOVE).then(REMOVED)


def test_what_was_written_beside_it_outlives_a_delisting():
    relisted = given(bookmark.decider, LISTED, ToolBookmarked(NOTED, THEN), DELISTED, LISTED)
    relisted.when(keep(NOTED)).then_nothing()
    relisted.when(keep(PLAIN)).then(BookmarkRevised(PLAIN, THEN, LATER))


def tag_after(event) -> str:
    standing = bookmark.standing(event)
    assert standing is not None
    return standing.tag


def test_with_tags_it_is_changed_only_in_one_of_these_states():
    first, second = map(tag_after, (KEPT, BookmarkRevised(NOTED, THEN, LATER)))
    there = given(bookmark.decider, LISTED, KEPT)
    for tags in ((first,), ("x", first), ("*",)):
        revise = KeepBookmark(ANN, NOTION, NOTED, LATER, tags)
        there.when(revise).then(BookmarkRevised(NOTED, THEN, LATER))
        there.when(RemoveBookmark(ANN, NOTION, tags)).then(REMOVED)
    for others in ((second,), (), ("x",)):
        there.when(KeepBookmark(ANN, NOTION, PLAIN, LATER, others)).then_refused("changed")
        there.when(RemoveBookmark(ANN, NOTION, others)).then_refused("changed")


def test_with_no_tag_at_all_it_is_kept_only_where_there_is_none():
    kept = KeepBookmark(ANN, NOTION, NOTED, LATER, ())
    given(bookmark.decider, LISTED).when(kept).then(ToolBookmarked(NOTED, LATER))
    given(bookmark.decider, LISTED, KEPT, REMOVED).when(kept).then(ToolBookmarked(NOTED, LATER))
    for tags in (("*",), ("x",)):
        asked = KeepBookmark(ANN, NOTION, NOTED, LATER, tags)
        given(bookmark.decider, LISTED, KEPT, REMOVED).when(asked).then_refused("changed")


def test_each_state_has_a_tag_of_its_own():
    states = [
        bookmark.Standing(note, added, changed)
        for note in (PLAIN, NOTED)
        for added in (THEN, LATER)
        for changed in (THEN, LATER)
    ]
    assert len({one.tag for one in states}) == len(states)


def test_another_tag_takes_the_place_of_a_tag():
    written = Annotations("n", ("a", "b", "c"), K)
    assert written.retagged("b", "x") == Annotations("n", ("a", "x", "c"), K)
    assert written.retagged("b", None) == Annotations("n", ("a", "c"), K)
    assert written.retagged("b", "c").canonical() == Annotations("n", ("a", "c"), K)
    assert written.retagged("x", "y") == written


def test_tags_are_trimmed_and_each_is_kept_once_in_the_order_given():
    spelled = Annotations("", (" b", "a", "b ", " ", "a"))
    assert spelled.canonical() == Annotations("", ("b", "a"))


def test_a_command_is_the_same_whenever_it_comes():
    as_sent = bookmark.decider.as_sent
    assert as_sent(keep(at=THEN)) == as_sent(keep(at=LATER))


def test_to_keep_it_otherwise_or_to_remove_it_is_another_command():
    others = [
        *(keep(PLAIN), keep(NOTED), keep(None), REMOVE),
        *(KeepBookmark(BOB, NOTION, PLAIN, LATER), KeepBookmark(ANN, BOLT, PLAIN, LATER)),
        *(RemoveBookmark(BOB, NOTION), RemoveBookmark(ANN, BOLT)),
        *(KeepBookmark(ANN, NOTION, PLAIN, LATER, ("a",)), RemoveBookmark(ANN, NOTION, ())),
    ]
    sent = [bookmark.decider.as_sent(command) for command in others]
    assert all(one != other for one, other in combinations(sent, 2))


@for_all(st.lists(st.text(max_size=4), max_size=6))
def test_a_canonical_annotation_is_its_own_canonical_form(tags):
    once = Annotations("", tuple(tags)).canonical()
    assert once.canonical() == once
    assert set(once.tags) == {tag.strip() for tag in tags} - {""}


ids = st.text(alphabet="ab-_19", min_size=1, max_size=5)


@for_all(ids, ids)
def test_no_users_prefix_begins_another_users_streams(one, other):
    mine = bookmark.stream(other, NOTION).startswith(bookmark.prefix(one))
    assert mine == (one == other)


@for_all(ids)
def test_a_stream_says_whose_it_is_and_of_which_tool(user):
    assert bookmark.parts_of(bookmark.stream(user, NOTION)) == (user, "notion")


@pytest.mark.parametrize("stream", ["", "vote:3:ann:x", "bookmark", "bookmark:ann"])
def test_no_other_stream_does(stream):
    with pytest.raises(ValueError, match=r"^not the stream of a bookmark$"):
        bookmark.parts_of(stream)


def test_a_command_writes_to_the_bookmarks_stream_and_reads_the_tools():
    for command in (keep(), REMOVE):
        assert bookmark.decider.streams(command) == ("bookmark:ann:notion", "tool:notion")
