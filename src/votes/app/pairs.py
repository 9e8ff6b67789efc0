"""Two tools in one address: `a-vs-b`, where a slug may itself hold `-vs-`."""

from votes.app.catalogue import Tool, tool
from votes.domain.terms import SLUG_LENGTH_MAX, ToolSlug
from votes.engine.read_models import ReadModels

BETWEEN = "-vs-"
PAIR_LENGTH_MAX = 2 * SLUG_LENGTH_MAX + len(BETWEEN)


def pair(models: ReadModels, text: str) -> tuple[Tool, Tool] | None:
    """The two listed tools that the text names, by their own slugs or former ones: of several
    readings, the shortest first slug."""
    if len(text) > PAIR_LENGTH_MAX:
        return None
    at = text.find(BETWEEN)
    while at >= 0:
        a, b = tool(models, text[:at]), tool(models, text[at + len(BETWEEN) :])
        if a is not None and b is not None:
            return a, b
        at = text.find(BETWEEN, at + 1)
    return None


def pair_text(models: ReadModels, a: ToolSlug, b: ToolSlug) -> str | None:
    """The text that names the two, in their one order; None where it would name two others."""
    first, second = sorted((a, b))
    text = f"{first}{BETWEEN}{second}"
    found = pair(models, text)
    named = found is not None and (found[0].slug, found[1].slug) == (first, second)
    return text if named else None


def pair_path(models: ReadModels, a: ToolSlug, b: ToolSlug) -> str:
    """Where the two are compared: one address, whichever is named first."""
    text = pair_text(models, a, b)
    first, second = sorted((a, b))
    return f"/compare/{text}" if text else f"/compare?a={first}&b={second}"
