"""Tools are listed, revised and delisted."""

import pytest

from tests.domain.specification import given
from votes.domain import tool
from votes.domain.terms import is_slug
from votes.domain.tool import (
    DelistTool,
    Entry,
    ListTool,
    Plan,
    Tool,
    ToolDelisted,
    ToolListed,
    ToolRevised,
)
from votes.engine.decider import Rejected

ENTRY = Entry("Notion", "Notes", plans=(Plan("Plus", 12.0, "user/mo"),))
OTHER = Entry("Notion", "Documents")
LISTED = ToolListed(ENTRY)
DELISTED = ToolDelisted()


def test_an_unheard_of_tool_is_listed():
    given(tool.decider).when(ListTool("notion", ENTRY)).then(LISTED)


def test_listing_it_again_as_it_is_changes_nothing():
    given(tool.decider, LISTED).when(ListTool("notion", ENTRY)).then_nothing()


def test_listing_it_otherwise_revises_it():
    revised = ToolRevised(OTHER)
    given(tool.decider, LISTED).when(ListTool("notion", OTHER)).then(revised)
    given(tool.decider, LISTED, revised).when(ListTool("notion", OTHER)).then_nothing()
    given(tool.decider, LISTED, revised).when(ListTool("notion", ENTRY)).then(ToolRevised(ENTRY))


def test_a_listed_tool_is_delisted_once():
    given(tool.decider, LISTED).when(DelistTool("notion")).then(DELISTED)
    given(tool.decider, LISTED, DELISTED).when(DelistTool("notion")).then_nothing()


def test_an_unheard_of_tool_cannot_be_delisted():
    given(tool.decider).when(DelistTool("notion")).then_refused("tool_unknown")


@pytest.mark.parametrize("entry", [ENTRY, OTHER])
def test_a_delisted_tool_is_listed_anew_whatever_it_was(entry):
    given(tool.decider, LISTED, DELISTED).when(ListTool("notion", entry)).then(ToolListed(entry))


def test_a_refusal_names_the_tool():
    decision = tool.decide(DelistTool("notion"), Tool())
    assert isinstance(decision, Rejected)
    assert "'notion'" in decision.detail


def test_a_command_touches_the_tools_own_stream_alone():
    assert tool.decider.streams(ListTool("notion", ENTRY)) == ("tool:notion",)
    assert tool.decider.streams(DelistTool("notion")) == ("tool:notion",)


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
    given(tool.decider).when(ListTool("notion", entry)).then_refused("invalid_body")
    given(tool.decider, LISTED).when(ListTool("notion", entry)).then_refused("invalid_body")


@pytest.mark.parametrize(
    "url", ["http://[::1]:80/a", "https://a.example", "https://日本.example/?q"]
)
def test_an_address_of_a_site_is_listed(url):
    entry = Entry("Notion", "Notes", url=url)
    given(tool.decider).when(ListTool("notion", entry)).then(ToolListed(entry))
