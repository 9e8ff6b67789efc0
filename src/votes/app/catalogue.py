"""The tools as the read models know them."""

from votes.domain.terms import ToolSlug
from votes.engine.models import Models
from votes.projections.profiles import PROFILES, Profile
from votes.projections.tallies import TALLIES, Tally


def tally(models: Models, tool: ToolSlug) -> Tally | None:
    return models.get(TALLIES, tool)


def profile(models: Models, tool: ToolSlug) -> Profile | None:
    """The profile of a tool that is listed."""
    found = models.get(PROFILES, tool)
    return found if found is not None and found.listed else None


def was_listed(models: Models, tool: ToolSlug) -> bool:
    """Whether the tool is listed, or once was."""
    return models.get(PROFILES, tool) is not None


def listed(models: Models) -> dict[ToolSlug, Profile]:
    """The profiles of all listed tools."""
    return {tool: found for tool, found in models.items(PROFILES) if found.listed}
