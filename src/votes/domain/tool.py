"""Tools: listed in the catalogue, revised, delisted. Votes outlive a delisting."""

from collections.abc import Sequence
from typing import Annotated, assert_never

from msgspec import Meta, Struct

from votes.domain.terms import (
    PLANS_MAX,
    Category,
    Label,
    Line,
    Price,
    Text,
    ToolSlug,
    WebAddress,
    is_web_address,
)
from votes.engine.decider import Decider, Rejected
from votes.engine.log import Stream


class Plan(Struct, frozen=True, forbid_unknown_fields=True):
    """A price plan; `price` in US dollars for each `period`, None where it is on request."""

    name: Label
    price: Price | None = None
    period: Line = ""


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """What the catalogue says of a tool."""

    name: Label
    category: Category
    tagline: Line = ""
    description: Text = ""
    url: WebAddress | None = None
    pricing: Line = ""
    best_for: Line = ""
    plans: Annotated[tuple[Plan, ...], Meta(max_length=PLANS_MAX)] = ()


def stream(tool: ToolSlug) -> Stream:
    return Stream(f"tool:{tool}")


class ToolListed(Struct, frozen=True):
    entry: Entry


class ToolRevised(Struct, frozen=True):
    entry: Entry


class ToolDelisted(Struct, frozen=True): ...


ToolEvent = ToolListed | ToolRevised | ToolDelisted


def is_listed(event: ToolEvent) -> bool:
    """Whether a tool is in the catalogue after the last of its events."""
    match event:
        case ToolListed() | ToolRevised():
            return True
        case ToolDelisted():
            return False
    assert_never(event)


class Tool(Struct, frozen=True):
    """`listed` is None for a tool never heard of."""

    listed: bool | None = None
    entry: Entry | None = None


def evolve(_: Tool, event: ToolEvent) -> Tool:
    match event:
        case ToolListed(entry=entry) | ToolRevised(entry=entry):
            return Tool(listed=True, entry=entry)
        case ToolDelisted():
            return Tool(listed=False)
    assert_never(event)


class ListTool(Struct, frozen=True):
    tool: ToolSlug
    entry: Entry


class DelistTool(Struct, frozen=True):
    tool: ToolSlug


ToolCommand = ListTool | DelistTool


def unknown(tool: ToolSlug) -> Rejected:
    return Rejected("tool_unknown", f"There is no tool {tool!r} in the catalogue.")


def decide(command: ToolCommand, state: Tool) -> Sequence[ToolEvent] | Rejected:
    match command:
        case ListTool(entry=entry):
            if entry.url is not None and not is_web_address(entry.url):
                return Rejected("invalid_body", "url: not the address of a site.")
            if not state.listed:
                return [ToolListed(entry)]
            return [] if entry == state.entry else [ToolRevised(entry)]
        case DelistTool(tool):
            if state.listed is None:
                return unknown(tool)
            return [ToolDelisted()] if state.listed else []
    assert_never(command)


decider: Decider[ToolCommand, Tool] = Decider(
    initial=Tool(),
    streams=lambda command: (stream(command.tool),),
    subject=lambda command: command.tool,
    evolve=evolve,
    decide=decide,
)
