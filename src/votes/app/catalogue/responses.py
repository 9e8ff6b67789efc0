"""The shapes of the responses to reads."""

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from votes.app.catalogue.tools import Tool
from votes.domain import verdict
from votes.domain.terms import Choice, PersonaSlug, Score, Time, ToolSlug
from votes.domain.tool import Entry, Plan
from votes.domain.verdict import PanelVerdict
from votes.engine.log import Position
from votes.engine.reading.reader import ReadSource
from votes.projections.profiles import PanelReview, Profile
from votes.projections.tallies import Tally, TallyView, tally_view


class TalliesView(Struct, frozen=True):
    tallies: list[TallyView]


class ReviewView(Struct, frozen=True):
    persona: PersonaSlug
    score: Score
    choice: Choice
    body: str
    revised_at: Time


class PanelView(Struct, frozen=True):
    """The panel's verdict. Scores are 0 to 100; `spread` is the highest less the lowest."""

    verdict: PanelVerdict
    ship: int
    skip: int
    ship_share: float | None
    mean_score: float | None
    spread: int | None
    reviews: list[ReviewView]


class SummaryView(Struct, frozen=True):
    """A tool: its catalogue entry, the panel's verdict, the community's verdict.

    `former` are the slugs that it had: they lead to it for good.
    """

    slug: ToolSlug
    name: str
    category: str
    tagline: str
    description: str
    url: str | None
    pricing: str
    best_for: str
    plans: tuple[Plan, ...]
    entry_price: float | None
    listed_at: Time
    panel: PanelView
    community: TallyView
    position: Position
    former: tuple[ToolSlug, ...]


class ToolsPage(Struct, frozen=True):
    tools: list[SummaryView]
    next_cursor: str | None
    total: int


class Suggestion(Struct, frozen=True):
    """A tool by what a list shows as one types."""

    tool: ToolSlug
    name: str
    category: str
    tagline: str


class SuggestionsView(Struct, frozen=True):
    """The best first."""

    suggestions: list[Suggestion]


class ReviewsView(Struct, frozen=True):
    tool: ToolSlug
    panel: PanelView
    position: Position


class Difference(Struct, frozen=True):
    """A field in which two tools differ."""

    field: str
    a: Any
    b: Any


class CompareView(Struct, frozen=True):
    a: SummaryView
    b: SummaryView
    differences: list[Difference]
    position: Position


class Contrast(Struct, frozen=True):
    """A field in which tools differ, with its values in the order of the tools."""

    field: str
    values: list[str | int | float | None]


class ComparedView(Struct, frozen=True):
    """Tools in the order asked for, and the fields in which they are not all the same."""

    tools: list[SummaryView]
    contrasts: list[Contrast]
    position: Position


def panel_view(reviews: tuple[PanelReview, ...]) -> PanelView:
    says = verdict.panel((r.opinion.choice, r.opinion.score) for r in reviews)
    return PanelView(
        **asdict(says),
        reviews=[
            ReviewView(r.persona, r.opinion.score, r.opinion.choice, r.opinion.body, r.revised_at)
            for r in reviews
        ],
    )


def summary_view(profile: Profile, tally: Tally, *, stale: bool) -> SummaryView:
    entry = profile.entry
    return SummaryView(
        slug=profile.slug,
        **{name: getattr(entry, name) for name in Entry.__struct_fields__},
        entry_price=profile.price,
        listed_at=profile.listed_at,
        panel=panel_view(profile.reviews),
        community=tally_view(profile.slug, tally, stale=stale),
        position=max(profile.position, tally.position),
        former=profile.former,
    )


def summary(source: ReadSource, tool: Tool) -> SummaryView:
    return summary_view(tool.profile, tool.tally, stale=source.stale)


def compare_view(a: SummaryView, b: SummaryView) -> CompareView:
    rows = zip(_rows(a).items(), _rows(b).items(), strict=True)
    return CompareView(
        a=a,
        b=b,
        differences=[Difference(field, x, y) for (field, x), (_, y) in rows if x != y],
        position=max(a.position, b.position),
    )


def compared_view(tools: list[SummaryView]) -> ComparedView:
    rows = [_rows(tool) for tool in tools]
    fields = {field: [row[field] for row in rows] for field in rows[0]}
    contrasts = [
        Contrast(field, values)
        for field, values in fields.items()
        if any(value != values[0] for value in values)
    ]
    return ComparedView(tools, contrasts, max(tool.position for tool in tools))


def _rows(summary: SummaryView) -> dict[str, Any]:
    """The fields in which tools are compared."""
    return {
        "panel.verdict": summary.panel.verdict,
        "panel.mean_score": summary.panel.mean_score,
        "panel.ship_share": summary.panel.ship_share,
        "community.call": summary.community.call,
        "community.ship_share": summary.community.ship_share,
        "community.total": summary.community.total,
        "pricing": summary.pricing,
        "entry_price": summary.entry_price,
        "best_for": summary.best_for,
        "category": summary.category,
    }
