"""How each verdict looks: one table for stamps, pictures and elements.

The type checker names a verdict that is missing here. Tests compare the table with both style
sheets and with the elements' script.
"""

from typing import assert_never

from msgspec import Struct

from votes.domain.verdict import Call, PanelVerdict


class Tone(Struct, frozen=True):
    """A colour on light and on dark pages: `--NAME` and `.is-NAME` in `assets/site.css`.

    Pictures are light.
    """

    name: str
    light: str
    dark: str


SHIP = Tone("ship", "#0b6b4c", "#5ad6a5")
SKIP = Tone("skip", "#b23a1d", "#ff9275")
MIXED = Tone("mixed", "#855600", "#e8ba51")
SOFT = Tone("soft", "#5d594e", "#aba698")


class Look(Struct, frozen=True):
    """A verdict's label in texts, stamps and pictures, its colour there, and its label in an
    element. The element's own sheet has the element's colour."""

    label: str
    tone: Tone
    badge: str


def look(verdict: PanelVerdict | Call) -> Look:
    match verdict:
        case "pending":
            return Look("Pending", SOFT, "Pending")
        case "none":
            return Look("No votes yet", SOFT, "No votes yet")
        case "too_early":
            return Look("Too early", SOFT, "Too early")
        case "ship":
            return Look("Ship", SHIP, "Ship it")
        case "skip":
            return Look("Skip", SKIP, "Skip it")
        case "mixed":
            return Look("Mixed", MIXED, "Mixed")
        case "split":
            return Look("Split", MIXED, "Split")
    assert_never(verdict)
