"""Two to four tools in one address: `a-vs-b-vs-c`, where a slug may itself contain `-vs-`."""

from votes.app.catalogue.tools import Tool, tool
from votes.domain.terms import SLUG_LENGTH_MAX, ToolSlug
from votes.engine.read_models import ReadModels

COMPARED_MAX = 4
BETWEEN = "-vs-"
TEXT_LENGTH_MAX = COMPARED_MAX * SLUG_LENGTH_MAX + (COMPARED_MAX - 1) * len(BETWEEN)


def compared(models: ReadModels, text: str) -> tuple[Tool, ...] | None:
    """The listed tools that the text names, by current or former slugs: as few as it can mean, and
    of these the ones with the shortest first slugs."""
    if len(text) > TEXT_LENGTH_MAX:
        return None
    splits = (_split(models, text, number) for number in range(2, COMPARED_MAX + 1))
    return next(filter(None, splits), None)


def _split(models: ReadModels, text: str, number: int) -> tuple[Tool, ...] | None:
    """So many tools that the text names."""
    if number == 1:
        last = tool(models, text)
        return None if last is None else (last,)
    at = text.find(BETWEEN)
    while at >= 0:
        first = tool(models, text[:at])
        if first is not None:
            others = _split(models, text[at + len(BETWEEN) :], number - 1)
            if others is not None:
                return first, *others
        at = text.find(BETWEEN, at + 1)
    return None


def compared_text(models: ReadModels, *slugs: ToolSlug) -> str | None:
    """The text that names the tools, sorted; None where it would name others."""
    named = sorted(slugs)
    text = BETWEEN.join(named)
    tools = compared(models, text)
    return text if tools and [tool.slug for tool in tools] == named else None


def compared_path(models: ReadModels, *slugs: ToolSlug) -> str:
    """The path of the comparison, the same in any order of the tools."""
    text = compared_text(models, *slugs)
    fields = zip("abcd", sorted(slugs), strict=False)
    return f"/compare/{text}" if text else "/compare?" + "&".join(f"{x}={y}" for x, y in fields)
