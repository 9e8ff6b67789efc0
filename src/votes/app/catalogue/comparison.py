"""The comparison of two to four tools."""

from collections.abc import Sequence
from itertools import groupby

from votes.app.catalogue.responses import ReviewView, SummaryView
from votes.domain.terms import PersonaSlug
from votes.languages import gettext, listed, ngettext, number

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
        if len(tools) == 2:
            return gettext(
                "The panel has not decided on either, so prices and votes have to speak."
            )
        return gettext(
            "The panel has not decided on any of them, so prices and votes have to speak."
        )
    if len(decided) == 1:
        name, says = decided[0].name, _says(decided[0])
        return gettext("The panel has decided on %(name)s alone: %(says)s.", name=name, says=says)
    by_share = groupby(sorted(decided, key=_share, reverse=True), _share)
    first, *others = [list(group) for _, group in by_share]
    if not others:
        all_of = gettext("both") if len(tools) == 2 else gettext("all")
        of = all_of if len(first) == len(tools) else _names(first)
        says = _says(first[0])
        return gettext(
            "The panel sees no difference: %(says)s, for %(tools)s.", says=says, tools=of
        )
    says = _says(first[0])
    sentences = [gettext("The panel leans to %(tools)s: %(says)s.", tools=_names(first), says=says)]
    sentences += [
        gettext("For %(tools)s, %(says)s.", tools=_names(group), says=_says(group[0]))
        for group in others
    ]
    return " ".join(sentences)


def _share(tool: SummaryView) -> float:
    return tool.panel.ship_share or 0.0


def _names(tools: Sequence[SummaryView]) -> str:
    return listed([tool.name for tool in tools])


def _says(tool: SummaryView) -> str:
    return ngettext(
        "%(ship)s of %(count)s reviewer would ship it",
        "%(ship)s of %(count)s reviewers would ship it",
        len(tool.panel.reviews),
        ship=number(tool.panel.ship),
    )
