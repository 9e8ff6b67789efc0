"""The comparison of two to four tools."""

from collections.abc import Sequence
from itertools import groupby

from votes.app.responses import ReviewView, SummaryView
from votes.domain.terms import PersonaSlug

Round = tuple[PersonaSlug, list[ReviewView | None]]
"""A persona, and their reviews of the tools in order."""


def scorecard(tools: Sequence[SummaryView]) -> list[Round]:
    """The reviews by persona; a persona may have reviewed only some of the tools."""
    reviews = [{review.persona: review for review in tool.panel.reviews} for tool in tools]
    personas = dict.fromkeys(persona for of_tool in reviews for persona in of_tool)
    return [(persona, [of_tool.get(persona) for of_tool in reviews]) for persona in personas]


def takeaway(tools: Sequence[SummaryView]) -> str:
    """What the panel says of the tools, those it prefers first."""
    decided = [tool for tool in tools if tool.panel.verdict != "pending"]
    if not decided:
        of = "either" if len(tools) == 2 else "any of them"
        return f"The panel has not decided on {of}, so prices and votes have to speak."
    if len(decided) == 1:
        return f"The panel has decided on {decided[0].name} alone: {_says(decided[0])}."
    by_share = groupby(sorted(decided, key=_share, reverse=True), _share)
    first, *others = [list(group) for _, group in by_share]
    if not others:
        all_of = "both" if len(tools) == 2 else "all"
        of = all_of if len(first) == len(tools) else _names(first)
        return f"The panel sees no difference: {_says(first[0])}, for {of}."
    said = [f"The panel leans to {_names(first)}: {_says(first[0])}."]
    said += [f"For {_names(group)}, {_says(group[0])}." for group in others]
    return " ".join(said)


def _share(tool: SummaryView) -> float:
    return tool.panel.ship_share or 0.0


def _names(tools: Sequence[SummaryView]) -> str:
    *before, last = [tool.name for tool in tools]
    return f"{', '.join(before)} and {last}" if before else last


def _says(tool: SummaryView) -> str:
    return f"{tool.panel.ship} of {len(tool.panel.reviews)} reviewers would ship it"
