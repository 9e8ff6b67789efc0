"""How each verdict looks: one table for stamps, pictures and elements.

The type checker names a verdict that is missing here. Tests compare the table with both style
sheets and with the elements' script.
"""

from typing import Literal, assert_never

from msgspec import Struct

from votes.domain.verdict import Call, PanelVerdict
from votes.languages import gettext
from votes.projections.tallies import TallyView

Verdict = PanelVerdict | Call | Literal["too_close"]
"""What is said of a tool: `too_close` is a `too_early` in which many votes disagree."""


class Tone(Struct, frozen=True):
    """A colour on light and on dark pages: `--NAME` and `.is-NAME` in `source/site.css`.

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
    """A verdict's label in the language that is spoken, and its colour. In an element its own sheet
    has the colour."""

    label: str
    tone: Tone


def community_verdict(tally: TallyView) -> Verdict:
    """The community's verdict."""
    return "too_close" if tally.close else tally.call


def look(verdict: Verdict) -> Look:
    match verdict:
        case "pending":
            return Look(gettext("Pending"), SOFT)
        case "none":
            return Look(gettext("No votes yet"), SOFT)
        case "too_early":
            return Look(gettext("Too early"), SOFT)
        case "too_close":
            return Look(gettext("Too close to call"), SOFT)
        case "ship":
            return Look(gettext("Ship"), SHIP)
        case "skip":
            return Look(gettext("Skip"), SKIP)
        case "mixed":
            return Look(gettext("Mixed"), MIXED)
        case "split":
            return Look(gettext("Split"), MIXED)
    assert_never(verdict)
