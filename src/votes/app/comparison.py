"""The comparison of two tools."""

from votes.app.responses import ReviewView, SummaryView
from votes.domain.terms import PersonaSlug

Duel = tuple[PersonaSlug, ReviewView | None, ReviewView | None]


def scorecard(a: SummaryView, b: SummaryView) -> list[Duel]:
    """The reviews of the two tools by persona; a persona may have reviewed only one of them."""
    of_a = {review.persona: review for review in a.panel.reviews}
    of_b = {review.persona: review for review in b.panel.reviews}
    personas = dict.fromkeys((*of_a, *of_b))
    return [(persona, of_a.get(persona), of_b.get(persona)) for persona in personas]


def takeaway(a: SummaryView, b: SummaryView) -> str:
    """A sentence that says which of the two the panel prefers."""
    decided = [tool for tool in (a, b) if tool.panel.verdict != "pending"]
    if not decided:
        return "The panel has not decided on either, so prices and votes have to speak."
    if len(decided) == 1:
        return f"The panel has decided on {decided[0].name} alone: {_says(decided[0])}."
    first, second = sorted(decided, key=lambda tool: -(tool.panel.ship_share or 0.0))
    if first.panel.ship_share == second.panel.ship_share:
        return f"The panel sees no difference: {_says(first)}, for both."
    return f"The panel leans to {first.name}: {_says(first)}. For {second.name}, {_says(second)}."


def _says(tool: SummaryView) -> str:
    return f"{tool.panel.ship} of {len(tool.panel.reviews)} reviewers would ship it"
