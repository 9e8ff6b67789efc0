"""The tools by slug, current or former: slugs become ids here, and ids slugs."""

from collections.abc import Collection, Iterable

from msgspec import Struct

from votes.domain.terms import ToolId, ToolSlug
from votes.domain.tool import SlugTaken, ToolEvent, slug_stream, stream
from votes.engine.ports import EventStore
from votes.engine.read_models import ReadModels
from votes.projections.profiles import PROFILES, Profile
from votes.projections.slugs import SLUGS
from votes.projections.tallies import TALLIES, Tally


class Tool(Struct, frozen=True, gc=False):
    """A tool that is listed, or once was."""

    id: ToolId
    profile: Profile
    tally: Tally

    @property
    def slug(self) -> ToolSlug:
        return self.profile.slug


def tool(models: ReadModels, slug: ToolSlug) -> Tool | None:
    """The listed tool to which the slug leads."""
    tool = ever_listed(models, slug)
    return tool if tool is not None and tool.profile.listed else None


def ever_listed(models: ReadModels, slug: ToolSlug) -> Tool | None:
    """The tool to which the slug leads, listed or not."""
    tool_id = models.get(SLUGS, slug)
    return tool_of(models, tool_id) if tool_id is not None else None


def tool_of(models: ReadModels, tool_id: str) -> Tool | None:
    """The tool of this id, listed or not."""
    profile, tally = models.get(PROFILES, tool_id), models.get(TALLIES, tool_id)
    return None if profile is None or tally is None else Tool(ToolId(tool_id), profile, tally)


def was_listed(models: ReadModels, slug: ToolSlug) -> bool:
    """Whether the slug leads to a tool, listed or not."""
    return models.get(SLUGS, slug) is not None


def current_slug(models: ReadModels, slug: ToolSlug) -> ToolSlug:
    """The current slug of the tool to which the slug leads; the slug itself if it leads to none."""
    tool_id = models.get(SLUGS, slug)
    profile = models.get(PROFILES, tool_id) if tool_id is not None else None
    return profile.slug if profile is not None else slug


def current_id(models: ReadModels, slug: str) -> ToolId | None:
    """The id of the tool whose current slug this is; None for a former slug, and for none."""
    tool_id = models.get(SLUGS, slug)
    profile = models.get(PROFILES, tool_id) if tool_id is not None else None
    return tool_id if profile is not None and profile.slug == slug else None


def projected_ids(models: ReadModels | None, slugs: Iterable[ToolSlug]) -> dict[ToolSlug, ToolId]:
    """The ids of the tools to which the slugs lead, listed or not, by the read models."""
    if models is None:
        return {}
    pairs = ((slug, models.get(SLUGS, slug)) for slug in slugs)
    return {slug: tool_id for slug, tool_id in pairs if tool_id is not None}


async def ids(
    store: EventStore, models: ReadModels | None, slugs: Collection[ToolSlug]
) -> dict[ToolSlug, ToolId]:
    """The ids of the tools to which the slugs lead, listed or not.

    Slugs that the read models lack are looked up in the log. Raises `Unavailable`.
    """
    ids = projected_ids(models, slugs)
    missing = {slug_stream(slug): slug for slug in slugs if slug not in ids}
    if missing:
        for stream_name, last in (await store.last_events(missing)).items():
            if isinstance(last.event, SlugTaken):
                ids[missing[stream_name]] = last.event.tool
    return ids


async def slugs(
    store: EventStore, models: ReadModels | None, tools: Iterable[ToolId]
) -> dict[ToolId, ToolSlug]:
    """The current slugs of the tools, listed or not.

    Tools that the read models lack are looked up in the log. Raises `Unavailable`.
    """
    slugs, missing = {}, {}
    for tool in tools:
        profile = models.get(PROFILES, tool) if models is not None else None
        if profile is not None:
            slugs[tool] = profile.slug
        else:
            missing[stream(tool)] = tool
    if missing:
        for stream_name, last in (await store.last_events(missing)).items():
            if isinstance(last.event, ToolEvent):
                slugs[missing[stream_name]] = last.event.slug
    return slugs
