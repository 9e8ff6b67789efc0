"""Two tools in one address: `a-vs-b`, where a slug may itself contain `-vs-`."""

from votes.app.catalogue import Tool, tool
from votes.domain.terms import SLUG_LENGTH_MAX, ToolSlug
from votes.engine.read_models import ReadModels

BETWEEN = "-vs-"
PAIR_LENGTH_MAX = 2 * SLUG_LENGTH_MAX + len(BETWEEN)


def pair(models: ReadModels, text: str) -> tuple[Tool, Tool] | None:
    """The two listed tools that the text names, by current or former slugs; of several possible
    pairs the one with the shortest first slug."""
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
    """The text that names the two, sorted; None where it would name another pair."""
    first, second = sorted((a, b))
    text = f"{first}{BETWEEN}{second}"
    named = pair(models, text)
    same = named is not None and (named[0].slug, named[1].slug) == (first, second)
    return text if same else None


def pair_path(models: ReadModels, a: ToolSlug, b: ToolSlug) -> str:
    """The path of the comparison, the same in both orders of the two."""
    text = pair_text(models, a, b)
    first, second = sorted((a, b))
    return f"/compare/{text}" if text else f"/compare?a={first}&b={second}"
