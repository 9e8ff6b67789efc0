"""Tools are listed, revised, renamed and delisted."""

import pytest

from tests.domain.specification import given
from votes.domain import tool
from votes.domain.terms import ToolId, is_slug
from votes.domain.tool import (
    DelistTool,
    Entry,
    ListTool,
    Plan,
    RenameTool,
    SlugTaken,
    Tool,
    ToolDelisted,
    ToolListed,
    ToolRenamed,
    ToolRevised,
)
from votes.engine.decider import ForStream, Rejected
from votes.engine.log import Stream

ENTRY = Entry("Notion", "Notes", plans=(Plan("Plus", 12.0, "user/mo"),))
OTHER = Entry("Notion", "Documents")
LISTED = ToolListed("notion", ENTRY)
DELISTED = ToolDelisted("notion")
ID, OTHER_ID = ToolId("id-1"), ToolId("id-2")
TAKEN = SlugTaken(ID)
ELSEWHERE = ForStream(Stream("slug:notion"), TAKEN)


def listing(entry, tool=ID, slug="notion"):
    return ListTool(tool, slug, entry)


def renaming(slug="lotion", tool=ID):
    return RenameTool(tool, slug)


DELIST = DelistTool(ID)


def test_an_unheard_of_tool_is_listed_and_takes_its_slug():
    given(tool.decider).when(listing(ENTRY)).then(ELSEWHERE, LISTED)


def test_listing_it_again_as_it_is_changes_nothing():
    given(tool.decider, TAKEN, LISTED).when(listing(ENTRY)).then_nothing()


def test_listing_it_otherwise_revises_it():
    revised = ToolRevised("notion", OTHER)
    given(tool.decider, TAKEN, LISTED).when(listing(OTHER)).then(revised)
    again = given(tool.decider, TAKEN, LISTED, revised)
    again.when(listing(OTHER)).then_nothing()
    again.when(listing(ENTRY)).then(ToolRevised("notion", ENTRY))


@pytest.mark.parametrize("tags", [(ENTRY.tag,), (OTHER.tag, ENTRY.tag), ("*",), None])
def test_an_entry_is_revised_as_it_was_read(tags):
    command = ListTool(ID, "notion", OTHER, tags)
    given(tool.decider, TAKEN, LISTED).when(command).then(ToolRevised("notion", OTHER))


@pytest.mark.parametrize("tags", [(OTHER.tag,), (), ("",)])
def test_an_entry_that_was_read_otherwise_is_left_as_it_is(tags):
    for entry in (ENTRY, OTHER):
        command = ListTool(ID, "notion", entry, tags)
        given(tool.decider, TAKEN, LISTED).when(command).then_refused("changed")


@pytest.mark.parametrize("before", [(), (TAKEN, LISTED, DELISTED)])
def test_without_a_listed_entry_only_no_tag_is_right(before):
    for tags in ((ENTRY.tag,), ("*",)):
        command = ListTool(ID, "notion", ENTRY, tags)
        given(tool.decider, *before).when(command).then_refused("changed")
    first = given(tool.decider, *before).when(ListTool(ID, "notion", ENTRY, ()))
    first.then(*(() if before else (ELSEWHERE,)), LISTED)


def test_a_tag_stands_for_all_that_an_entry_says():
    tags = {ENTRY.tag, OTHER.tag, Entry("Notion", "Notes").tag, Entry("Notion", "Notes", "a").tag}
    assert len(tags) == 4
    assert Entry("Notion", "Notes", plans=(Plan("Plus", 12.0, "user/mo"),)).tag == ENTRY.tag


def test_a_listed_tool_is_delisted_once():
    given(tool.decider, LISTED).when(DELIST).then(DELISTED)
    given(tool.decider, LISTED, DELISTED).when(DELIST).then_nothing()


@pytest.mark.parametrize("command", [DELIST, renaming()])
def test_an_unheard_of_tool_can_be_neither_delisted_nor_renamed(command):
    given(tool.decider).when(command).then_refused("tool_unknown")


@pytest.mark.parametrize("entry", [ENTRY, OTHER])
def test_a_delisted_tool_is_listed_anew_whatever_it_was(entry):
    given(tool.decider, TAKEN, LISTED, DELISTED).when(listing(entry)).then(
        ToolListed("notion", entry)
    )


def test_a_renamed_tool_takes_another_slug_and_keeps_its_entry():
    given(tool.decider, LISTED).when(renaming()).then(
        ForStream(Stream("slug:lotion"), TAKEN), ToolRenamed("lotion", ENTRY)
    )


def test_renaming_it_again_to_what_it_is_called_changes_nothing():
    renamed = ToolRenamed("lotion", ENTRY)
    given(tool.decider, TAKEN, LISTED, renamed).when(renaming()).then_nothing()


@pytest.mark.parametrize("holder", [ID, OTHER_ID])
def test_a_slug_that_was_ever_taken_is_not_free(holder):
    """Not even for the tool itself: what browsers and caches know of its address stays true."""
    given(tool.decider, LISTED, SlugTaken(holder)).when(renaming()).then_refused("slug_taken")


def test_a_delisted_tool_is_not_renamed():
    given(tool.decider, LISTED, DELISTED).when(renaming()).then_refused("tool_unknown")


def test_what_is_listed_under_a_former_slug_keeps_that_of_now():
    renamed = given(tool.decider, LISTED, ToolRenamed("lotion", ENTRY), TAKEN)
    renamed.when(listing(OTHER)).then(ToolRevised("lotion", OTHER))


def test_a_new_tool_takes_neither_the_slug_nor_the_id_of_another():
    given(tool.decider, TAKEN).when(listing(ENTRY, OTHER_ID)).then_refused("slug_taken")
    given(tool.decider, LISTED).when(listing(ENTRY, slug="lotion")).then_refused("contended")


@pytest.mark.parametrize(
    ("command", "state"),
    [
        (renaming(), Tool(True, "notion", ENTRY, taken_by=OTHER_ID)),
        (listing(ENTRY, slug="lotion"), Tool(taken_by=OTHER_ID)),
    ],
)
def test_a_refusal_names_the_slug(command, state):
    decision = tool.decide(command, state)
    assert isinstance(decision, Rejected)
    assert "'lotion'" in decision.detail


def test_a_refusal_of_an_address_names_the_field():
    decision = tool.decide(listing(Entry("Notion", "Notes", url="https://")), Tool())
    assert isinstance(decision, Rejected)
    assert decision.detail.startswith("url: ")


def test_a_command_writes_to_the_tools_own_stream_and_to_that_of_the_slug():
    assert tool.decider.streams(listing(ENTRY)) == ("tool:id-1", "slug:notion")
    assert tool.decider.streams(renaming()) == ("tool:id-1", "slug:lotion")
    assert tool.decider.streams(DELIST) == ("tool:id-1",)


def test_what_is_asked_for_does_not_depend_on_the_id_made_for_it():
    asked = tool.decider.as_sent
    assert asked(listing(ENTRY)) == asked(listing(ENTRY, OTHER_ID)) != asked(listing(OTHER))
    assert asked(renaming()) != asked(renaming(tool=OTHER_ID))


@pytest.mark.parametrize("slug", ["a", "node.js"])
def test_the_stream_of_a_slug_says_which(slug):
    assert tool.slug_of(tool.slug_stream(slug)) == slug


@pytest.mark.parametrize("stream", ["", "slug:", "slug:A", "slug:a:b", "tool:a"])
def test_no_other_stream_does(stream):
    with pytest.raises(ValueError, match=r"^not the stream of a slug$|cannot be a slug$"):
        tool.slug_of(stream)


@pytest.mark.parametrize("slug", ["a", "7", "notion", "node.js", "a-b_c.d", "x" * 100])
def test_a_slug(slug):
    assert is_slug(slug)


@pytest.mark.parametrize(
    "text",
    ["", "-a", "a-", ".", "A", "a b", "a:b", "a/b", "a%", "é", "a\n", "\na", "a\0", "x" * 101],
)
def test_no_slug(text):
    assert not is_slug(text)


@pytest.mark.parametrize(
    "url", ["http://[::1", "https://", "http://:80", "https://a:b", "http://?"]
)
def test_an_address_that_leads_nowhere_is_refused(url):
    entry = Entry("Notion", "Notes", url=url)
    given(tool.decider).when(listing(entry)).then_refused("invalid_body")
    given(tool.decider, LISTED).when(listing(entry)).then_refused("invalid_body")


@pytest.mark.parametrize(
    "url", ["http://[::1]:80/a", "https://a.example", "https://日本.example/?q"]
)
def test_an_address_of_a_site_is_listed(url):
    entry = Entry("Notion", "Notes", url=url)
    given(tool.decider).when(listing(entry)).then(ELSEWHERE, ToolListed("notion", entry))
