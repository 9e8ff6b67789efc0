"""Values as texts for readers, in the language that is spoken."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import assert_never, cast
from zlib import crc32

from votes.app.catalogue.listing import category_slug
from votes.app.catalogue.responses import PanelView
from votes.app.moderation.queue import WHY
from votes.domain import verdict
from votes.domain.moderation.ruling import Selector
from votes.domain.terms import PersonaSlug
from votes.domain.tool import Plan
from votes.domain.verdict import PANEL_REVIEWS_MIN
from votes.domain.vote_events import Against
from votes.engine.read_model_store import AuditReport
from votes.languages import (
    amount,
    clock,
    day,
    day_of_year,
    gettext,
    listed,
    marked,
    marked_plural,
    ngettext,
    number,
)
from votes.languages import percent as in_percent
from votes.projections.tallies import Tally, TallyView
from votes.site.verdicts import Verdict, community_verdict, look

NOTHING = "\u2013"
BARS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"

TINTS = 6

_ACRONYMS = {"ai": "AI", "crm": "CRM", "defi": "DeFi", "dex": "DEX", "llm": "LLM", "vpn": "VPN"}


def percent(share: float | None) -> str:
    return NOTHING if share is None else in_percent(share)


def price(dollars: float | None) -> str:
    """In US dollars, without cents where there are none."""
    if dollars is None:
        return NOTHING
    return gettext("$%(amount)s", amount=amount(dollars)) if dollars else gettext("Free")


def plan_price(plan: Plan) -> str:
    """Such as "Free", "$12 / user/mo", "On request"."""
    if plan.price is None:
        return gettext("Usage-based") if plan.period == "usage-based" else gettext("On request")
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


THINGS = {
    "bookmark": marked_plural("%(count)s bookmark", "%(count)s bookmarks"),
    "cluster": marked_plural("%(count)s cluster", "%(count)s clusters"),
    "day": marked_plural("%(count)s day", "%(count)s days"),
    "entry": marked_plural("%(count)s entry", "%(count)s entries"),
    "event": marked_plural("%(count)s event", "%(count)s events"),
    "page": marked_plural("%(count)s page", "%(count)s pages"),
    "point": marked_plural("%(count)s point", "%(count)s points"),
    "read model": marked_plural("%(count)s read model", "%(count)s read models"),
    "review": marked_plural("%(count)s review", "%(count)s reviews"),
    "tool": marked_plural("%(count)s tool", "%(count)s tools"),
    "vote": marked_plural("%(count)s vote", "%(count)s votes"),
    "voter": marked_plural("%(count)s voter", "%(count)s voters"),
}
"""What pages count."""


def counted(count: int, thing: str) -> str:
    """Such as "1 vote", "2 votes". Raises `KeyError` for what is none of `THINGS`."""
    return ngettext(*THINGS[thing], count)


def versus(*names: str) -> str:
    """Such as "Figma vs Notion"."""
    return f" {gettext('vs')} ".join(names)


def gap(scores: Sequence[tuple[str, int]]) -> str:
    """Which of the named scores are ahead of the next, and by how much; of more than two also from
    where to where they are. Nothing where there is only one."""
    if len(scores) < 2:
        return ""
    lowest, *_, highest = sorted(score for _, score in scores)
    if lowest == highest:
        return gettext("the same score")
    ahead = listed([name for name, score in scores if score == highest])
    next_best = max(score for _, score in scores if score != highest)
    points = counted(highest - next_best, "point")
    if len(scores) == 2:
        return gettext("%(name)s: %(points)s ahead", name=ahead, points=points)
    return gettext(
        "%(name)s: %(points)s ahead, scores %(lowest)d\u2013%(highest)d",
        name=ahead,
        points=points,
        lowest=lowest,
        highest=highest,
    )


SIDES = {
    2: marked("Two tools, side by side"),
    3: marked("Three tools, side by side"),
    4: marked("Four tools, side by side"),
}


def sides(number: int) -> str:
    """What a comparison of so many tools is called."""
    return gettext(SIDES[number])


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


def minute(at: datetime) -> str:
    """Such as "31 Jan 2026, 12:00 UTC"."""
    return gettext("%(day)s, %(time)s UTC", day=day(at), time=clock(at))


def hour(at: datetime) -> str:
    """Such as "31 Jan, 12:00", of a time not long ago."""
    return gettext("%(day)s, %(time)s", day=day_of_year(at), time=clock(at))


def selected(selector: Selector) -> str:
    """Which votes a ruling is about, such as "held votes from 1 Jan 2026, 12:00 UTC"."""
    parts = [gettext("held votes") if selector.held else gettext("all votes")]
    if selector.start is not None:
        parts.append(gettext("from %(time)s", time=minute(selector.start)))
    if selector.end is not None:
        parts.append(gettext("before %(time)s", time=minute(selector.end)))
    if selector.cluster is not None:
        parts.append(gettext("of cluster %(name)s", name=selector.cluster))
    if selector.without:
        clusters = counted(len(selector.without), "cluster")
        parts.append(gettext("without those of %(clusters)s", clusters=clusters))
    return " ".join(parts)


def why(against: Against) -> str:
    """Why votes do not count."""
    return gettext(WHY[against])


def audited(report: AuditReport | None) -> str:
    """The result and the time of the last audit."""
    if report is None:
        return gettext("not counted anew yet")
    at = minute(report.at)
    if report.problem is not None:
        return f"{report.problem}; {at}"
    found = number(report.drifts) if report.drifts else gettext("none")
    models = counted(report.models, "read model")
    return gettext("%(found)s of %(models)s; %(time)s", found=found, models=models, time=at)


def panel_line(panel: PanelView) -> str:
    """The panel's verdict with its count."""
    reviews = len(panel.reviews)
    if not reviews:
        return gettext("Not reviewed yet")
    says = gettext(
        "%(verdict)s · %(ship)s ship / %(skip)s skip",
        verdict=look(panel.verdict).label,
        ship=number(panel.ship),
        skip=number(panel.skip),
    )
    if panel.verdict == "pending":
        missing = number(PANEL_REVIEWS_MIN - reviews)
        return gettext("%(verdict)s, %(count)s more to decide", verdict=says, count=missing)
    return says


PRICES = {"free": marked("Free plan"), "paid": marked("Paid only"), "unknown": marked("Not known")}


def scores(panel: PanelView) -> str:
    """Such as "Scores 52 to 85, 74 on average"; nothing without reviews."""
    found = sorted(review.score for review in panel.reviews)
    if not found or panel.mean_score is None:
        return ""
    if found[0] == found[-1]:
        return gettext("All scores are %(score)s", score=found[0])
    return gettext(
        "Scores %(lowest)s\u2013%(highest)s, %(mean)s on average",
        lowest=found[0],
        highest=found[-1],
        mean=round(panel.mean_score),
    )


def option(name: str, value: str) -> str:
    """What a value of a filter is called."""
    match name, value:
        case "category", _:
            return category(value)
        case "price", _:
            return gettext(PRICES[value])
        case "panel", "pending":
            return gettext("Too few reviews")
        case "call", "none":
            return gettext("No votes")
        case _:
            return look(cast("Verdict", value)).label


def side(choice: str) -> str:
    """A choice within a sentence."""
    return gettext("ship") if choice == "ship" else gettext("skip")


def community_line(tally: TallyView) -> str:
    """The community's verdict with its votes."""
    label = look(community_verdict(tally)).label
    if tally.call == "none":
        return label
    return f"{label} · {community_votes(tally)}"


def community_votes(tally: TallyView) -> str:
    """Such as "67 % ship of 24 votes", with the side in the lead where it is too early to call."""
    votes = gettext(
        "%(share)s ship of %(votes)s",
        share=percent(tally.ship_share),
        votes=counted(tally.total, "vote"),
    )
    if not tally.leaning or tally.close:
        return votes
    return gettext("%(votes)s, leaning %(side)s", votes=votes, side=side(tally.leaning))


def both_shares(a: Tally, b: Tally) -> str:
    """The shares of ship of two tools, such as "71% and 69% would ship"."""
    first, second = verdict.share(a.ship, a.skip), verdict.share(b.ship, b.skip)
    if first is None or second is None:
        return ""
    return gettext("%(a)s and %(b)s would ship", a=percent(first), b=percent(second))


def not_counted(tally: TallyView) -> str | None:
    """How many votes do not count; None where all do."""
    parts = [
        gettext(what, count=number(count))
        for count, what in (
            (tally.held, marked("%(count)s held")),
            (tally.discounted, marked("%(count)s discounted")),
            (tally.against.get("on_behalf", 0), marked("%(count)s told apart")),
        )
        if count
    ]
    return gettext("Beside these votes: %(parts)s.", parts=listed(parts)) if parts else None


def community_reason(tally: TallyView) -> str:
    """The reason for the community's verdict."""
    if tally.under_review and tally.call == "too_early":
        return gettext("Under review: many votes are held, and nothing close is called meanwhile.")
    match tally.call:
        case "none":
            return gettext("Nobody has voted. The first vote counts as much as the thousandth.")
        case "too_early" if tally.close:
            return gettext("Many have voted, and neither side is ahead by enough.")
        case "too_early":
            return gettext("Few have voted: it could still fall either way.")
        case "split":
            return gettext("Many votes, and the two sides really are about even.")
        case "ship" | "skip":
            low, high = tally.interval or (0.0, 1.0)
            return gettext(
                "The votes put the true share of ship between %(low)s and %(high)s.",
                low=percent(low),
                high=percent(high),
            )
    assert_never(tally.call)
