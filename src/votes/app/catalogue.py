"""The tools as the read models know them, by slug: their own, or one that they had."""

from collections.abc import Collection, Iterable, Iterator

from msgspec import Struct

from votes.domain.terms import ToolId, ToolSlug
from votes.domain.tool import SlugTaken, ToolEvent, slug_stream, stream
from votes.engine.ports import EventStore
from votes.engine.read_models import ReadModels
from votes.projections.profiles import PROFILES, Profile
from votes.projections.slugs import SLUGS
from votes.projections.tallies import TALLIES, Tally


class Tool(Struct, frozen=True):
    """A tool that is listed, or once was."""

    id: ToolId
    profile: Profile
    tally: Tally

    @property
    def slug(self) -> ToolSlug:
        return self.profile.slug


def tool(models: ReadModels, slug: ToolSlug) -> Tool | None:
    """The listed tool to which the slug leads."""
    found = ever_listed(models, slug)
    return found if found is not None and found.profile.listed else None


def ever_listed(models: ReadModels, slug: ToolSlug) -> Tool | None:
    """The tool to which the slug leads, listed or not."""
    found = models.get(SLUGS, slug)
    if found is None:
        return None
    profile, tally = models.get(PROFILES, found), models.get(TALLIES, found)
    return None if profile is None or tally is None else Tool(found, profile, tally)


def listed(models: ReadModels) -> Iterator[Tool]:
    """All listed tools."""
    for found, profile in models.items(PROFILES):
        tally = models.get(TALLIES, found)
        if profile.listed and tally is not None:
            yield Tool(ToolId(found), profile, tally)


def was_listed(models: ReadModels, slug: ToolSlug) -> bool:
    """Whether the slug leads to a tool, listed or not."""
    return models.get(SLUGS, slug) is not None


def now_called(models: ReadModels, slug: ToolSlug) -> ToolSlug:
    """The slug of the tool to which this one leads; this one, where it leads to none."""
    found = models.get(SLUGS, slug)
    profile = models.get(PROFILES, found) if found is not None else None
    return profile.slug if profile is not None else slug


def known_ids(models: ReadModels | None, slugs: Iterable[ToolSlug]) -> dict[ToolSlug, ToolId]:
    """The tools to which the slugs lead, listed or not, as far as the models know."""
    if models is None:
        return {}
    found = ((slug, models.get(SLUGS, slug)) for slug in slugs)
    return {slug: tool for slug, tool in found if tool is not None}


async def ids(
    store: EventStore, models: ReadModels | None, slugs: Collection[ToolSlug]
) -> dict[ToolSlug, ToolId]:
    """The tools to which the slugs lead, listed or not, as far as they do.

    What the models do not know is looked for in the log. Raises `Unavailable`.
    """
    known = known_ids(models, slugs)
    asked = {slug_stream(slug): slug for slug in slugs if slug not in known}
    if asked:
        for where, last in (await store.last_events(asked)).items():
            if isinstance(last.event, SlugTaken):
                known[asked[where]] = last.event.tool
    return known


async def slugs(
    store: EventStore, models: ReadModels | None, tools: Iterable[ToolId]
) -> dict[ToolId, ToolSlug]:
    """The slugs of the tools, listed or not, likewise."""
    known, asked = {}, {}
    for tool in tools:
        profile = models.get(PROFILES, tool) if models is not None else None
        if profile is not None:
            known[tool] = profile.slug
        else:
            asked[stream(tool)] = tool
    if asked:
        for where, last in (await store.last_events(asked)).items():
            if isinstance(last.event, ToolEvent):
                known[asked[where]] = last.event.slug
    return known
