"""Slugs: the tool to which each slug leads, current or former."""

from votes.domain.terms import ToolId
from votes.domain.tool import SlugTaken, slug_of
from votes.engine.log import Recorded
from votes.engine.projection import Projection


def evolve(tool: ToolId | None, recorded: Recorded, *_: object) -> ToolId:
    """A slug leads to the first tool that took it, whatever events follow."""
    first: ToolId = recorded.event.tool if tool is None else tool
    return first


def _slug(recorded: Recorded) -> tuple[str]:
    return (slug_of(recorded.stream),)


SLUGS: Projection[ToolId] = Projection("slugs", ToolId, on={SlugTaken: _slug}, evolve=evolve)
"""The tool of each slug that was ever taken, by slug."""
