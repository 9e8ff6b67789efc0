"""Values as texts for readers."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import assert_never
from zlib import crc32

from votes.app.listing import category_slug
from votes.app.moderation import WHY
from votes.app.responses import PanelView
from votes.domain import verdict
from votes.domain.ruling import Selector
from votes.domain.terms import PersonaSlug
from votes.domain.tool import Plan
from votes.domain.verdict import PANEL_REVIEWS_MIN
from votes.domain.vote_events import Against
from votes.engine.read_model_store import AuditReport
from votes.projections.tallies import Tally, TallyView
from votes.site.verdicts import look, said

NOTHING = "\u2013"
BARS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"

TINTS = 6

_ACRONYMS = {"ai": "AI", "crm": "CRM", "defi": "DeFi", "dex": "DEX", "llm": "LLM", "vpn": "VPN"}


def percent(share: float | None) -> str:
    return NOTHING if share is None else f"{share:.0%}"


def price(amount: float | None) -> str:
    """In US dollars, without cents where there are none."""
    if amount is None:
        return NOTHING
    return f"${amount:,.2f}".removesuffix(".00") if amount else "Free"


def plan_price(plan: Plan) -> str:
    """Such as "Free", "$12 / user/mo", "On request"."""
    if plan.price is None:
        return "Usage-based" if plan.period == "usage-based" else "On request"
    return (
        f"{price(plan.price)} / {plan.period}" if plan.price and plan.period else price(plan.price)
    )


def category(name: str) -> str:
    """The text of a category in the spelling of addresses: "AI writing" for "ai-writing"."""
    if name != category_slug(name):
        return name
    text = " ".join(_ACRONYMS.get(word, word) for word in name.split("-"))
    return text[:1].upper() + text[1:]


def site(address: str) -> str:
    """The host of an address. It accepts any text, since old ones were not checked."""
    return re.split(r"[/?#]", address.partition("://")[2], maxsplit=1)[0] or address


def counted(number: int, word: str) -> str:
    """Such as "1 vote", "2 votes"."""
    return f"{number:,} {word}" + ("" if number == 1 else "s")


def gap(points: int, a: str, b: str) -> str:
    """Which of two scores is ahead, and by how much; `points` is that of `a` less that of `b`."""
    if not points:
        return "the same score"
    return f"{a if points > 0 else b}: {counted(abs(points), 'point')} ahead"


def spark(numbers: Sequence[int]) -> str:
    """The numbers as a line of bars."""
    highest = max([*numbers, 1])
    return "".join(BARS[-(-(len(BARS) - 1) * number // highest)] for number in numbers)


def persona(slug: PersonaSlug) -> str:
    """Such as "Builder" or "Data engineer"."""
    return slug.replace("-", " ").replace("_", " ").capitalize()


def monogram(name: str) -> str:
    return next((letter.upper() for letter in name if letter.isalnum()), "?")


def tint(name: str) -> int:
    """Which of the `TINTS` colours of monograms a name has."""
    return crc32(name.encode()) % TINTS


def day(at: datetime) -> str:
    return f"{at.day} {at:%b %Y}"


def minute(at: datetime) -> str:
    return f"{day(at)}, {at:%H:%M} UTC"


def hour(at: datetime) -> str:
    """Such as "31 Jan, 12:00", of a time not long ago."""
    return f"{at.day} {at:%b}, {at:%H:%M}"


def selected(selector: Selector) -> str:
    """Which votes a ruling is about, such as "held votes from 1 Jan 2026, 12:00 UTC"."""
    said = ["held votes" if selector.held else "all votes"]
    if selector.start is not None:
        said.append(f"from {minute(selector.start)}")
    if selector.end is not None:
        said.append(f"before {minute(selector.end)}")
    if selector.cluster is not None:
        said.append(f"of cluster {selector.cluster}")
    if selector.without:
        said.append(f"without those of {counted(len(selector.without), 'cluster')}")
    return " ".join(said)


def why(against: Against) -> str:
    """Why votes do not count."""
    return WHY[against]


def audited(report: AuditReport | None) -> str:
    """The result and the time of the last audit."""
    if report is None:
        return "not counted anew yet"
    at = minute(report.at)
    if report.problem is not None:
        return f"{report.problem}; {at}"
    found = f"{report.drifts:,}" if report.drifts else "none"
    return f"{found} of {counted(report.models, 'read model')}; {at}"


def panel_line(panel: PanelView) -> str:
    """The panel's verdict with its count."""
    reviews = len(panel.reviews)
    if not reviews:
        return "Not reviewed yet"
    says = f"{look(panel.verdict).label} · {panel.ship} ship / {panel.skip} skip"
    if panel.verdict == "pending":
        return f"{says}, {PANEL_REVIEWS_MIN - reviews} more to decide"
    return says


PRICES = {"free": "Free plan", "paid": "Paid only", "unknown": "Not known"}


def scores(panel: PanelView) -> str:
    """Such as "Scores 52 to 85, 74 on average"; nothing without reviews."""
    found = sorted(review.score for review in panel.reviews)
    if not found or panel.mean_score is None:
        return ""
    if found[0] == found[-1]:
        return f"All scores are {found[0]}"
    return f"Scores {found[0]}\u2013{found[-1]}, {panel.mean_score:.0f} on average"


def option(name: str, value: str) -> str:
    """What a value of a filter is called."""
    match name:
        case "category":
            return category(value)
        case "price":
            return PRICES[value]
        case "panel":
            return "Too few reviews" if value == "pending" else value.capitalize()
        case _:
            return {"none": "No votes", "too_early": "Too early"}.get(value, value.capitalize())


def community_line(tally: TallyView) -> str:
    """The community's verdict with its votes."""
    label = look(said(tally)).label
    if tally.call == "none":
        return label
    return f"{label} · {community_votes(tally)}"


def community_votes(tally: TallyView) -> str:
    """Such as "67 % ship of 24 votes", with the side in the lead where it is too early to call."""
    leaning = f", leaning {tally.leaning}" if tally.leaning and not tally.close else ""
    return f"{percent(tally.ship_share)} ship of {counted(tally.total, 'vote')}{leaning}"


def both_shares(a: Tally, b: Tally) -> str:
    """The shares of ship of two tools, such as "71% and 69% would ship"."""
    first, second = verdict.share(a.ship, a.skip), verdict.share(b.ship, b.skip)
    if first is None or second is None:
        return ""
    return f"{percent(first)} and {percent(second)} would ship"


def not_counted(tally: TallyView) -> str | None:
    """How many votes do not count; None where all do."""
    apart = tally.against.get("on_behalf", 0)
    parts = [(tally.held, "held"), (tally.discounted, "discounted"), (apart, "told apart")]
    said = [f"{number:,} {what}" for number, what in parts if number]
    return f"Beside these votes: {' and '.join(said)}." if said else None


def community_reason(tally: TallyView) -> str:
    """The reason for the community's verdict."""
    if tally.under_review and tally.call == "too_early":
        return "Under review: many votes are held, and nothing close is called meanwhile."
    match tally.call:
        case "none":
            return "Nobody has voted. The first vote counts as much as the thousandth."
        case "too_early" if tally.close:
            return "Many have voted, and neither side is ahead by enough."
        case "too_early":
            return "Few have voted: it could still fall either way."
        case "split":
            return "Many votes, and the two sides really are about even."
        case "ship" | "skip":
            low, high = tally.interval or (0.0, 1.0)
            return (
                f"The votes put the true share of ship between {percent(low)} and {percent(high)}."
            )
    assert_never(tally.call)
