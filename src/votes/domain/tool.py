"""Tools: listed in the catalogue, revised, renamed, delisted. Votes survive all of these.

A tool has an id for good. Its slug, the name in addresses, may change. A slug leads to one tool for
good: it is taken in its own stream, and never given back.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated, Any, assert_never

import msgspec
from msgspec import Meta, Struct

from votes.domain.conditions import CHANGED, AnyOf, matches
from votes.domain.terms import (
    PLANS_MAX,
    Category,
    Label,
    Line,
    Price,
    Text,
    ToolId,
    ToolSlug,
    WebAddress,
    checked_slug,
    is_web_address,
)
from votes.engine.decider import Decider, ForStream, Rejected
from votes.engine.log import Stream

TAG_LENGTH = 16
PREFIX = "tool:"
"""Of the streams of all tools, and of no other."""
_SLUG_STREAM = "slug:"


class Plan(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A price plan; `price` in US dollars for each `period`, None where it is on request."""

    name: Label
    price: Price | None = None
    period: Line = ""


class Entry(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What the catalogue says of a tool."""

    name: Label
    category: Category
    tagline: Line = ""
    description: Text = ""
    url: WebAddress | None = None
    pricing: Line = ""
    best_for: Line = ""
    plans: Annotated[tuple[Plan, ...], Meta(max_length=PLANS_MAX)] = ()

    @property
    def tag(self) -> str:
        """Stands for what the entry says (RFC 9110, 8.8.3), without the quotes."""
        return sha256(msgspec.json.encode(self)).hexdigest()[:TAG_LENGTH]


def lowest_price(entry: Entry) -> float | None:
    """The price of the cheapest plan, None where none has a price."""
    prices = [plan.price for plan in entry.plans if plan.price is not None]
    return min(prices) if prices else None


def stream(tool: ToolId) -> Stream:
    return Stream(f"{PREFIX}{tool}")


def slug_stream(slug: ToolSlug) -> Stream:
    """The stream that says to which tool a slug leads."""
    return Stream(f"{_SLUG_STREAM}{slug}")


def slug_of(stream: Stream) -> ToolSlug:
    """The slug of a slug's stream. Raises `ValueError` for another stream."""
    if not stream.startswith(_SLUG_STREAM):
        raise ValueError("not the stream of a slug")
    return checked_slug(stream.removeprefix(_SLUG_STREAM))


class ToolListed(Struct, frozen=True):
    slug: ToolSlug
    entry: Entry


class ToolRevised(Struct, frozen=True):
    slug: ToolSlug
    entry: Entry


class ToolRenamed(Struct, frozen=True):
    """`slug` is the new one."""

    slug: ToolSlug
    entry: Entry


class ToolDelisted(Struct, frozen=True):
    slug: ToolSlug


class SlugTaken(Struct, frozen=True):
    """In the stream of a slug: it leads to this tool for good."""

    tool: ToolId


ToolEvent = ToolListed | ToolRevised | ToolRenamed | ToolDelisted


def is_listed(event: ToolEvent) -> bool:
    """Whether a tool is in the catalogue after the last of its events."""
    match event:
        case ToolListed() | ToolRevised() | ToolRenamed():
            return True
        case ToolDelisted():
            return False
    assert_never(event)


class Tool(Struct, frozen=True):
    """`listed` is None for a tool that was never listed.

    `taken_by` is the tool to which the command's slug leads, None where the slug is free.
    """

    listed: bool | None = None
    slug: ToolSlug | None = None
    entry: Entry | None = None
    taken_by: ToolId | None = None


def evolve(state: Tool, event: ToolEvent | SlugTaken) -> Tool:
    match event:
        case ToolListed(slug, entry) | ToolRevised(slug, entry) | ToolRenamed(slug, entry):
            return Tool(True, slug, entry, state.taken_by)
        case ToolDelisted(slug):
            return Tool(False, slug, None, state.taken_by)
        case SlugTaken(tool):
            return Tool(state.listed, state.slug, state.entry, tool)
    assert_never(event)


class ListTool(Struct, frozen=True):
    """List the tool to which the slug leads, or revise it.

    Where the slug is free, `tool` is the id of a new tool. `if_match` is about the entry.
    """

    tool: ToolId
    slug: ToolSlug
    entry: Entry
    if_match: AnyOf = None


class RenameTool(Struct, frozen=True):
    """Give the tool this slug; its former slugs lead to it too."""

    tool: ToolId
    slug: ToolSlug


class DelistTool(Struct, frozen=True):
    tool: ToolId


ToolCommand = ListTool | RenameTool | DelistTool

UNKNOWN = Rejected("tool_unknown", "There is no such tool in the catalogue.")
ID_TAKEN = Rejected("contended", "The id made for the tool is another's. Try again.")


def taken(slug: ToolSlug) -> Rejected:
    return Rejected("slug_taken", f"{slug!r} is, or once was, the name of a tool: it leads there.")


def decide(command: ToolCommand, state: Tool) -> Sequence[ToolEvent | ForStream] | Rejected:
    match command:
        case ListTool(entry=entry) if entry.url is not None and not is_web_address(entry.url):
            return Rejected("invalid_body", "url: not the address of a site.")
        case ListTool(if_match=if_match):
            tag = None if state.entry is None else state.entry.tag
            return _list(command, state) if matches(if_match, tag) else CHANGED
        case RenameTool(tool, slug):
            if not state.listed or state.entry is None:
                return UNKNOWN
            if slug == state.slug:
                return []
            if state.taken_by is not None:
                return taken(slug)
            return [_take(slug, tool), ToolRenamed(slug, state.entry)]
        case DelistTool():
            if state.listed is None or state.slug is None:
                return UNKNOWN
            return [ToolDelisted(state.slug)] if state.listed else []
    assert_never(command)


def _list(command: ListTool, state: Tool) -> Sequence[ToolEvent | ForStream] | Rejected:
    if state.taken_by is None:
        if state.listed is not None:
            return ID_TAKEN
        return [_take(command.slug, command.tool), ToolListed(command.slug, command.entry)]
    if state.taken_by != command.tool:
        return taken(command.slug)
    slug = state.slug or command.slug
    if not state.listed:
        return [ToolListed(slug, command.entry)]
    return [] if command.entry == state.entry else [ToolRevised(slug, command.entry)]


def _take(slug: ToolSlug, tool: ToolId) -> ForStream:
    return ForStream(slug_stream(slug), SlugTaken(tool))


def _streams(command: ToolCommand) -> tuple[Stream, ...]:
    own = stream(command.tool)
    match command:
        case ListTool(slug=slug) | RenameTool(slug=slug):
            return own, slug_stream(slug)
        case DelistTool():
            return (own,)
    assert_never(command)


def _as_sent(command: ToolCommand) -> Any:
    match command:
        case ListTool(slug=slug, entry=entry, if_match=None):
            return slug, entry
        case ListTool(slug=slug, entry=entry, if_match=if_match):
            return slug, entry, if_match
        case _:
            return command


decider: Decider[ToolCommand, Tool] = Decider(
    initial=Tool(),
    streams=_streams,
    subject=lambda command: command.tool,
    evolve=evolve,
    decide=decide,
    as_sent=_as_sent,
)
